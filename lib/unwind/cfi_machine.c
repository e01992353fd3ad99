// SPDX-License-Identifier: GPL-2.0-or-later
/* Call frame instructions: DWARF 5 section 6.4.2, and GNU's and Arm's of their own. */
#include "unwind/cfi_job.h"

#define MAX_REMEMBERED 32

/* ---- rows ---- */

static const struct evp_unwind_rule unknown = { .cfa = EVP_CFA_UNKNOWN };

static bool is_expression(const struct evp_cfi_value *v)
{
	return v->how >= EVP_CFI_EXPRESSION;
}

/* The state as two words; false where it is too large or has expressions. */
static bool pack(const struct evp_cfi_state *s, bool signal_frame, uint64_t *ret_a, uint64_t *ret_b)
{
	const uint64_t half = 0x8000;
	uint64_t fp = (uint64_t)s->fp.offset + half, ra = (uint64_t)s->ra.offset + half;
	uint64_t bx = (uint64_t)s->bx.offset + half, cfa = (uint64_t)s->cfa_offset + (half << 16);

	if ((fp | ra | bx) >> 16 || cfa >> 32 || s->cfa_reg > 0xff || s->cfa_expr ||
	    is_expression(&s->fp) || is_expression(&s->ra) || is_expression(&s->bx))
		return false;
	*ret_a = s->cfa_reg | (uint64_t)s->fp.how << 8 | (uint64_t)s->ra.how << 12 |
		 (uint64_t)s->bx.how << 16 | (uint64_t)signal_frame << 20 |
		 (uint64_t)s->eh_saved << 21 | cfa << 32;
	*ret_b = fp | ra << 16 | bx << 32;
	return true;
}

static int rule_of(struct evp_cfi_job *c, const struct evp_cfi_state *s, uint32_t *ret_rule)
{
	struct evp_unwind_rule rule = { 0 };

	if (s->ra.how == EVP_CFI_UNDEFINED)
		rule.cfa = EVP_CFA_END;
	else if (!c->arch->rule(s, c->cie->signal_frame, &rule))
		rule = unknown;
	return evp_rule_set_add(c->rules, &rule, ret_rule);
}

static int state_row(struct evp_cfi_job *c, uint64_t vaddr, const struct evp_cfi_state *s)
{
	struct evp_cfi_memo *memo;
	uint64_t a, b;
	uint32_t rule;
	int rc;

	if (!pack(s, c->cie->signal_frame, &a, &b)) {
		rc = rule_of(c, s, &rule);
		return rc ? rc : evp_cfi_add_row(c->rows, vaddr, rule);
	}
	memo = &c->memo[((a ^ b * 0x9e3779b97f4a7c15ULL) * 0xc4ceb9fe1a85ec53ULL) >> 56];
	if (memo->a != a || memo->b != b || !memo->rule) {
		rc = rule_of(c, s, &rule);
		if (rc)
			return rc;
		*memo = (struct evp_cfi_memo){ a, b, rule + 1 };
	}
	return evp_cfi_add_row(c->rows, vaddr, memo->rule - 1);
}

/* From where the instructions stop to make sense: what they meant to say nobody knows. */
static int unknown_row(struct evp_cfi_job *c, uint64_t vaddr)
{
	uint32_t rule;
	int rc = evp_rule_set_add(c->rules, &unknown, &rule);

	return rc ? rc : evp_cfi_add_row(c->rows, vaddr, rule);
}

/* ---- instructions ---- */

struct machine {
	struct evp_cfi_job *c;
	struct evp_cursor in;
	uint64_t pc;
	struct evp_cfi_state state;
	struct evp_cfi_state remembered[MAX_REMEMBERED];
	unsigned int nremembered;
	bool emit; /* false while the CIE's own instructions run */
	int error;
};

/* All but the remembered states, which would cost more to clear than most FDEs to run. */
static void machine_init(struct machine *m, struct evp_cfi_job *c, struct evp_cursor in)
{
	m->c = c;
	m->in = in;
	m->pc = 0;
	m->state = (struct evp_cfi_state){ .cfa_reg = UINT64_MAX };
	m->nremembered = 0;
	m->emit = false;
	m->error = 0;
}

static struct evp_cfi_value *reg_value(struct machine *m, struct evp_cfi_state *s, uint64_t reg)
{
	if (reg == m->c->arch->fp)
		return &s->fp;
	if (reg == m->c->arch->bx)
		return &s->bx;
	return reg == m->c->cie->ra_reg ? &s->ra : NULL;
}

