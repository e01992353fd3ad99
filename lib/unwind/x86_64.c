// SPDX-License-Identifier: GPL-2.0-or-later
/* Register numbers: System V ABI, AMD64 supplement, figure 3.36. */
#include <string.h>

#include "base/varint.h"
#include "unwind/cfi_arch.h"

enum { RAX = 0, RBX = 3, RBP = 6, RSP = 7, RIP = 16 };

enum {
	OP_DEREF = 0x06,
	OP_PLUS_UCONST = 0x23,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
};

/*
 * DW_OP_breg<n> <off>, then optionally DW_OP_deref and DW_OP_plus_uconst <add>: the only forms that
 * compilers make for a CFA kept in memory (gcc's realigned stacks) and for saved registers.
 */
struct breg {
	unsigned int reg;
	int64_t off, add;
	bool deref;
};

static bool parse_breg(const uint8_t *p, uint32_t len, struct breg *ret_b)
{
	struct evp_cursor in = { p, p + len, 0 };
	uint8_t op = evp_cursor_byte(&in);
	struct breg b = { 0 };

	if (op < OP_BREG0 || op > OP_BREG31)
		return false;
	b.reg = op - OP_BREG0;
	b.off = evp_cursor_sleb(&in);
	if (in.p < in.end && *in.p == OP_DEREF) {
		b.deref = true;
		in.p++;
		if (in.p < in.end && *in.p == OP_PLUS_UCONST) {
			in.p++;
			b.add = (int64_t)evp_cursor_uleb(&in);
		}
	}
	*ret_b = b;
	return !in.bad && b.add >= 0 && in.p == in.end;
}

/*
 * The linker's expression for .plt: rsp + 8 + ((rip & 15) >= n) * 8, n 11 in lazy and 9 or 10 in
 * other slots.
 */
static bool parse_plt(const uint8_t *p, uint32_t len, struct evp_unwind_rule *r)
{
	/* breg7 8; breg16 0; lit15; and; lit<n>; ge; lit3; shl; plus */
	static const uint8_t before[] = { 0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a };
	static const uint8_t behind[] = { 0x2a, 0x33, 0x24, 0x22 };

	if (len != sizeof(before) + 1 + sizeof(behind) || memcmp(p, before, sizeof(before)) != 0 ||
	    p[6] < 0x30 || p[6] > 0x3f || memcmp(p + 7, behind, sizeof(behind)) != 0)
		return false;
	r->cfa = EVP_CFA_PLT;
	r->cfa_off = 8;
	r->cfa_add = (short)(p[6] - 0x30);
	return true;
}

static bool cfa_from(uint64_t reg, int64_t off, int64_t add, bool deref, struct evp_unwind_rule *r)
{
	if (off < INT32_MIN || off > INT32_MAX || !evp_cfi_fits16(add) || reg > 15)
		return false;
	r->cfa_off = (int)off;
	r->cfa_add = (short)add;
	r->reg = 0;
	if (reg == RSP)
		r->cfa = deref ? EVP_CFA_DEREF_SP : EVP_CFA_SP;
	else if (reg == RBP)
		r->cfa = deref ? EVP_CFA_DEREF_FP : EVP_CFA_FP;
	else {
		r->cfa = deref ? EVP_CFA_DEREF_REG : EVP_CFA_REG;
		r->reg = (unsigned char)reg;
	}
	return true;
}

static bool cfa_rule(const struct evp_cfi_state *s, struct evp_unwind_rule *r)
{
	struct breg b;

	if (!s->cfa_expr)
		return cfa_from(s->cfa_reg, s->cfa_offset, 0, false, r);
	if (parse_plt(s->cfa_expr, s->cfa_expr_len, r))
		return true;
	return parse_breg(s->cfa_expr, s->cfa_expr_len, &b) &&
	       cfa_from(b.reg, b.off, b.add, b.deref, r);
}

static bool fp_rule(const struct evp_cfi_value *v, struct evp_unwind_rule *r)
{
	struct breg b;

	switch (v->how) {
	case EVP_CFI_SAME:
	case EVP_CFI_UNDEFINED: /* nobody above needs it then */
		r->fp = EVP_FP_SAME;
		return true;
	case EVP_CFI_OFFSET:
		r->fp = EVP_FP_AT_CFA;
		r->fp_off = (short)v->offset;
		return evp_cfi_fits16(v->offset);
	case EVP_CFI_EXPRESSION:
		if (!parse_breg(v->expr, v->expr_len, &b) || b.deref || !evp_cfi_fits16(b.off) ||
		    (b.reg != RSP && b.reg != RBP))
			return false;
		r->fp = b.reg == RSP ? EVP_FP_AT_SP : EVP_FP_AT_FP;
		r->fp_off = (short)b.off;
		return true;
	default:
		return false;
	}
}

/* Matters only to callers whose CFA it holds (ld.so's trampolines): no reason to give up a row. */
static short bx_offset(const struct evp_cfi_value *v)
{
	if (v->how == EVP_CFI_SAME)
		return 0;
	return v->how == EVP_CFI_OFFSET && v->offset && evp_cfi_fits16(v->offset) ? (short)v->offset
										  : EVP_BX_OFF_LOST;
}

/*
 * Whether it is the frame that the kernel makes for a signal handler: that has one layout, and call
 * frame information only spells it out, the stack pointer at rsp + 160. Others that call themselves
 * signal frames have layouts of their own.
 */
static bool is_kernels_frame(const struct evp_cfi_state *s)
{
	struct breg b;

	return s->cfa_expr && parse_breg(s->cfa_expr, s->cfa_expr_len, &b) && b.reg == RSP &&
	       b.off == 160 && b.deref && !b.add;
}

/* In a register: vfork, which must leave its return address where the child does not write. */
static bool ra_rule(const struct evp_cfi_value *v, struct evp_unwind_rule *r)
{
	if (v->how != EVP_CFI_OFFSET && v->how != EVP_CFI_REGISTER)
		return false;
	r->ra = v->how == EVP_CFI_OFFSET ? EVP_RA_AT_CFA : EVP_RA_REG;
	r->ra_off = (short)v->offset;
	return evp_cfi_fits16(v->offset) &&
	       (r->ra == EVP_RA_AT_CFA || (v->offset >= 0 && v->offset < 16));
}

static bool rule(const struct evp_cfi_state *s, bool signal_frame, struct evp_unwind_rule *r)
{
	if (signal_frame) {
		r->cfa = EVP_CFA_SIGNAL;
		return is_kernels_frame(s);
	}
	r->bx_off = bx_offset(&s->bx);
	if (!ra_rule(&s->ra, r) || !cfa_rule(s, r) || !fp_rule(&s->fp, r))
		return false;
	if (s->eh_saved && r->cfa == EVP_CFA_FP)
		r->cfa = EVP_CFA_LANDING;
	else if (s->eh_saved && r->ra == EVP_RA_AT_CFA)
		r->ra = EVP_RA_LANDING;
	return true;
}

const struct evp_cfi_arch evp_cfi_x86_64 = {
	.sp = RSP, .fp = RBP, .ra = RIP, .bx = RBX, .eh = RAX, .rule = rule
};
