/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a walk must know of aarch64. Included by walk.h, in the middle. */
#ifndef EVP_BPF_WALK_ARCH_H
#define EVP_BPF_WALK_ARCH_H

#define EVP_SIGNAL_WORDS   4
#define EVP_UC_STACK_TO_SP 416 /* in struct ucontext */

/*
 * The kernel's struct rt_sigframe: siginfo (128 bytes), in the ucontext behind it at byte 176 the
 * fault address, then x0-x30, sp, pc. uapi asm/sigcontext.h.
 */
EVP_WALK_INLINE bool evp_walk_signal_regs(struct evp_walk *w)
{
	if (!evp_walk_read(w, w->sp + 128 + 176 + 8 + 29 * 8, w->saved, EVP_SIGNAL_WORDS))
		return false;
	w->reg[EVP_REG_FP] = w->saved[0];
	w->reg[EVP_REG_LR] = w->saved[1];
	w->reg[EVP_REG_SP] = w->saved[2];
	w->pc = w->saved[3];
	return true;
}

/* Without the signature in its upper bits (pointer authentication). */
EVP_WALK_INLINE __u64 evp_walk_return_address(__u64 value)
{
	return value & ((1ULL << 48) - 1);
}

#endif
