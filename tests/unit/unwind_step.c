// SPDX-License-Identifier: GPL-2.0-or-later
/* One step of a walk, which BPF and user space share, by each form of a rule. */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#include "tap.h"

#define EVP_WALK_INLINE static inline
#include "../../bpf/walk.h"

#define STACK 0x7ffe0000u /* where `memory` is */
#define FAR   (1u << 26)

static uint64_t memory[64];

EVP_WALK_INLINE bool evp_walk_read(struct evp_walk *w, __u64 address, __u64 *ret, __u32 words)
{
	uint64_t at = address - STACK;

	if (at > sizeof(memory) || words * 8 > sizeof(memory) - at)
		return false;
	memcpy(ret, (char *)memory + at, words * 8);
	return true;
}

EVP_WALK_INLINE void evp_walk_loop(__u32 n, long (*fn)(__u32 i, void *arg), void *arg)
{
	for (__u32 i = 0; i < n && !fn(i, arg); i++)
		;
}

static struct evp_walk w;

/* By the rule, from the stack's beginning, a frame pointer 8 words on and rbx 16 on: */
static bool step(bool exact, struct evp_unwind_rule rule)
{
	w = (struct evp_walk){ .pc = 0x100 };
	for (uint64_t i = 0; i < EVP_REGS; i++)
		w.reg[i] = STACK + 8 * i;
	w.reg[EVP_REG_SP] = STACK;
	w.reg[EVP_REG_FP] = STACK + 64;
	w.reg[EVP_REG_BX] = STACK + 128;
	evp_walk_set_exact(&w);
	w.exact = exact;
	rule.ra_off = rule.ra != EVP_RA_REG ? -8 : rule.ra_off;
	return evp_walk_step(&w, &rule) == EVP_WALK_GOES_ON && !w.exact;
}

/* The word that the return address was read from: each holds its number + 1. */
static uint64_t ra_word(void)
{
	return w.pc;
}

static void cfas(void)
{
	ok(step(0, (struct evp_unwind_rule){ .cfa = EVP_CFA_SP, .cfa_off = 24 }) &&
		   ra_word() == 2 && w.sp == STACK + 24,
	   "sp + an offset");
	ok(step(0, (struct evp_unwind_rule){ .cfa = EVP_CFA_FP, .cfa_off = 24 }) && ra_word() == 10,
	   "fp + an offset");
	memory[1] = STACK + 160;
	memory[9] = STACK + 200;
	memory[17] = STACK + 240;
	ok(step(0,
		(struct evp_unwind_rule){ .cfa = EVP_CFA_DEREF_SP, .cfa_off = 8, .cfa_add = 8 }) &&
		   w.sp == STACK + 168 && ra_word() == 20,
	   "what is at sp + an offset");
	ok(step(0,
		(struct evp_unwind_rule){ .cfa = EVP_CFA_DEREF_FP, .cfa_off = 8, .cfa_add = -8 }) &&
		   w.sp == STACK + 192,
	   "at fp + an offset");
	ok(step(0, (struct evp_unwind_rule){ .cfa = EVP_CFA_DEREF_REG, .reg = 3, .cfa_off = 8 }) &&
		   w.sp == STACK + 240,
	   "at rbx + an offset");
	ok(step(1, (struct evp_unwind_rule){ .cfa = EVP_CFA_REG, .reg = 10, .cfa_off = 16 }) &&
		   w.sp == STACK + 96,
	   "any register + an offset where all are known");
	ok(!step(0, (struct evp_unwind_rule){ .cfa = EVP_CFA_REG, .reg = 10, .cfa_off = 16 }),
	   "but not in a caller");
	ok(step(1,
		(struct evp_unwind_rule){
			.cfa = EVP_CFA_SP, .cfa_off = 8, .ra = EVP_RA_REG, .ra_off = 10 }) &&
		   w.pc == STACK + 79 && w.sp == STACK + 8,
	   "a return address in a register");
	for (size_t i = 0; i < 64; i++)
		memory[i] = i + 1;
}

static uint64_t fp_after(enum evp_unwind_fp fp, short off, int cfa_off)
{
	return step(0,
		    (struct evp_unwind_rule){
			    .cfa = EVP_CFA_SP, .cfa_off = cfa_off, .fp = fp, .fp_off = off })
		       ? w.fp
		       : 0;
}

static void frame_pointers(void)
{
	ok(fp_after(EVP_FP_SAME, 0, 32) == STACK + 64, "a frame pointer that stayed");
	ok(fp_after(EVP_FP_AT_CFA, -16, 32) == 3 && ra_word() == 3, "beside the return address");
	ok(fp_after(EVP_FP_AT_CFA, -32, 32) == 1 && ra_word() == 3, "elsewhere below the CFA");
	ok(fp_after(EVP_FP_AT_SP, 40, 32) == 6 && ra_word() == 3, "above the stack pointer");
	ok(fp_after(EVP_FP_AT_FP, -16, 32) == 7, "by itself");
	ok(fp_after(EVP_FP_AT_CFA, -24, 16) == STACK + 64, "popped: the register has it again");
}

