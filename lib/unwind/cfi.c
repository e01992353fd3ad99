// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/cfi.h"

#include <stdlib.h>
#include <string.h>

#include "base/varint.h"
#include "unwind/cfi_arch.h"

#define MAX_ROWS       (1u << 26)
#define MAX_REMEMBERED 32
/* Shorter holes between functions are alignment; nobody samples there. */
#define PADDING 15

/* Pointer encodings (LSB 5, "DWARF Exception Header Encoding"). */
enum {
	PE_ABSPTR = 0x00,
	PE_ULEB = 0x01,
	PE_UDATA2 = 0x02,
	PE_UDATA4 = 0x03,
	PE_UDATA8 = 0x04,
	PE_SLEB = 0x09,
	PE_SDATA2 = 0x0a,
	PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c,
	PE_PCREL = 0x10,
	PE_TEXTREL = 0x20,
	PE_DATAREL = 0x30,
	PE_INDIRECT = 0x80,
	PE_OMIT = 0xff,
};

/* ---- a reader that remembers that it went wrong ---- */

struct in {
	const uint8_t *p, *end;
	bool bad;
};

static uint64_t fixed(struct in *in, unsigned int n)
{
	uint64_t v = 0;
	unsigned int i;

	if (in->bad || (size_t)(in->end - in->p) < n) {
		in->bad = true;
		return 0;
	}
	for (i = 0; i < n; i++)
		v |= (uint64_t)in->p[i] << (8 * i);
	in->p += n;
	return v;
}

static uint8_t byte(struct in *in)
{
	if (in->p < in->end)
		return *in->p++;
	in->bad = true;
	return 0;
}

static uint64_t uleb(struct in *in)
{
	uint64_t v = 0;
	unsigned int shift = 0;
	uint8_t b;

	do {
		b = byte(in);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80);
	return v;
}

static int64_t sleb(struct in *in)
{
	uint64_t v = 0;
	unsigned int shift = 0;
	uint8_t b;

	do {
		b = byte(in);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80);
	if (shift < 64 && (b & 0x40))
		v |= ~0ULL << shift;
	return (int64_t)v;
}

static const uint8_t *skip(struct in *in, uint64_t n)
{
	const uint8_t *p = in->p;

	if (in->bad || n > (size_t)(in->end - in->p)) {
		in->bad = true;
		return NULL;
	}
	in->p += n;
	return p;
}

/* ---- compilation ---- */

struct cie {
	uint64_t offset; /* in the section: its key */
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra_reg;
	uint8_t fde_encoding, lsda_encoding;
	bool augmented; /* 'z': FDEs carry a length of augmentation data */
	bool signal_frame;
	bool valid;
	struct evp_cfi_state initial;
};

struct fde {
	uint64_t start, end; /* virtual addresses */
	uint32_t cie;
	uint32_t offset, len; /* instructions, within the section */
};

struct compiler {
	const struct evp_cfi_section *section;
	const struct evp_cfi_arch *arch;
	struct evp_rule_set *rules;
	struct evp_cfi_rows *rows;
	struct cie *cies;
	size_t ncies, cies_cap;
	struct evp_map cie_ids; /* section offset -> index */
	struct fde *fdes;
	size_t nfdes, fdes_cap;
	uint32_t none;	 /* rule id */
	uint64_t limit;	 /* end of the current FDE */
	struct cie *cie; /* of it */
};

static uint64_t pointer(const struct compiler *c, struct in *in, uint8_t encoding)
{
	const struct evp_cfi_section *s = c->section;
	uint64_t at = s->vaddr + (uint64_t)(in->p - s->data), v;

	switch (encoding & 0x0f) {
	case PE_ABSPTR:
		v = fixed(in, s->big_pointers ? 8 : 4);
		break;
	case PE_ULEB:
		v = uleb(in);
		break;
	case PE_UDATA2:
		v = fixed(in, 2);
		break;
	case PE_UDATA4:
		v = fixed(in, 4);
		break;
	case PE_UDATA8:
	case PE_SDATA8:
		v = fixed(in, 8);
		break;
	case PE_SLEB:
		v = (uint64_t)sleb(in);
		break;
	case PE_SDATA2:
		v = (uint64_t)(int16_t)fixed(in, 2);
		break;
	case PE_SDATA4:
		v = (uint64_t)(int32_t)fixed(in, 4);
		break;
	default:
		in->bad = true;
		return 0;
	}
	switch (encoding & 0x70) {
	case 0:
		break;
	case PE_PCREL:
		v += at;
		break;
	case PE_TEXTREL:
		v += s->text_vaddr;
		break;
	case PE_DATAREL:
		v += s->data_vaddr;
		break;
	default:
		in->bad = true;
	}
	if (encoding & PE_INDIRECT)
		in->bad = true; /* would need the process's memory; never used for code */
	return s->big_pointers ? v : (uint32_t)v;
}

