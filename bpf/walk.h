/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One step of a walk, from a frame to its caller, by a rule: the same code in BPF and in user
 * space. Who includes it defines EVP_WALK_INLINE before, evp_walk_read and evp_walk_loop behind.
 *
 * Between steps `pc` is an address inside the call instruction (return address - 1), but the very
 * next instruction where the frame was interrupted: `exact`. Only there are all registers known;
 * elsewhere the stack pointer, the frame pointer, and of rbx the place where it was saved, because
 * functions that realign their stack keep their CFA in it while they call others.
 */
#ifndef EVP_BPF_WALK_H
#define EVP_BPF_WALK_H

#include "unwind.h"

enum evp_walk_bx {
	EVP_BX_VALUE, /* `bx` is its value */
	EVP_BX_SAVED, /* `bx` is the address of its value */
	EVP_BX_LOST,
};

struct evp_walk {
	__u64 pc, sp, fp, bx;
	__u8 bx_is;
	__u8 exact;
	__u8 guess; /* enum evp_walk_end of the first step by frame pointers: why what follows fails */
	__u64 reg[EVP_REGS]; /* where exact */
	__u64 saved[17];     /* room for a signal frame's registers */
};

/* Reads `words` 8-byte words (a constant) of the walked process's memory. Whether it could. */
EVP_WALK_INLINE bool evp_walk_read(struct evp_walk *w, __u64 address, __u64 *ret, __u32 words);

/* Calls fn(0, arg), fn(1, arg) ... up to n times, until it returns other than 0. */
EVP_WALK_INLINE void evp_walk_loop(__u32 n, long (*fn)(__u32 i, void *arg), void *arg);

/* A frame pointer's rule: push rbp; mov rbp, rsp. */
static const struct evp_unwind_rule evp_walk_by_fp = {
	.cfa = EVP_CFA_FP,
	.fp = EVP_FP_AT_CFA,
	.cfa_off = 16,
	.fp_off = -16,
	.ra_off = -8,
};

EVP_WALK_INLINE void evp_walk_set_exact(struct evp_walk *w)
{
	w->sp = w->reg[EVP_REG_SP];
	w->fp = w->reg[EVP_REG_FP];
	w->bx = w->reg[EVP_REG_BX];
	w->bx_is = EVP_BX_VALUE;
	w->exact = 1;
}

EVP_WALK_INLINE bool evp_walk_register(struct evp_walk *w, __u32 reg, __u64 *ret)
{
	if (w->exact) {
		*ret = w->reg[reg % EVP_REGS];
		return true;
	}
	*ret = w->bx;
	if (reg != EVP_REG_BX || w->bx_is == EVP_BX_LOST)
		return false;
	return w->bx_is == EVP_BX_VALUE || evp_walk_read(w, w->bx, ret, 1);
}

#if defined(__TARGET_ARCH_arm64) || defined(__aarch64__)
#include "walk_aarch64.h"
#else
#include "walk_x86_64.h"
#endif

EVP_WALK_INLINE enum evp_walk_end evp_walk_cfa(struct evp_walk *w, const struct evp_unwind_rule *r,
					       __u64 *ret)
{
	__u64 at;

	switch (r->cfa) {
	case EVP_CFA_SP:
		*ret = w->sp + r->cfa_off;
		return EVP_WALK_GOES_ON;
	case EVP_CFA_FP:
	case EVP_CFA_LANDING:
		*ret = w->fp + r->cfa_off;
		return EVP_WALK_GOES_ON;
	case EVP_CFA_PLT:
		*ret = w->sp + r->cfa_off + (((w->pc & 15) >= (__u16)r->cfa_add) ? 8 : 0);
		return EVP_WALK_GOES_ON;
	case EVP_CFA_DEREF_SP:
		at = w->sp + r->cfa_off;
		break;
	case EVP_CFA_DEREF_FP:
		at = w->fp + r->cfa_off;
		break;
	case EVP_CFA_REG:
	case EVP_CFA_DEREF_REG:
		if (!evp_walk_register(w, r->reg, &at))
			return EVP_WALK_NO_RULE;
		at += r->cfa_off;
		if (r->cfa == EVP_CFA_DEREF_REG)
			break;
		*ret = at;
		return EVP_WALK_GOES_ON;
	default:
		return EVP_WALK_NO_RULE;
	}
	if (!evp_walk_read(w, at, ret, 1))
		return EVP_WALK_BAD_ADDRESS;
	*ret += r->cfa_add;
	return EVP_WALK_GOES_ON;
}

/*
 * The return address and the caller's frame pointer; often they are neighbours: one read. What was
 * saved below the stack pointer has been popped: compilers do not say so at the end of a function,
 * the register has it again, and nobody copied that memory.
 */
