// SPDX-License-Identifier: GPL-2.0-or-later
/* Register numbers: DWARF for the Arm 64-bit Architecture (AADWARF64), table 1. */
#include "unwind/cfi_arch.h"

enum { FP = 29, LR = 30, SP = 31 };

/* Its place among a walk's registers: EVP_REG_LR of bpf/walk.h. */
#define WALK_LR 14

static bool rule(const struct evp_cfi_state *s, bool signal_frame, struct evp_unwind_rule *r)
{
	if (signal_frame) {
		r->cfa = EVP_CFA_SIGNAL;
		return true;
	}
	if (s->cfa_expr || (s->cfa_reg != SP && s->cfa_reg != FP) || s->cfa_offset < INT32_MIN ||
	    s->cfa_offset > INT32_MAX || !evp_cfi_fits16(s->fp.offset) ||
	    !evp_cfi_fits16(s->ra.offset) ||
	    (s->fp.how != EVP_CFI_SAME && s->fp.how != EVP_CFI_OFFSET) ||
	    (s->ra.how != EVP_CFI_SAME && s->ra.how != EVP_CFI_OFFSET))
		return false;
	r->cfa = s->cfa_reg == SP ? EVP_CFA_SP : EVP_CFA_FP;
	r->cfa_off = (int)s->cfa_offset;
	if (s->fp.how == EVP_CFI_OFFSET) {
		r->fp = EVP_FP_AT_CFA;
		r->fp_off = (short)s->fp.offset;
	}
	/* Until it is saved, the return address is where the call left it: in the link register. */
	r->ra = s->ra.how == EVP_CFI_SAME ? EVP_RA_REG : EVP_RA_AT_CFA;
	r->ra_off = s->ra.how == EVP_CFI_SAME ? WALK_LR : (short)s->ra.offset;
	return true;
}

const struct evp_cfi_arch evp_cfi_aarch64 = {
	.sp = SP, .fp = FP, .ra = LR, .bx = UINT64_MAX, .eh = UINT64_MAX, .rule = rule
};