/* ---- rows ---- */

static int add_row(struct compiler *c, uint64_t vaddr, uint32_t rule)
{
	struct evp_cfi_rows *r = c->rows;

	if (r->n && r->row[r->n - 1].vaddr == vaddr)
		r->n--; /* nothing lies between: the later one holds */
	if (r->n && r->row[r->n - 1].rule == rule)
		return 0;
	if (r->n >= MAX_ROWS || evp_grow(&r->row, &r->cap, r->n + 1, sizeof(*r->row)))
		return -ENOMEM;
	r->row[r->n++] = (struct evp_cfi_row){ vaddr, rule };
	return 0;
}

static int state_row(struct compiler *c, uint64_t vaddr, const struct evp_cfi_state *s)
{
	struct evp_unwind_rule rule;
	uint32_t id;
	int rc;

	c->arch->rule(s, c->cie->signal_frame, &rule);
	rc = evp_rule_set_add(c->rules, &rule, &id);
	return rc ? rc : add_row(c, vaddr, id);
}

/* ---- instructions ---- */

struct machine {
	struct compiler *c;
	struct in in;
	uint64_t pc;
	struct evp_cfi_state state;
	struct evp_cfi_state remembered[MAX_REMEMBERED];
	unsigned int nremembered;
	bool emit; /* false while the CIE's own instructions run */
	int error;
};

/* All but the remembered states, which would cost more to clear than most FDEs to run. */
static void machine_init(struct machine *m, struct compiler *c, struct in in)
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
	return reg == m->c->cie->ra_reg ? &s->ra : NULL;
}

static void set_reg(struct machine *m, uint64_t reg, enum evp_cfi_how how, int64_t offset)
{
	struct evp_cfi_value *v = reg_value(m, &m->state, reg);

	if (v)
		*v = (struct evp_cfi_value){ .how = how, .offset = offset };
}

static void set_reg_expr(struct machine *m, uint64_t reg, enum evp_cfi_how how)
{
	uint64_t len = uleb(&m->in);
	const uint8_t *expr = skip(&m->in, len);
	struct evp_cfi_value *v = reg_value(m, &m->state, reg);

	if (v && expr)
		*v = (struct evp_cfi_value){ .how = how, .expr = expr, .expr_len = (uint32_t)len };
}

static void restore_reg(struct machine *m, uint64_t reg)
{
	struct evp_cfi_value *v = reg_value(m, &m->state, reg);

	if (v)
		*v = *reg_value(m, &m->c->cie->initial, reg);
}

static void set_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
	m->state.cfa_reg = reg;
	m->state.cfa_offset = offset;
	m->state.cfa_expr = NULL;
}

static void set_cfa_expr(struct machine *m)
{
	uint64_t len = uleb(&m->in);

	m->state.cfa_expr = skip(&m->in, len);
	m->state.cfa_expr_len = (uint32_t)len;
}

