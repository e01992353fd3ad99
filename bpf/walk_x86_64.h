/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a walk must know of x86-64. Included by walk.h, in the middle. */
#ifndef EVP_BPF_WALK_ARCH_H
#define EVP_BPF_WALK_ARCH_H

#define EVP_SIGNAL_WORDS   17
#define EVP_UC_STACK_TO_SP 144 /* in struct ucontext */

/*
 * The kernel's struct rt_sigframe from the return address on: the ucontext, in it the registers
 * r8-r15, di, si, bp, bx, dx, ax, cx, sp, ip at byte 40. uapi asm/sigcontext.h.
 */
EVP_WALK_INLINE bool evp_walk_signal_regs(struct evp_walk *w)
{
	if (!evp_walk_read(w, w->sp + 40, w->saved, EVP_SIGNAL_WORDS))
		return false;
	for (int i = 0; i < 8; i++)
		w->reg[8 + i] = w->saved[i];
	w->reg[5] = w->saved[8];
	w->reg[4] = w->saved[9];
	w->reg[EVP_REG_FP] = w->saved[10];
	w->reg[EVP_REG_BX] = w->saved[11];
	w->reg[1] = w->saved[12];
	w->reg[0] = w->saved[13];
	w->reg[2] = w->saved[14];
	w->reg[EVP_REG_SP] = w->saved[15];
	w->pc = w->saved[16];
	return true;
}

EVP_WALK_INLINE __u64 evp_walk_return_address(__u64 value)
{
	return value;
}

#endif
