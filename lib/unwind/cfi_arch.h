/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the interpreter knows about an address when it makes a row, and how an architecture turns
 * that into a rule. Private to this room.
 */
#ifndef EVP_UNWIND_CFI_ARCH_H
#define EVP_UNWIND_CFI_ARCH_H

#include "unwind/cfi.h"

enum evp_cfi_how {
	EVP_CFI_SAME = 0,   /* the register holds what the caller had */
	EVP_CFI_UNDEFINED,  /* for the return address: there is no caller */
	EVP_CFI_OFFSET,	    /* saved at CFA + offset */
	EVP_CFI_VAL_OFFSET, /* is CFA + offset */
	EVP_CFI_REGISTER,   /* in another register (offset) */
	EVP_CFI_EXPRESSION, /* saved where the expression says */
	EVP_CFI_VAL_EXPRESSION,
};

struct evp_cfi_value {
	enum evp_cfi_how how;
	int64_t offset;
	const uint8_t *expr; /* within the section */
	uint32_t expr_len;
};

struct evp_cfi_state {
	uint64_t cfa_reg; /* with cfa_offset, unless there is an expression */
	int64_t cfa_offset;
	const uint8_t *cfa_expr;
	uint32_t cfa_expr_len;
	struct evp_cfi_value fp, ra, bx;
	bool eh_saved; /* a register is saved that only __builtin_eh_return needs */
};

struct evp_cfi_arch {
	/* DWARF numbers; ra unless the CIE says another; bx, eh UINT64_MAX: none */
	uint64_t sp, fp, ra, bx, eh;
	/* Into a zeroed rule, of a state that has a caller. False: no rule can say it. */
	bool (*rule)(const struct evp_cfi_state *s, bool signal_frame,
		     struct evp_unwind_rule *ret_rule);
};

static inline bool evp_cfi_fits16(int64_t v)
{
	return v >= INT16_MIN && v <= INT16_MAX;
}

#endif