/* The state so far held up to here: it becomes a row, and the next begins at `pc`. */
static void advance_to(struct machine *m, uint64_t pc)
{
	if (!m->emit || pc < m->pc) {
		m->in.bad = true;
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
		m->in.bad = true;
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
		m->in.bad = true;
	else
		m->remembered[m->nremembered++] = m->state;
}

static void recall(struct machine *m)
{
	if (!m->nremembered)
		m->in.bad = true;
	else
		m->state = m->remembered[--m->nremembered];
}

/* Operands are read in this order, whatever order a compiler would evaluate arguments in. */
static void reg_and_offset(struct machine *m, enum evp_cfi_how how, bool is_signed)
{
	uint64_t reg = uleb(&m->in);
	int64_t offset = is_signed ? sleb(&m->in) : (int64_t)uleb(&m->in);

	set_reg(m, reg, how, scaled(m, offset));
}

static void step_extended(struct machine *m, uint8_t op)
{
	struct in *in = &m->in;
	uint64_t reg;

	switch (op) {
	case 0x00: /* nop */
		break;
	case 0x01: /* set_loc */
		advance_to(m, pointer(m->c, in, m->c->cie->fde_encoding));
		break;
	case 0x02: /* advance_loc1, 2, 4 */
		advance(m, fixed(in, 1));
		break;
	case 0x03:
		advance(m, fixed(in, 2));
		break;
	case 0x04:
		advance(m, fixed(in, 4));
		break;
	case 0x05: /* offset_extended */
		reg_and_offset(m, EVP_CFI_OFFSET, false);
		break;
	case 0x06: /* restore_extended */
		restore_reg(m, uleb(in));
		break;
	case 0x07: /* undefined */
		set_reg(m, uleb(in), EVP_CFI_UNDEFINED, 0);
		break;
	case 0x08: /* same_value */
		set_reg(m, uleb(in), EVP_CFI_SAME, 0);
		break;
	case 0x09: /* register */
		reg = uleb(in);
		set_reg(m, reg, EVP_CFI_REGISTER, (int64_t)uleb(in));
		break;
	case 0x0a:
		remember(m);
		break;
	case 0x0b:
		recall(m);
		break;
	case 0x0c: /* def_cfa */
		reg = uleb(in);
		set_cfa(m, reg, (int64_t)uleb(in));
		break;
	case 0x0d: /* def_cfa_register */
		set_cfa(m, uleb(in), m->state.cfa_offset);
		break;
	case 0x0e: /* def_cfa_offset */
		set_cfa(m, m->state.cfa_reg, (int64_t)uleb(in));
		break;
	case 0x0f: /* def_cfa_expression */
		set_cfa_expr(m);
		break;
	case 0x10: /* expression */
		set_reg_expr(m, uleb(in), EVP_CFI_EXPRESSION);
		break;
	case 0x11: /* offset_extended_sf */
		reg_and_offset(m, EVP_CFI_OFFSET, true);
		break;
	case 0x12: /* def_cfa_sf */
		reg = uleb(in);
		set_cfa(m, reg, scaled(m, sleb(in)));
		break;
	case 0x13: /* def_cfa_offset_sf */
		set_cfa(m, m->state.cfa_reg, scaled(m, sleb(in)));
		break;
	case 0x14: /* val_offset, val_offset_sf */
		reg_and_offset(m, EVP_CFI_VAL_OFFSET, false);
		break;
	case 0x15:
		reg_and_offset(m, EVP_CFI_VAL_OFFSET, true);
		break;
	case 0x16: /* val_expression */
		set_reg_expr(m, uleb(in), EVP_CFI_VAL_EXPRESSION);
		break;
	case 0x2d: /* AARCH64_negate_ra_state: the walker strips signatures anyway */
		break;
	case 0x2e: /* GNU_args_size */
		uleb(in);
		break;
	case 0x2f: /* GNU_negative_offset_extended */
		reg = uleb(in);
		set_reg(m, reg, EVP_CFI_OFFSET, -scaled(m, (int64_t)uleb(in)));
		break;
	default:
		in->bad = true;
	}
}

static void run(struct machine *m)
{
	while (m->in.p < m->in.end && !m->in.bad && !m->error) {
		uint8_t op = byte(&m->in), low = op & 0x3f;

		if (op >> 6 == 1)
			advance(m, low);
		else if (op >> 6 == 2)
			set_reg(m, low, EVP_CFI_OFFSET, scaled(m, (int64_t)uleb(&m->in)));
		else if (op >> 6 == 3)
			restore_reg(m, low);
		else
			step_extended(m, op);
	}
}

/* ---- entries ---- */

static void parse_augmentation(const struct compiler *c, struct cie *cie, const char *aug,
			       struct in *in)
{
	uint64_t len;
	const uint8_t *data;
	struct in data_in;

	if (*aug != 'z') {
		/* Without 'z' the length is unknown: only the empty one and old gcc's "eh" are. */
		in->bad |= *aug && strcmp(aug, "eh") != 0;
		if (*aug)
			fixed(in, c->section->big_pointers ? 8 : 4);
		return;
	}
	cie->augmented = true;
	len = uleb(in);
	data = skip(in, len);
	if (!data)
		return;
	data_in = (struct in){ data, data + len, false };
	for (aug++; *aug && !data_in.bad; aug++) {
		if (*aug == 'R')
			cie->fde_encoding = byte(&data_in);
		else if (*aug == 'L')
			cie->lsda_encoding = byte(&data_in);
		else if (*aug == 'P')
			pointer(c, &data_in, byte(&data_in) & 0x7f);
		else if (*aug == 'S')
			cie->signal_frame = true;
		else if (*aug != 'B' && *aug != 'G')
			break; /* the rest is unknown, and its data is skipped with the others' */
	}
	in->bad |= data_in.bad;
}

static int parse_cie(struct compiler *c, uint64_t offset, struct in in)
{
	struct cie cie = { .offset = offset, .fde_encoding = PE_ABSPTR, .lsda_encoding = PE_OMIT };
	uint8_t version = byte(&in);
	const char *aug = (const char *)in.p;
	struct machine m;
	uint64_t *at;

	while (byte(&in) && !in.bad)
		;
	if (version != 1 && version != 3 && version != 4)
		in.bad = true;
	if (!in.bad && version == 4) {
		in.bad |= byte(&in) != (c->section->big_pointers ? 8 : 4);
		in.bad |= byte(&in) != 0;
	}
	cie.code_align = uleb(&in);
	cie.data_align = sleb(&in);
	cie.ra_reg = version == 1 ? byte(&in) : uleb(&in);
	if (!in.bad)
		parse_augmentation(c, &cie, aug, &in);
	if (evp_grow(&c->cies, &c->cies_cap, c->ncies + 1, sizeof(*c->cies)))
		return -ENOMEM;
	at = evp_map_at(&c->cie_ids, offset, NULL);
	if (!at)
		return -ENOMEM;
	*at = c->ncies;
	c->cies[c->ncies] = cie;
	c->cie = &c->cies[c->ncies++];
	c->limit = 0;
	machine_init(&m, c, in);
	run(&m);
	c->cie->initial = m.state;
	c->cie->valid = !m.in.bad;
	return 0;
}

/* Whether an entry is about code, and how far. */
static bool clip(const struct evp_cfi_section *s, uint64_t start, uint64_t *end)
{
	size_t i;

	for (i = 0; i < s->ncode; i++)
		if (start >= s->code[i].start && start < s->code[i].end) {
			if (*end > s->code[i].end)
				*end = s->code[i].end;
			return true;
		}
	return !s->ncode;
}

static int parse_fde(struct compiler *c, uint32_t cie_id, struct in in)
{
	const struct cie *cie = &c->cies[cie_id];
	uint64_t start, size, end, len;

	start = pointer(c, &in, cie->fde_encoding);
	size = pointer(c, &in, cie->fde_encoding & 0x0f);
	if (cie->augmented) {
		len = uleb(&in);
		skip(&in, len);
	}
	c->rows->fdes++;
	/* Address 0 is what the linker leaves of a function that it threw away. */
	end = start + size;
	if (in.bad || !cie->valid || end <= start || !start || !clip(c->section, start, &end)) {
		c->rows->bad_fdes += in.bad || !cie->valid || end < start;
		return 0;
	}
	if (evp_grow(&c->fdes, &c->fdes_cap, c->nfdes + 1, sizeof(*c->fdes)))
		return -ENOMEM;
	c->fdes[c->nfdes++] = (struct fde){ start, end, cie_id, (uint32_t)(in.p - c->section->data),
					    (uint32_t)(in.end - in.p) };
	return 0;
}

/* Offset of the CIE that an FDE's second field names; UINT64_MAX: this is a CIE. */
static uint64_t cie_of(const struct compiler *c, uint64_t field, uint64_t field_at, bool dwarf64)
{
	if (c->section->debug_frame)
		return field == (dwarf64 ? UINT64_MAX : UINT32_MAX) ? UINT64_MAX : field;
	if (!field)
		return UINT64_MAX;
	return field <= field_at ? field_at - field : c->section->len;
}

/* The index of the CIE at this offset, which may stand behind its FDEs. */
static int find_cie(struct compiler *c, uint64_t offset, uint32_t *ret_id)
{
	const uint64_t *at = evp_map_find(&c->cie_ids, offset);
	const struct evp_cfi_section *s = c->section;
	struct in in = { s->data + (offset < s->len ? offset : s->len), s->data + s->len, false };
	bool dwarf64;
	uint64_t len, field;
	int rc;

	if (at) {
		*ret_id = (uint32_t)*at;
		return 0;
	}
	len = fixed(&in, 4);
	dwarf64 = len == UINT32_MAX;
	if (dwarf64)
		len = fixed(&in, 8);
	if (in.bad || len > (size_t)(in.end - in.p))
		return -EBADMSG;
	in.end = in.p + len;
	field = fixed(&in, dwarf64 && s->debug_frame ? 8 : 4);
	if (in.bad || cie_of(c, field, 0, dwarf64) != UINT64_MAX)
		return -EBADMSG;
	rc = parse_cie(c, offset, in);
	if (!rc)
		*ret_id = (uint32_t)c->ncies - 1;
	return rc;
}

static int parse_entry(struct compiler *c, uint64_t offset, struct in in, bool dwarf64)
{
	uint64_t field_at = (uint64_t)(in.p - c->section->data);
	uint64_t cie = cie_of(c, fixed(&in, dwarf64 && c->section->debug_frame ? 8 : 4), field_at,
			      dwarf64);
	uint32_t id;
	int rc;

	if (in.bad)
		return 0;
	if (cie == UINT64_MAX)
		return evp_map_find(&c->cie_ids, offset) ? 0 : parse_cie(c, offset, in);
	rc = find_cie(c, cie, &id);
	if (rc == -EBADMSG) {
		c->rows->fdes++;
		c->rows->bad_fdes++;
		return 0;
	}
	return rc ? rc : parse_fde(c, id, in);
}

static int parse_section(struct compiler *c)
{
	const struct evp_cfi_section *s = c->section;
	struct in in = { s->data, s->data + s->len, false };
	int rc = 0;

	while (!rc && (size_t)(in.end - in.p) >= 4) {
		uint64_t offset = (uint64_t)(in.p - s->data), len = fixed(&in, 4);
		bool dwarf64 = len == UINT32_MAX;
		const uint8_t *body;

		if (dwarf64)
			len = fixed(&in, 8);
		if (!len && !s->debug_frame)
			break; /* the terminator */
		body = skip(&in, len);
		if (!body) {
			c->rows->bad_fdes++;
			break;
		}
		rc = parse_entry(c, offset, (struct in){ body, body + len, false }, dwarf64);
	}
	return rc;
}

static int compare_fdes(const void *va, const void *vb)
{
	const struct fde *a = va, *b = vb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

/* Linkers mostly sort them; sorting what is sorted would cost more than compiling it. */
static void sort_fdes(struct compiler *c)
{
	size_t i;

	for (i = 1; i < c->nfdes; i++)
		if (c->fdes[i - 1].start > c->fdes[i].start)
			break;
	if (i < c->nfdes)
		qsort(c->fdes, c->nfdes, sizeof(*c->fdes), compare_fdes);
}

static int compile_fde(struct compiler *c, const struct fde *f, uint64_t limit)
{
	const uint8_t *p = c->section->data + f->offset;
	struct machine m;

	c->cie = &c->cies[f->cie];
	c->limit = limit;
	machine_init(&m, c, (struct in){ p, p + f->len, false });
	m.pc = f->start;
	m.emit = true;
	m.state = c->cie->initial;
	run(&m);
	if (m.in.bad)
		c->rows->bad_fdes++;
	if (!m.error && m.pc < limit)
		m.error = state_row(c, m.pc, &m.state);
	return m.error;
}

static int compile_all(struct compiler *c)
{
	uint64_t covered = 0;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < c->nfdes; i++) {
		struct fde f = c->fdes[i];
		uint64_t limit = f.end;

		/* Where two overlap the later start wins from there on, as a debugger's search would. */
		if (i + 1 < c->nfdes && c->fdes[i + 1].start < limit) {
			limit = c->fdes[i + 1].start;
			c->rows->overlapping_fdes++;
		}
		if (limit <= f.start)
			continue;
		if (f.start > covered + PADDING && c->rows->n)
			rc = add_row(c, covered, c->none);
		if (!rc)
			rc = compile_fde(c, &f, limit);
		covered = limit;
	}
	if (!rc && c->rows->n)
		rc = add_row(c, covered, c->none);
	return rc;
}

int evp_cfi_compile(const struct evp_cfi_section *section, const struct evp_cfi_arch *arch,
		    struct evp_rule_set *rules, struct evp_cfi_rows *rows, struct evp_err *err)
{
	struct compiler c = { .section = section, .arch = arch, .rules = rules, .rows = rows };
	const struct evp_unwind_rule none = { .cfa = EVP_CFA_NONE };
	int rc = section->len > UINT32_MAX ? -EFBIG : 0;
	size_t i;

	if (!rc)
		rc = evp_rule_set_add(rules, &none, &c.none);
	if (!rc)
		rc = parse_section(&c);
	if (!rc) {
		sort_fdes(&c);
		rc = compile_all(&c);
	}
	for (i = 0; !rc && i < rows->n; i++)
		rows->unknown_rows += rules->rule[rows->row[i].rule].cfa == EVP_CFA_UNKNOWN;
	free(c.cies);
	free(c.fdes);
	evp_map_release(&c.cie_ids);
	if (rc)
		return evp_fail_errno(err, -rc, "cannot compile call frame information");
	if (!rows->n && rows->bad_fdes)
		return evp_fail(err, EBADMSG, "no entry of the call frame information makes sense");
	return 0;
}

static uint64_t next_vaddr(const struct evp_cfi_rows *r, size_t i)
{
	return i < r->n ? r->row[i].vaddr : UINT64_MAX;
}

int evp_cfi_rows_fill(struct evp_cfi_rows *rows, const struct evp_cfi_rows *more)
{
	uint32_t rule = 0, other = 0, now, last = 0;
	struct evp_cfi_row *out;
	size_t i = 0, j = 0, n = 0, cap = rows->n + more->n;

	if (!more->n)
		return 0;
	out = cap <= MAX_ROWS ? malloc(cap * sizeof(*out)) : NULL;
	if (!out)
		return -ENOMEM;
	while (i < rows->n || j < more->n) {
		uint64_t a = next_vaddr(rows, i), b = next_vaddr(more, j), at = a < b ? a : b;

		if (i < rows->n && a == at)
			rule = rows->row[i++].rule;
		if (j < more->n && b == at)
			other = more->row[j++].rule;
		now = rule ? rule : other;
		if (now != last)
			out[n++] = (struct evp_cfi_row){ at, now };
		last = now;
	}
	free(rows->row);
	rows->row = out;
	rows->n = n;
	rows->cap = cap;
	rows->fdes += more->fdes;
	rows->bad_fdes += more->bad_fdes;
	rows->overlapping_fdes += more->overlapping_fdes;
	return 0;
}

void evp_cfi_rows_release(struct evp_cfi_rows *rows)
{
	free(rows->row);
	*rows = (struct evp_cfi_rows){ 0 };
}

/* ---- rule sets ---- */

/*
 * A rule as two words, put together field by field: it was just written that way, and reading it
 * back in larger pieces would wait for the stores.
 */
struct words {
	uint64_t a, b;
};

static struct words words_of(const struct evp_unwind_rule *r)
{
	struct words w = {
		(uint64_t)r->cfa | (uint64_t)r->fp << 8 | (uint64_t)r->ra << 16 |
			(uint64_t)r->reg << 24 | (uint64_t)(uint32_t)r->cfa_off << 32,
		(uint64_t)(uint16_t)r->cfa_add | (uint64_t)(uint16_t)r->fp_off << 16 |
			(uint64_t)(uint16_t)r->ra_off << 32 | (uint64_t)(uint16_t)r->bx_off << 48,
	};

	return w;
}

static bool is_rule(const struct evp_rule_set *s, uint32_t id, struct words w)
{
	struct words have = words_of(&s->rule[id - 1]);

	return have.a == w.a && have.b == w.b;
}

int evp_rule_set_add(struct evp_rule_set *s, const struct evp_unwind_rule *rule, uint32_t *ret_id)
{
	struct words w = words_of(rule);
	uint64_t hash = evp_hash_u64(w.a ^ w.b * 0x9e3779b97f4a7c15ULL), *at;
	uint32_t *recent = &s->recent[hash % EVP_RULE_RECENT], id = *recent;

	/* A function's rows go back and forth between few rules. */
	if (id && is_rule(s, id, w)) {
		*ret_id = id - 1;
		return 0;
	}
	at = evp_map_at(&s->ids, hash, NULL);
	if (!at)
		return -ENOMEM;
	for (id = (uint32_t)*at; id && !is_rule(s, id, w);)
		id = s->next[id - 1];
	if (!id) {
		if (evp_grow(&s->rule, &s->cap, s->n + 1, sizeof(*s->rule)) ||
		    evp_grow(&s->next, &s->next_cap, s->n + 1, sizeof(*s->next)))
			return -ENOMEM;
		s->rule[s->n] = *rule;
		s->next[s->n] = (uint32_t)*at;
		*at = id = (uint32_t)++s->n;
	}
	*recent = id;
	*ret_id = id - 1;
	return 0;
}

void evp_rule_set_release(struct evp_rule_set *s)
{
	free(s->rule);
	free(s->next);
	evp_map_release(&s->ids);
	*s = (struct evp_rule_set){ 0 };
}