static void rbx(void)
{
	struct evp_unwind_rule r = { .cfa = EVP_CFA_SP, .cfa_off = 32, .bx_off = -24 };

	ok(step(0, r) && w.bx_is == EVP_BX_SAVED && w.bx == STACK + 8, "rbx: saved");
	r.bx_off = -40;
	ok(step(0, r) && w.bx_is == EVP_BX_VALUE && w.bx == STACK + 128, "popped");
	r.bx_off = EVP_BX_OFF_LOST;
	ok(step(0, r) && w.bx_is == EVP_BX_LOST, "lost");
	r = (struct evp_unwind_rule){ .cfa = EVP_CFA_REG, .reg = 3, .ra_off = -8 };
	ok(evp_walk_step(&w, &r) == EVP_WALK_NO_RULE, "and nothing is found by it then");
}

/*
 * libgcc's frame with its CFA at word 30 and a context that has word 50 as the CFA to land at. A word
 * is its number + 1, so that the return address is 30.
 */
static void landing(void)
{
	const struct evp_unwind_rule r = { .cfa = EVP_CFA_LANDING, .cfa_off = 8 * 22 };

	memory[10] = STACK + 8 * 49; /* where the return address to land at is */
	memory[12] = STACK + 8 * 50;
	ok(step(0, r) && ra_word() == 29 && w.sp == STACK + 8 * 30, "on the way: the caller");
	memory[49] = 30;
	ok(step(0, r) && ra_word() == 29 && w.sp == STACK + 8 * 50, "landing: that frame's stack");
	memory[49] = 1000; /* the landing pad's */
	ok(step(1, r) && w.sp == STACK + 8 * 30, "a register that is nothing's place");
	w.reg[EVP_REG_CX] = STACK + 8 * 49;
	w.sp = STACK;
	w.fp = STACK + 64;
	w.exact = 1;
	ok(evp_walk_step(&w, &r) == EVP_WALK_GOES_ON && w.sp == STACK + 8 * 50, "is this one's");
	memory[49] = 30;
	memory[12] = STACK + 8 * 29;
	memory[10] = STACK + 8 * 28;
	memory[28] = 30;
	ok(step(0, r) && w.sp == STACK + 8 * 30, "nobody lands below");
	ok(step(0, (struct evp_unwind_rule){ .cfa = EVP_CFA_SP,
					     .cfa_off = 24,
					     .ra = EVP_RA_LANDING }) &&
		   w.pc == 3,
	   "a landing pad is not behind a call");
	for (size_t i = 0; i < 64; i++)
		memory[i] = i + 1;
}

/* What the kernel saved, as the C library calls it; DWARF's numbers. */
static void signal_frame(void)
{
	static const int place[EVP_REGS] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
					     REG_RBP, REG_RSP, REG_R8,	REG_R9,	 REG_R10, REG_R11,
					     REG_R12, REG_R13, REG_R14, REG_R15 };
	const struct evp_unwind_rule rule = { .cfa = EVP_CFA_SIGNAL };
	ucontext_t u = { 0 };
	int same = 0;

	for (int i = 0; i < EVP_REGS; i++)
		u.uc_mcontext.gregs[place[i]] = 1000 + i;
	u.uc_mcontext.gregs[REG_RIP] = 77;
	memcpy(memory, &u, sizeof(memory));
	w = (struct evp_walk){ .sp = STACK };
	ok(evp_walk_step(&w, &rule) == EVP_WALK_GOES_ON && w.exact && w.pc == 77,
	   "a signal frame: where it was");
	for (int i = 0; i < EVP_REGS; i++)
		same += w.reg[i] == 1000 + (uint64_t)i;
	ok(same == EVP_REGS && w.sp == 1007 && w.fp == 1006 && w.bx == 1003, "and its registers");
}

static enum evp_walk_end guess(uint64_t fp, enum evp_walk_end before)
{
	w = (struct evp_walk){ .sp = STACK, .fp = fp, .guess = (uint8_t)before };
	return evp_walk_guess(&w, EVP_WALK_NO_TABLE);
}

static void guesses(void)
{
	memory[5] = 0x1001;
	memory[7] = 0;
	ok(guess(STACK + 32, 0) == EVP_WALK_GOES_ON && w.pc == 0x1000 && w.sp == STACK + 48 &&
		   w.guess == EVP_WALK_NO_TABLE && w.bx_is == EVP_BX_LOST,
	   "by the frame pointer");
	guess(STACK + 32, EVP_WALK_BROKEN_CHAIN);
	ok(w.guess == EVP_WALK_BROKEN_CHAIN, "the first guess's reason stays");
	ok(guess(STACK + 48, 0) == EVP_WALK_BAD_ADDRESS, "a zero found so is no root");
	ok(guess(STACK - 8, 0) == EVP_WALK_BAD_ADDRESS && w.pc == 0,
	   "none below the stack pointer");
	ok(guess(STACK + 36, 0) == EVP_WALK_BAD_ADDRESS && w.pc == 0, "nor at odd places");
	w = (struct evp_walk){ .sp = STACK - FAR + 32, .fp = STACK + 32 };
	ok(evp_walk_guess(&w, EVP_WALK_NO_TABLE) == EVP_WALK_BAD_ADDRESS, "nor far away");
	w = (struct evp_walk){ .sp = STACK - FAR + 40, .fp = STACK + 32 };
	ok(evp_walk_guess(&w, EVP_WALK_NO_TABLE) == EVP_WALK_GOES_ON, "nearer there is one");
}

int main(void)
{
	for (size_t i = 0; i < 64; i++)
		memory[i] = i + 1;
	cfas();
	frame_pointers();
	rbx();
	landing();
	signal_frame();
	guesses();
	return done_testing();
}