EVP_WALK_INLINE bool evp_walk_saved(struct evp_walk *w, const struct evp_unwind_rule *r, __u64 cfa,
				    __u64 *ret_ra, __u64 *ret_fp)
{
	__u64 at = r->fp == EVP_FP_AT_CFA ? cfa : r->fp == EVP_FP_AT_SP ? w->sp : w->fp;

	at += r->fp_off;
	*ret_fp = w->fp;
	*ret_ra = w->reg[(__u16)r->ra_off % EVP_REGS];
	if (r->fp == EVP_FP_SAME || (r->fp == EVP_FP_AT_CFA && at < w->sp))
		return r->ra == EVP_RA_REG || evp_walk_read(w, cfa + r->ra_off, ret_ra, 1);
	if (r->fp == EVP_FP_AT_CFA && r->ra != EVP_RA_REG && r->fp_off + 8 == r->ra_off) {
		if (!evp_walk_read(w, at, w->saved, 2))
			return false;
		*ret_fp = w->saved[0];
		*ret_ra = w->saved[1];
		return true;
	}
	if (r->ra != EVP_RA_REG && !evp_walk_read(w, cfa + r->ra_off, ret_ra, 1))
		return false;
	return evp_walk_read(w, at, ret_fp, 1);
}

/*
 * Throwing an exception, libgcc replaces what its own frame has saved by what the frame to land in
 * had (uw_install_context_1), and no call frame information says so: registers and return address
 * are that frame's from then on, the CFA is not. That is in a struct _Unwind_Context on libgcc's own
 * part of the stack: 18 places where registers are saved, [16] the return address's, right below the
 * CFA; then the CFA. At the very end rcx has that place, whose return address has given way to the
 * landing pad's; rows from there on have EVP_RA_LANDING.
 */
#define EVP_LANDING_PLACES 256 /* where it may begin; libgcc's frames are of 1 KiB */

struct evp_walk_landing {
	struct evp_walk *w;
	__u64 at, cfa, ra;
	__u64 sp; /* of the frame to land in; until it is found, the CFA */
};

static long evp_walk_look_for_landing(__u32 i, void *arg)
{
	struct evp_walk_landing *l = arg;
	__u64 place, sp, called;

	(void)i;
	if (l->at + 24 > l->cfa || !evp_walk_read(l->w, l->at, l->w->saved, 3))
		return 1;
	l->at += 8;
	place = l->w->saved[0];
	sp = l->w->saved[2];
	if (place + 8 != sp || sp <= l->cfa || !evp_walk_read(l->w, place, &called, 1) ||
	    (called != l->ra && !(l->w->exact && l->w->reg[EVP_REG_CX] == place)))
		return 0;
	l->sp = sp;
	return 1;
}

EVP_WALK_INLINE enum evp_walk_end evp_walk_step(struct evp_walk *w, const struct evp_unwind_rule *r)
{
	struct evp_walk_landing landing;
	__u64 cfa = 0, ra, fp;
	enum evp_walk_end end;

	if (r->cfa == EVP_CFA_END)
		return EVP_WALK_ROOT;
	if (r->cfa == EVP_CFA_SIGNAL) {
		if (!evp_walk_signal_regs(w))
			return EVP_WALK_BAD_ADDRESS;
		evp_walk_set_exact(w);
		return EVP_WALK_GOES_ON;
	}
	if (r->ra == EVP_RA_REG && !w->exact)
		return EVP_WALK_NO_RULE;
	end = evp_walk_cfa(w, r, &cfa);
	if (end != EVP_WALK_GOES_ON)
		return end;
	if (!evp_walk_saved(w, r, cfa, &ra, &fp))
		return EVP_WALK_BAD_ADDRESS;
	ra = evp_walk_return_address(ra);
	if (!ra) /* what start code leaves where there is no caller; no zero found by a guess is that */
		return w->guess ? EVP_WALK_BAD_ADDRESS : EVP_WALK_ROOT;
	if (r->bx_off == EVP_BX_OFF_LOST) {
		w->bx_is = EVP_BX_LOST;
	} else if (r->bx_off && cfa + r->bx_off >= w->sp) {
		w->bx = cfa + r->bx_off;
		w->bx_is = EVP_BX_SAVED;
	}
	if (r->cfa == EVP_CFA_LANDING) {
		landing = (struct evp_walk_landing){ w, w->sp, cfa, ra, cfa };
		evp_walk_loop(EVP_LANDING_PLACES, evp_walk_look_for_landing, &landing);
		cfa = landing.sp;
	}
	w->pc = r->ra == EVP_RA_LANDING ? ra : ra - 1;
	w->sp = cfa;
	w->fp = fp;
	w->exact = 0;
	return EVP_WALK_GOES_ON;
}

/*
 * A step where no table says how. The frame must lie on the stack's side of the stack pointer, and
 * not absurdly far: that already tells most registers used for other things from frame pointers.
 */
EVP_WALK_INLINE enum evp_walk_end evp_walk_guess(struct evp_walk *w, enum evp_walk_end why)
{
	if (!w->guess)
		w->guess = why;
	w->bx_is = EVP_BX_LOST;
	if (w->fp >= w->sp && w->fp - w->sp < 1 << 26 && !(w->fp & 7))
		return evp_walk_step(w, &evp_walk_by_fp);
	return EVP_WALK_BAD_ADDRESS;
}

#endif