static void set_reg(struct machine *m, uint64_t reg, enum evp_cfi_how how, int64_t offset)
{
	struct evp_cfi_value *v = reg_value(m, &m->state, reg);

	if (v)
		*v = (struct evp_cfi_value){ .how = how, .offset = offset };
	else if (reg == m->c->arch->eh)
		m->state.eh_saved = how == EVP_CFI_OFFSET;
}

static void set_reg_expr(struct machine *m, uint64_t reg, enum evp_cfi_how how)
{
	uint64_t len = evp_cursor_uleb(&m->in);
	const uint8_t *expr = evp_cursor_bytes(&m->in, len);
	struct evp_cfi_value *v = reg_value(m, &m->state, reg);

	if (v && expr)
		*v = (struct evp_cfi_value){ .how = how, .expr = expr, .expr_len = (uint32_t)len };
}

static void restore_reg(struct machine *m, uint64_t reg)
{
	struct evp_cfi_value *v = reg_value(m, &m->state, reg);

	if (v)
		*v = *reg_value(m, &m->c->cie->initial, reg);
	else if (reg == m->c->arch->eh)
		m->state.eh_saved = m->c->cie->initial.eh_saved;
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
	m->state.cfa_reg = reg;
	m->state.cfa_offset = offset;
	m->state.cfa_expr = NULL;
}

/* Only to be said of a register and an offset: an expression has neither to keep. */
static void change_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
	m->in.bad |= m->state.cfa_expr != NULL;
	set_cfa(m, reg, offset);
}

static void set_cfa_expr(struct machine *m)
{
	uint64_t len = evp_cursor_uleb(&m->in);

	m->state.cfa_expr = evp_cursor_bytes(&m->in, len);
	m->state.cfa_expr_len = (uint32_t)len;
}

/* The state so far held up to here: it becomes a row, and the next begins at `pc`. */
static void advance_to(struct machine *m, uint64_t pc)
{
	if (!m->emit || pc < m->pc) {
		m->in.bad = 1;
		return;
	}
	if (pc > m->pc)
		m->error = state_row(m->c, m->pc, &m->state);
	m->pc = pc;
	if (pc >= m->c->limit)
		m->in.p = m->in.end; /* what follows concerns nobody */
}

static void advance(struct machine *m, uint64_t delta)
{
	uint64_t by;

	if (__builtin_mul_overflow(delta, m->c->cie->code_align, &by) ||
	    __builtin_add_overflow(m->pc, by, &by))
		m->in.bad = 1;
	else
		advance_to(m, by);
}

static int64_t scaled(struct machine *m, int64_t v)
{
	return (int64_t)((uint64_t)v * (uint64_t)m->c->cie->data_align);
}

static void remember(struct machine *m)
{
	if (m->nremembered == MAX_REMEMBERED)
		m->in.bad = 1;
	else
		m->remembered[m->nremembered++] = m->state;
}

static void recall(struct machine *m)
{
	if (!m->nremembered)
		m->in.bad = 1;
	else
		m->state = m->remembered[--m->nremembered];
}

/* Operands are read in this order, whatever order a compiler would evaluate arguments in. */
static void reg_and_offset(struct machine *m, enum evp_cfi_how how, bool is_signed)
{
	uint64_t reg = evp_cursor_uleb(&m->in);
	int64_t offset = is_signed ? evp_cursor_sleb(&m->in) : (int64_t)evp_cursor_uleb(&m->in);

	set_reg(m, reg, how, scaled(m, offset));
}

/* Instructions about one register. */
static void step_register(struct machine *m, uint8_t op)
{
	struct evp_cursor *in = &m->in;
	uint64_t reg;

	switch (op) {
	case 0x05: /* offset_extended */
		reg_and_offset(m, EVP_CFI_OFFSET, false);
		break;
	case 0x06: /* restore_extended */
		restore_reg(m, evp_cursor_uleb(in));
		break;
	case 0x07: /* undefined */
		set_reg(m, evp_cursor_uleb(in), EVP_CFI_UNDEFINED, 0);
		break;
	case 0x08: /* same_value */
		set_reg(m, evp_cursor_uleb(in), EVP_CFI_SAME, 0);
		break;
	case 0x09: /* register */
		reg = evp_cursor_uleb(in);
		set_reg(m, reg, EVP_CFI_REGISTER, (int64_t)evp_cursor_uleb(in));
		break;
	case 0x10: /* expression */
		set_reg_expr(m, evp_cursor_uleb(in), EVP_CFI_EXPRESSION);
		break;
	case 0x11: /* offset_extended_sf */
		reg_and_offset(m, EVP_CFI_OFFSET, true);
		break;
	case 0x14: /* val_offset, val_offset_sf */
		reg_and_offset(m, EVP_CFI_VAL_OFFSET, false);
		break;
	case 0x15:
		reg_and_offset(m, EVP_CFI_VAL_OFFSET, true);
		break;
	case 0x16: /* val_expression */
		set_reg_expr(m, evp_cursor_uleb(in), EVP_CFI_VAL_EXPRESSION);
		break;
	case 0x2f: /* GNU_negative_offset_extended */
		reg = evp_cursor_uleb(in);
		set_reg(m, reg, EVP_CFI_OFFSET, -scaled(m, (int64_t)evp_cursor_uleb(in)));
		break;
	default:
		in->bad = 1;
	}
}

