/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Call frame information -> unwind rows.
 *
 * Runs the instructions of every FDE of a .eh_frame or .debug_frame section (DWARF 5 section 6.4;
 * LSB 5 "Exception Frames") and keeps what a walk needs: the CFA, the frame pointer and the return
 * address. Rows come out sorted by address, each with the rule that holds from it on; where no FDE
 * covers the code a row with EVP_CFA_NONE stands; neighbours never have the same rule.
 *
 * The bytes are hostile: every length is checked, loops are bounded by the bytes themselves, and
 * what makes no sense ends its FDE (counted; the rest of its code is EVP_CFA_UNKNOWN), not the
 * table.
 */
#ifndef EVP_UNWIND_CFI_H
#define EVP_UNWIND_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/unwind.h"
#include "base/err.h"
#include "unwind/rule_set.h"

struct evp_cfi_range { /* virtual addresses, `end` excluded */
	uint64_t start, end;
};

struct evp_cfi_section {
	const uint8_t *data;
	size_t len;
	uint64_t vaddr;	   /* ELF virtual address of data[0], for pc-relative pointers */
	bool debug_frame;  /* else .eh_frame */
	bool big_pointers; /* 8-byte addresses */
	/*
	 * What can be code at all: the file's executable segments. Entries that begin elsewhere are
	 * left out, those that end elsewhere cut. ncode 0: any address.
	 */
	const struct evp_cfi_range *code;
	size_t ncode;
};

/* Eight bytes: most of the time to compile goes to touching new memory. */
struct evp_cfi_row {
	uint64_t vaddr : 48;
	uint64_t rule : 16; /* index in the rule set; EVP_UNWIND_MAX_RULES: that or more */
};

#define EVP_CFI_MAX_VADDR 0xffffffffffffULL

struct evp_cfi_rows {
	struct evp_cfi_row *row;
	size_t n, cap;
	size_t fdes, bad_fdes, overlapping_fdes; /* what was met */
};

/* One architecture: names of registers, and rules for what their ABI and compilers make of CFI. */
struct evp_cfi_arch;
extern const struct evp_cfi_arch evp_cfi_x86_64, evp_cfi_aarch64;

/*
 * All rows of a section, appended to an empty `rows`. 0, -ENOMEM, or -EBADMSG where nothing at all
 * could be made of it, -E2BIG: 2^26 rows, or entries over more than 4 GiB; -EFBIG: a section of that.
 */
int evp_cfi_compile(const struct evp_cfi_section *section, const struct evp_cfi_arch *arch,
		    struct evp_rule_set *rules, struct evp_cfi_rows *rows, struct evp_err *err);
/*
 * Where `rows` has rule 0 (EVP_CFA_NONE), or nothing, it gets what `more` says there. Both are by
 * the same rule set, and malloc'ed; `more` may be emptied. 0 or -ENOMEM. Costs what lies in the
 * range of `more`, and moving what lies behind.
 */
int evp_cfi_rows_fill(struct evp_cfi_rows *rows, struct evp_cfi_rows *more);
/* How many begin below this address. */
size_t evp_cfi_rows_below(const struct evp_cfi_rows *rows, uint64_t vaddr);
void evp_cfi_rows_release(struct evp_cfi_rows *rows);

#endif
