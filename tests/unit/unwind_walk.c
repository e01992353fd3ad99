// SPDX-License-Identifier: GPL-2.0-or-later
/* The walk over a copied stack, with tables and stacks made by hand. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "unwind/walk.h"
#include "tap.h"

#define CODE	    0x100000 /* where the table's file is mapped; its addresses begin at 0 */
#define STACK	    0x7ffe0000
#define OTHER_STACK 0xc000040000
#define FUNC	    0x100    /* each rule holds for so many bytes */
#define OTHER	    0x900000 /* mapped, without a table */

static struct evp_unwind_table table;
static uint64_t stack[64], second[8], frame[16];
static enum evp_code_kind other = EVP_CODE_UNKNOWN;

static void find(void *arg, uint64_t address, struct evp_code *ret)
{
	*ret = (struct evp_code){ .kind = EVP_CODE_NONE };
	if (address >= CODE && address < CODE + 0x200000)
		*ret = (struct evp_code){ CODE, CODE + 0x200000, CODE, &table, EVP_CODE_TABLE };
	else if (address >= OTHER && address < OTHER + 0x1000)
		*ret = (struct evp_code){ OTHER, OTHER + 0x1000, 0, NULL, other };
}

/* A table in which function number i, of FUNC bytes, has rule[i]. */
static void make_table(const struct evp_unwind_rule *rule, size_t n)
{
	struct evp_cfi_row row[16];
	struct evp_cfi_rows rows = { .row = row };
	struct evp_rule_set rules = { 0 };
	const struct evp_unwind_rule none = { 0 };
	uint32_t id;

	evp_unwind_table_release(&table);
	evp_rule_set_add(&rules, &none, &id);
	for (; rows.n < n; rows.n++) {
		evp_rule_set_add(&rules, &rule[rows.n], &id);
		row[rows.n] = (struct evp_cfi_row){ rows.n * FUNC, (uint16_t)id };
	}
	row[rows.n++] = (struct evp_cfi_row){ n * FUNC, 0 };
	ok(!evp_unwind_table_build(&table, &rows, &rules, NULL) &&
		   !evp_unwind_table_check(&table, NULL),
	   "a table");
	evp_rule_set_release(&rules);
}

static uint64_t in(int function)
{
	return CODE + (uint64_t)function * FUNC + 0x10;
}

static size_t walked;

/* From function number 0, with the stack pointer at the beginning of the copy. */
static enum evp_walk_end walk(uint64_t pc, size_t copied, size_t max, uint64_t fp, uint64_t bx)
{
	struct evp_walk_in w = { .stack = { stack, copied, STACK },
				 .other = { second, sizeof(second), OTHER_STACK },
				 .find = find };

	w.regs.pc = pc;
	w.regs.reg[7] = STACK;
	w.regs.reg[6] = fp;
	w.regs.reg[3] = bx;
	return evp_walk(&w, frame, max, &walked);
}

static const struct evp_unwind_rule rules[] = {
	{ .cfa = EVP_CFA_SP, .cfa_off = 16, .ra_off = -8 },
	{ .cfa = EVP_CFA_SP,
	  .cfa_off = 32,
	  .fp = EVP_FP_AT_CFA,
	  .fp_off = -16,
	  .ra_off = -8,
	  .bx_off = -24 },
	{ .cfa = EVP_CFA_REG, .reg = 3, .cfa_off = 8, .ra_off = -8 },
	{ .cfa = EVP_CFA_END },
	{ .cfa = EVP_CFA_SIGNAL },
	{ .cfa = EVP_CFA_PLT, .cfa_off = 8, .cfa_add = 11, .ra_off = -8 },
	{ .cfa = EVP_CFA_UNKNOWN },
	{ .cfa = EVP_CFA_DEREF_SP, .cfa_off = 8, .cfa_add = 8, .ra_off = -8 },
	{ .cfa = EVP_CFA_SP, .cfa_off = 8, .ra = EVP_RA_REG, .ra_off = 14 },
	{ .cfa = EVP_CFA_SP, .cfa_off = -8, .ra_off = 0 },
	{ .cfa = EVP_CFA_FP, .cfa_off = 16, .ra_off = -8, .fp = EVP_FP_AT_CFA, .fp_off = -16 },
};
static void by_rules(void)
{
	enum evp_walk_end end;

	/* 0 called by 1, which saved fp and bx, called by 2, whose CFA is bx + 8, called by 3. */
	stack[1] = in(1) + 1;
	stack[2 + 1] = STACK + 8 * 20; /* bx of 2 */
	stack[2 + 2] = 0x1234;	       /* fp of 2 */
	stack[2 + 3] = in(2) + 1;
	stack[20] = in(3) + 1;
	end = walk(in(0), sizeof(stack), 16, 0, 0);
	ok(end == EVP_WALK_ROOT && walked == 4 && frame[0] == in(0) && frame[1] == in(1) &&
		   frame[2] == in(2) && frame[3] == in(3),
	   "by sp, by a saved rbx, to the root");
	ok(walk(in(0), sizeof(stack), 2, 0, 0) == EVP_WALK_TOO_DEEP && walked == 2, "too deep");
	ok(walk(in(0), 8 * 20, 16, 0, 0) == EVP_WALK_NOT_COPIED && walked == 3,
	   "a copy that is too short");
	ok(walk(in(0), 0, 16, 0, 0) == EVP_WALK_NOT_COPIED && walked == 1, "or empty");
	ok(walk(in(0), 8 * 20 + 7, 16, 0, 0) == EVP_WALK_NOT_COPIED && walked == 3,
	   "or ends in a word");
	ok(walk(in(2), sizeof(stack), 16, 0, STACK + 8 * 20) == EVP_WALK_ROOT && walked == 2,
	   "by rbx as it is");
	ok(walk(in(2), sizeof(stack), 16, 0, 0x10) == EVP_WALK_BAD_ADDRESS && walked == 1,
	   "a bad address");
}

