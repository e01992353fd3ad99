/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A walk in user space: registers and copies of the stack in, addresses out. The step from a frame
 * to its caller is bpf/walk.h's, the same code that BPF runs.
 */
#ifndef EVP_UNWIND_WALK_H
#define EVP_UNWIND_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/unwind.h"
#include "unwind/table.h"

struct evp_user_regs {
	uint64_t pc;
	uint64_t reg[EVP_REGS]; /* x86-64: ax, dx, cx, bx, si, di, bp, sp, r8-r15 */
};

struct evp_code {			      /* of one mapping */
	uint64_t start, end;		      /* run-time addresses */
	uint64_t bias;			      /* ELF virtual address = run-time address - bias */
	const struct evp_unwind_table *table; /* of EVP_CODE_TABLE */
	enum evp_code_kind kind;
};

struct evp_walk_copy { /* of memory of the walked process */
	const void *bytes;
	size_t len;
	uint64_t at; /* their address there */
};

struct evp_walk_in {
	struct evp_user_regs regs;
	/* From the stack pointer upwards; of another stack that this one leads to (or len 0). */
	struct evp_walk_copy stack, other;
	void *arg;
	/* The code that holds this address. */
	void (*find)(void *arg, uint64_t address, struct evp_code *ret);
};

/*
 * Fills frame[max] leaf first: the leaf, and what a signal interrupted, as it was; of the others
 * an address inside the call (return address - 1). *ret_n is at least 1.
 */
enum evp_walk_end evp_walk(const struct evp_walk_in *in, uint64_t *frame, size_t max,
			   size_t *ret_n);

/* "too-deep", "no-table" ...: what a cut mark says; NULL for EVP_WALK_ROOT. */
const char *evp_walk_reason(enum evp_walk_end end);

#endif