/* Instructions about the place, the CFA and the state as a whole. */
static void step_extended(struct machine *m, uint8_t op)
{
	struct evp_cursor *in = &m->in;
	uint64_t reg;

	switch (op) {
	case 0x00: /* nop */
		break;
	case 0x01: /* set_loc */
		advance_to(m, evp_cfi_pointer(m->c, in, m->c->cie->fde_encoding));
		break;
	case 0x02: /* advance_loc1, 2, 4 */
		advance(m, evp_cursor_fixed(in, 1));
		break;
	case 0x03:
		advance(m, evp_cursor_fixed(in, 2));
		break;
	case 0x04:
		advance(m, evp_cursor_fixed(in, 4));
		break;
	case 0x0a:
		remember(m);
		break;
	case 0x0b:
		recall(m);
		break;
	case 0x0c: /* def_cfa */
		reg = evp_cursor_uleb(in);
		set_cfa(m, reg, (int64_t)evp_cursor_uleb(in));
		break;
	case 0x0d: /* def_cfa_register */
		change_cfa(m, evp_cursor_uleb(in), m->state.cfa_offset);
		break;
	case 0x0e: /* def_cfa_offset */
		change_cfa(m, m->state.cfa_reg, (int64_t)evp_cursor_uleb(in));
		break;
	case 0x0f: /* def_cfa_expression */
		set_cfa_expr(m);
		break;
	case 0x12: /* def_cfa_sf */
		reg = evp_cursor_uleb(in);
		set_cfa(m, reg, scaled(m, evp_cursor_sleb(in)));
		break;
	case 0x13: /* def_cfa_offset_sf */
		change_cfa(m, m->state.cfa_reg, scaled(m, evp_cursor_sleb(in)));
		break;
	case 0x2d: /* AARCH64_negate_ra_state: the walker strips signatures anyway */
		break;
	case 0x2e: /* GNU_args_size */
		evp_cursor_uleb(in);
		break;
	default:
		step_register(m, op);
	}
}

static void run(struct machine *m)
{
	while (m->in.p < m->in.end && !m->in.bad && !m->error) {
		uint8_t op = evp_cursor_byte(&m->in), low = op & 0x3f;

		if (op >> 6 == 1)
			advance(m, low);
		else if (op >> 6 == 2)
			set_reg(m, low, EVP_CFI_OFFSET,
				scaled(m, (int64_t)evp_cursor_uleb(&m->in)));
		else if (op >> 6 == 3)
			restore_reg(m, low);
		else
			step_extended(m, op);
	}
}

void evp_cfi_run_cie(struct evp_cfi_job *c, struct evp_cfi_cie *cie, struct evp_cursor in)
{
	struct machine m;

	c->cie = cie;
	c->limit = 0;
	machine_init(&m, c, in);
	run(&m);
	cie->initial = m.state;
	cie->valid = !m.in.bad;
}

int evp_cfi_run_fde(struct evp_cfi_job *c, const struct evp_cfi_fde *f, uint64_t limit)
{
	const uint8_t *p = c->section->data + f->offset;
	struct machine m;

	c->cie = &c->cies[f->cie];
	c->limit = limit;
	machine_init(&m, c, (struct evp_cursor){ p, p + f->len, 0 });
	m.pc = f->start;
	m.emit = true;
	m.state = c->cie->initial;
	run(&m);
	if (m.in.bad)
		c->rows->bad_fdes++;
	if (!m.error && m.pc < limit)
		m.error = m.in.bad ? unknown_row(c, m.pc) : state_row(c, m.pc, &m.state);
	return m.error;
}