static void by_rarer_rules(void)
{
	/* PLT: the second push changes the stack pointer's distance. */
	stack[0] = stack[1] = in(3) + 1;
	ok(walk(CODE + 5 * FUNC + 10, 8, 16, 0, 0) == EVP_WALK_ROOT, "PLT: before its push");
	stack[0] = 0x10;
	ok(walk(CODE + 5 * FUNC + 11, 16, 16, 0, 0) == EVP_WALK_ROOT, "PLT: behind its push");
	ok(walk(in(6), sizeof(stack), 16, 0, 0) == EVP_WALK_NO_RULE && walked == 1, "no rule");
	stack[1] = STACK + 8 * 9; /* + 8 is the CFA */
	stack[9] = in(3) + 1;
	ok(walk(in(7), sizeof(stack), 16, 0, 0) == EVP_WALK_ROOT && walked == 2, "a CFA in memory");
	ok(walk(in(8), sizeof(stack), 16, 0, 0) == EVP_WALK_ROOT && walked == 1,
	   "no link register: the root");
	stack[1] = in(8) + 1;
	ok(walk(in(0), sizeof(stack), 16, 0, 0) == EVP_WALK_NO_RULE && walked == 2,
	   "a register that only an interrupted frame has");

	stack[0] = in(9) + 1;
	ok(walk(in(9), sizeof(stack), 16, 0, 0) != EVP_WALK_ROOT && walked <= 16,
	   "a rule that goes nowhere ends");
}

static void to_other_stacks(void)
{
	enum evp_walk_end end;

	/* 0's caller returns into a signal frame, which interrupted function 3. */
	memset(stack, 0, sizeof(stack));
	stack[2 + 5 + 15] = STACK + 8;
	stack[2 + 5 + 16] = CODE + 3 * FUNC; /* interrupted at its first instruction */
	stack[1] = in(4);
	end = walk(in(0), sizeof(stack), 16, 0, 0);
	ok(end == EVP_WALK_ROOT && walked == 3 && frame[1] == in(4) && frame[2] == CODE + 3 * FUNC,
	   "a signal: the interrupted address as it was");
	ok(walk(in(0), 8 * (2 + 5 + 16), 16, 0, 0) == EVP_WALK_NOT_COPIED && walked == 2,
	   "a signal frame that was not copied whole");

	/* A frame on another stack, as a frame pointer says. */
	second[1] = in(3) + 1;
	ok(walk(in(10), sizeof(stack), 16, OTHER_STACK, 0) == EVP_WALK_ROOT && walked == 2,
	   "from one stack to the other");
	ok(walk(in(10), sizeof(stack), 16, OTHER_STACK + 8 * 7, 0) == EVP_WALK_NOT_COPIED,
	   "not beyond its copy");
}

static void by_frame_pointers(void)
{
	/* Guesses by frame pointers: they lead on, or it is said what was missing. */
	stack[4] = 0;
	stack[5] = in(3) + 1;
	ok(walk(OTHER, sizeof(stack), 16, STACK + 32, 0) == EVP_WALK_ROOT && walked == 2,
	   "no table: by the frame pointer");
	ok(walk(OTHER, sizeof(stack), 16, STACK - 8, 0) == EVP_WALK_NO_TABLE && walked == 1,
	   "not below the stack pointer");
	ok(walk(OTHER, sizeof(stack), 16, STACK + 33, 0) == EVP_WALK_NO_TABLE, "nor odd");
	other = EVP_CODE_JIT;
	ok(walk(OTHER, sizeof(stack), 16, 0, 0) == EVP_WALK_BROKEN_CHAIN, "JIT: a broken chain");
	stack[5] = 0x10;
	ok(walk(OTHER, sizeof(stack), 16, STACK + 32, 0) == EVP_WALK_BROKEN_CHAIN && walked == 1,
	   "what follows a guess is its fault");
	ok(walk(0x10, sizeof(stack), 16, 0, 0) == EVP_WALK_NO_MAPPING && walked == 1 &&
		   frame[0] == 0x10,
	   "nothing mapped: the leaf at least");
	ok(walk(CODE + 0x150000, sizeof(stack), 16, 0, 0) == EVP_WALK_NO_TABLE,
	   "a mapping larger than its table");
}

/* What could not be read: memory that was not copied, or none that there is. */
static void unread(void)
{
	ok(walk(in(10), sizeof(stack), 16, 0x10000000, 0) == EVP_WALK_NOT_COPIED,
	   "a stack that nobody copied");
	ok(walk(in(10), sizeof(stack), 16, 0x8000, 0) == EVP_WALK_BAD_ADDRESS, "the first pages");
	ok(walk(in(10), sizeof(stack), 16, 0xffff888000000000, 0) == EVP_WALK_BAD_ADDRESS,
	   "the kernel's memory");
	other = EVP_CODE_UNKNOWN;
	stack[4] = 0x10000000;
	stack[5] = in(10) + 1;
	ok(walk(OTHER, sizeof(stack), 16, STACK + 32, 0) == EVP_WALK_NO_TABLE && walked == 2,
	   "and where a guess led, the guess is at fault");
	ok(walk(OTHER, 40, 16, STACK + 32, 0) == EVP_WALK_NOT_COPIED && walked == 1,
	   "unless it is of the copied stack, behind the copy");
}

int main(void)
{
	setlinebuf(stdout);
	make_table(rules, sizeof(rules) / sizeof(*rules));
	by_rules();
	by_rarer_rules();
	to_other_stacks();
	by_frame_pointers();
	unread();
	evp_unwind_table_release(&table);
	return done_testing();
}
