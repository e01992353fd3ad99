/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unwind tables, as user space makes them and both walkers, in BPF and in user space, read them.
 *
 * A file's table is an array of 32-bit words that holds no addresses, so that it may lie anywhere:
 *
 *	pages	npages x {block, nrows}: one for each 64 KiB of ELF virtual addresses in turn
 *	rules	nrules x struct evp_unwind_rule
 *	blocks	for each page with rows: 64 x u16, for each KiB of the page the number of the row
 *		that covers its first byte; then nrows x struct evp_unwind_row, sorted by address
 *
 * `block` is a word's index from the table's beginning, and even; every part is padded to an even
 * number of words, because BPF reads two at a time. A row holds from its address up to the
 * next one's. The first row of a page is at its beginning, so every address of a page with rows is
 * covered; a page without rows (nrows 0) has no code. Rows are 4 bytes because rules are few and
 * the high bits of addresses are the page's.
 */
#ifndef EVP_BPF_UNWIND_H
#define EVP_BPF_UNWIND_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define EVP_UNWIND_PAGE_BITS   16
#define EVP_UNWIND_INDEX_BITS  10 /* of the addresses that one entry of a block's index stands for */
#define EVP_UNWIND_INDEX_COUNT (1 << (EVP_UNWIND_PAGE_BITS - EVP_UNWIND_INDEX_BITS))
#define EVP_UNWIND_PAGE_WORDS  2
#define EVP_UNWIND_RULE_WORDS  4
#define EVP_UNWIND_INDEX_WORDS (EVP_UNWIND_INDEX_COUNT / 2)
#define EVP_UNWIND_MAX_RULES   65535u

enum {
	/* x86-64: DWARF numbers, System V ABI, AMD64 supplement, figure 3.36. */
	EVP_REG_CX = 2,
	EVP_REG_BX = 3,
	EVP_REG_FP = 6,
	EVP_REG_SP = 7,
	EVP_REG_LR = 14, /* aarch64 only, where these are just places */
	EVP_REGS = 16,
};

/* How to find the canonical frame address (CFA): the stack pointer in the caller. */
enum evp_unwind_cfa {
	EVP_CFA_NONE = 0,     /* this code is not covered */
	EVP_CFA_END = 1,      /* the root: there is no caller */
	EVP_CFA_SP = 2,	      /* sp + cfa_off */
	EVP_CFA_FP = 3,	      /* fp + cfa_off */
	EVP_CFA_DEREF_SP = 4, /* *(sp + cfa_off) + cfa_add */
	EVP_CFA_DEREF_FP = 5, /* *(fp + cfa_off) + cfa_add */
	EVP_CFA_REG = 6,      /* register `reg` + cfa_off */
	EVP_CFA_DEREF_REG = 7,
	EVP_CFA_PLT = 8, /* sp + cfa_off + ((pc & 15) >= cfa_add) * 8 */
	EVP_CFA_SIGNAL =
		9, /* a signal frame: the interrupted registers are in the ucontext at sp */
	EVP_CFA_UNKNOWN = 10, /* covered, but by a rule that this table cannot say */
	EVP_CFA_LANDING = 11, /* fp + cfa_off, of a function that may go on elsewhere: walk.h */
};

/* Where the caller's frame pointer is. */
enum evp_unwind_fp {
	EVP_FP_SAME = 0,
	EVP_FP_AT_CFA = 1, /* *(cfa + fp_off) */
	EVP_FP_AT_SP = 2,  /* *(sp + fp_off) */
	EVP_FP_AT_FP = 3,  /* *(fp + fp_off) */
};

/* Where the return address is. */
enum evp_unwind_ra {
	EVP_RA_AT_CFA = 0,  /* *(cfa + ra_off) */
	EVP_RA_REG = 1,	    /* in register number ra_off, known in interrupted frames only */
	EVP_RA_LANDING = 2, /* *(cfa + ra_off), but no call is before it: walk.h */
};

#define EVP_BX_OFF_LOST 1

struct evp_unwind_rule {
	__u8 cfa, fp, ra, reg; /* reg: a DWARF number, 0-15 */
	__s32 cfa_off;
	__s16 cfa_add, fp_off, ra_off;
	/* x86-64: rbx is saved at cfa + bx_off; 0: it still is what the caller had; 1: nobody knows */
	__s16 bx_off;
};

struct evp_unwind_row {
	__u16 low; /* address & 0xffff */
	__u16 rule;
};

/* How a walk stands. The texts that people see are in lib/unwind/walk.c. */
enum evp_walk_end {
	EVP_WALK_GOES_ON = 0,
	EVP_WALK_ROOT, /* at the root: the stack is whole */
	EVP_WALK_TOO_DEEP,
	EVP_WALK_NO_TABLE,     /* code that no table covers, and frame pointers led nowhere */
	EVP_WALK_NO_MAPPING,   /* a return address where nothing is mapped */
	EVP_WALK_BAD_ADDRESS,  /* the stack could not be read there */
	EVP_WALK_NO_RULE,      /* the table says that it cannot say */
	EVP_WALK_BROKEN_CHAIN, /* frame pointers (of code made at run time) led nowhere */
	EVP_WALK_32BIT,	       /* a process of 32 bits */
	EVP_WALK_NO_REGS,      /* the registers of user space are unknown */
	EVP_WALK_EXEC,	       /* the registers are of the program before */
	EVP_WALK_EXITING,      /* the process has no memory any more */
	EVP_WALK_NOT_COPIED,   /* the copy of the stack ends before the stack does */
	EVP_WALK_REMAPPED,     /* found in user space: BPF walked by what was there before */
	EVP_WALK_PENDING,      /* in BPF: user space must load something first */
};

/* What a mapping holds. */
enum evp_code_kind {
	EVP_CODE_NONE,	  /* nothing is mapped there */
	EVP_CODE_TABLE,	  /* a file with a table */
	EVP_CODE_JIT,	  /* made at run time: frame pointers */
	EVP_CODE_UNKNOWN, /* a file without a table: frame pointers are a guess */
	EVP_CODE_PENDING, /* in BPF: a file whose table is not loaded */
};

#endif
