/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registers of user space at a tick, as a walk wants them. */
#ifndef EVP_REGS_BPF_H
#define EVP_REGS_BPF_H

#include "walk.bpf.h"

#if defined(__TARGET_ARCH_x86)

#define PC(regs) ((regs).ip)

static __always_inline bool is_32bit(const struct pt_regs *r)
{
	return (r->cs & 0xffff) == 0x23; /* __USER32_CS */
}

static __always_inline bool is_exec(const struct pt_regs *r)
{
	return r->orig_ax == 59 || r->orig_ax == 322; /* execve, execveat */
}

static __always_inline void take_regs(struct evp_walk *w, const struct pt_regs *r)
{
	w->pc = r->ip;
	w->reg[0] = r->ax;
	w->reg[1] = r->dx;
	w->reg[2] = r->cx;
	w->reg[3] = r->bx;
	w->reg[4] = r->si;
	w->reg[5] = r->di;
	w->reg[6] = r->bp;
	w->reg[7] = r->sp;
	w->reg[8] = r->r8;
	w->reg[9] = r->r9;
	w->reg[10] = r->r10;
	w->reg[11] = r->r11;
	w->reg[12] = r->r12;
	w->reg[13] = r->r13;
	w->reg[14] = r->r14;
	w->reg[15] = r->r15;
}

#elif defined(__TARGET_ARCH_arm64)

#define PC(regs) ((regs).pc)

static __always_inline bool is_32bit(const struct pt_regs *r)
{
	return r->pstate & 0x10; /* PSR_MODE32_BIT */
}

static __always_inline bool is_exec(const struct pt_regs *r)
{
	return r->regs[8] == 221 || r->regs[8] == 281; /* execve, execveat */
}

static __always_inline void take_regs(struct evp_walk *w, const struct pt_regs *r)
{
	w->pc = r->pc;
	w->reg[EVP_REG_FP] = r->regs[29];
	w->reg[EVP_REG_LR] = r->regs[30];
	w->reg[EVP_REG_SP] = r->sp;
}

#endif

#define IN_KERNEL(regs) ((__s64)PC(regs) < 0)
#define PF_EXITING	0x4
#define PF_KTHREAD	0x200000

/*
 * The registers of user space into b->w, where the kernel was interrupted those of the entry into
 * it. GOES_ON: there are some; ROOT: there is no user half.
 */
static __always_inline __u32 user_regs(struct bpf_perf_event_data *ctx, struct evp_bpf_walker *b)
{
	__u32 flags;

	if (!IN_KERNEL(ctx->regs)) {
		b->regs = ctx->regs;
	} else {
		flags = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), flags);
		if (flags & PF_KTHREAD)
			return EVP_WALK_ROOT;
		if (flags & PF_EXITING)
			return EVP_WALK_EXITING;
		if (!knobs.has_pt_regs ||
		    bpf_probe_read_kernel(&b->regs, sizeof(b->regs),
					  (void *)bpf_task_pt_regs(bpf_get_current_task_btf())))
			return EVP_WALK_NO_REGS;
		if (!PC(b->regs) || IN_KERNEL(b->regs)) /* the kernel made it for itself */
			return EVP_WALK_ROOT;
	}
	take_regs(&b->w, &b->regs);
	evp_walk_set_exact(&b->w);
	return is_32bit(&b->regs) ? EVP_WALK_32BIT : EVP_WALK_GOES_ON;
}

#endif
