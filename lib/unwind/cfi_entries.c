// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "unwind/cfi_job.h"

/* Pointer encodings. */
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
	PE_OMIT = 0xff,
};

uint64_t evp_cfi_pointer(const struct evp_cfi_job *c, struct evp_cursor *in, uint8_t encoding)
{
	const struct evp_cfi_section *s = c->section;
	uint64_t at = s->vaddr + (uint64_t)(in->p - s->data), v;

	switch (encoding & 0x0f) {
	case PE_ABSPTR:
		v = evp_cursor_fixed(in, s->big_pointers ? 8 : 4);
		break;
	case PE_ULEB:
		v = evp_cursor_uleb(in);
		break;
	case PE_UDATA2:
		v = evp_cursor_fixed(in, 2);
		break;
	case PE_UDATA4:
		v = evp_cursor_fixed(in, 4);
		break;
	case PE_UDATA8:
	case PE_SDATA8:
		v = evp_cursor_fixed(in, 8);
		break;
	case PE_SLEB:
		v = (uint64_t)evp_cursor_sleb(in);
		break;
	case PE_SDATA2:
		v = (uint64_t)(int16_t)evp_cursor_fixed(in, 2);
		break;
	case PE_SDATA4:
		v = (uint64_t)(int32_t)evp_cursor_fixed(in, 4);
		break;
	default:
		in->bad = 1;
		return 0;
	}
	if ((encoding & 0xf0) == PE_PCREL)
		v += at;
	else if (encoding & 0xf0)
		in->bad = 1; /* relative to what is not said here, or in the process's memory */
	return s->big_pointers ? v : (uint32_t)v;
}

/* ---- entries ---- */

static void parse_augmentation(const struct evp_cfi_job *c, struct evp_cfi_cie *cie,
			       const char *aug, struct evp_cursor *in)
{
	uint64_t len;
	const uint8_t *data;
	struct evp_cursor data_in;

	if (*aug != 'z') {
		in->bad |= *aug != '\0'; /* nobody can tell how long its data is */
		return;
	}
	cie->augmented = true;
	len = evp_cursor_uleb(in);
	data = evp_cursor_bytes(in, len);
	if (!data)
		return;
	data_in = (struct evp_cursor){ data, data + len, 0 };
	for (aug++; *aug && !data_in.bad; aug++) {
		if (*aug == 'R')
			cie->fde_encoding = evp_cursor_byte(&data_in);
		else if (*aug == 'L')
			cie->lsda_encoding = evp_cursor_byte(&data_in);
		else if (*aug == 'P')
			evp_cfi_pointer(c, &data_in, evp_cursor_byte(&data_in) & 0x7f);
		else if (*aug == 'S')
			cie->signal_frame = true;
		else if (*aug != 'B' && *aug != 'G')
			data_in.bad = 1; /* behind it may be how addresses are written, or 'S' */
	}
	in->bad |= data_in.bad;
}

static int parse_cie(struct evp_cfi_job *c, uint64_t offset, struct evp_cursor in)
{
	struct evp_cfi_cie cie = { .offset = offset,
				   .fde_encoding = PE_ABSPTR,
				   .lsda_encoding = PE_OMIT };
	uint8_t version = evp_cursor_byte(&in);
	const char *aug = (const char *)in.p;
	uint64_t *at;

	while (evp_cursor_byte(&in) && !in.bad)
		;
	if (version != 1 && version != 3 && version != 4)
		in.bad = 1;
	if (!in.bad && version == 4) {
		in.bad |= evp_cursor_byte(&in) != (c->section->big_pointers ? 8 : 4);
		in.bad |= evp_cursor_byte(&in) != 0;
	}
	cie.code_align = evp_cursor_uleb(&in);
	cie.data_align = evp_cursor_sleb(&in);
	cie.ra_reg = version == 1 ? evp_cursor_byte(&in) : evp_cursor_uleb(&in);
	if (!in.bad)
		parse_augmentation(c, &cie, aug, &in);
	if (evp_grow(&c->cies, &c->cies_cap, c->ncies + 1, sizeof(*c->cies)))
		return -ENOMEM;
	at = evp_map_at(&c->cie_ids, offset, NULL);
	if (!at)
		return -ENOMEM;
	*at = c->ncies;
	c->cies[c->ncies] = cie;
	evp_cfi_run_cie(c, &c->cies[c->ncies++], in);
	return 0;
}

/* Whether an entry is about code, and how far. */
static bool clip(const struct evp_cfi_section *s, uint64_t start, uint64_t *end)
{
	size_t i;

	if (start > EVP_CFI_MAX_VADDR)
		return false;
	if (*end > EVP_CFI_MAX_VADDR)
		*end = EVP_CFI_MAX_VADDR;
	for (i = 0; i < s->ncode; i++)
		if (start >= s->code[i].start && start < s->code[i].end) {
			if (*end > s->code[i].end)
				*end = s->code[i].end;
			return true;
		}
	return !s->ncode;
}

static int parse_fde(struct evp_cfi_job *c, uint32_t cie_id, struct evp_cursor in)
{
	const struct evp_cfi_cie *cie = &c->cies[cie_id];
	uint64_t start, size, end, len;

	start = evp_cfi_pointer(c, &in, cie->fde_encoding);
	size = evp_cfi_pointer(c, &in, cie->fde_encoding & 0x0f);
	if (cie->augmented) {
		len = evp_cursor_uleb(&in);
		evp_cursor_bytes(&in, len);
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
	size = end - start;
	c->fdes[c->nfdes++] = (struct evp_cfi_fde){ start,
						    size < UINT32_MAX ? (uint32_t)size : UINT32_MAX,
						    cie_id, (uint32_t)(in.p - c->section->data),
						    (uint32_t)(in.end - in.p) };
	return 0;
}

/* Offset of the CIE that an FDE's second field names; UINT64_MAX: this is a CIE. */
static uint64_t cie_of(const struct evp_cfi_job *c, uint64_t field, uint64_t field_at, bool dwarf64)
{
	if (c->section->debug_frame)
		return field == (dwarf64 ? UINT64_MAX : UINT32_MAX) ? UINT64_MAX : field;
	if (!field)
		return UINT64_MAX;
	return field <= field_at ? field_at - field : c->section->len;
}

/* Whether the CIE at this offset is known by now; neighbours mostly share theirs. */
static bool find_cie(struct evp_cfi_job *c, uint64_t offset, uint32_t *ret_id)
{
	const uint64_t *at;

	if (c->ncies && c->cies[c->last_cie].offset == offset) {
		*ret_id = c->last_cie;
		return true;
	}
	at = evp_map_find(&c->cie_ids, offset);
	if (at)
		*ret_id = c->last_cie = (uint32_t)*at;
	return at;
}

static int parse_entry(struct evp_cfi_job *c, uint64_t offset, struct evp_cursor in, bool dwarf64)
{
	uint64_t field_at = (uint64_t)(in.p - c->section->data);
	uint64_t cie = cie_of(c, evp_cursor_fixed(&in, dwarf64 && c->section->debug_frame ? 8 : 4),
			      field_at, dwarf64);
	uint32_t id;

	if (in.bad)
		return 0;
	if (cie == UINT64_MAX)
		return parse_cie(c, offset, in);
	if (find_cie(c, cie, &id))
		return parse_fde(c, id, in);
	if (evp_grow(&c->early, &c->early_cap, c->nearly + 1, sizeof(*c->early)))
		return -ENOMEM;
	c->early[c->nearly++] = (struct evp_cfi_early){ cie, in };
	return 0;
}

/* FDEs whose CIE stands behind them. Only what stood in its own right is a CIE: that is linear. */
static int parse_early(struct evp_cfi_job *c)
{
	uint32_t id;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < c->nearly; i++) {
		if (find_cie(c, c->early[i].cie, &id)) {
			rc = parse_fde(c, id, c->early[i].in);
		} else {
			c->rows->fdes++;
			c->rows->bad_fdes++;
		}
	}
	return rc;
}

static int parse_section(struct evp_cfi_job *c)
{
	const struct evp_cfi_section *s = c->section;
	struct evp_cursor in = { s->data, s->data + s->len, 0 };
	int rc = 0;

	while (!rc && (size_t)(in.end - in.p) >= 4) {
		uint64_t offset = (uint64_t)(in.p - s->data), len = evp_cursor_fixed(&in, 4);
		bool dwarf64 = len == UINT32_MAX;
		const uint8_t *body;

		if (dwarf64)
			len = evp_cursor_fixed(&in, 8);
		if (!len && !s->debug_frame)
			break; /* the terminator */
		body = evp_cursor_bytes(&in, len);
		if (!body) {
			c->rows->bad_fdes++;
			break;
		}
		rc = parse_entry(c, offset, (struct evp_cursor){ body, body + len, 0 }, dwarf64);
	}
	return rc;
}

/* ---- order ---- */

#define DIGIT_BITS 11
#define DIGITS	   (1 << DIGIT_BITS)

/* Start, from the lowest one, above; below the number. */
static uint64_t order_of(const struct evp_cfi_job *c, uint64_t low, size_t i)
{
	return (c->fdes[i].start - low) << 32 | i;
}

/* One pass of a radix sort: stable, so that of equal starts the later entry stays the later. */
static void sort_digit(uint64_t *to, const uint64_t *from, size_t n, unsigned int shift)
{
	uint32_t at[DIGITS] = { 0 }, sum = 0, count;
	size_t i;

	for (i = 0; i < n; i++)
		at[from[i] >> shift & (DIGITS - 1)]++;
	for (i = 0; i < DIGITS; i++) {
		count = at[i];
		at[i] = sum;
		sum += count;
	}
	for (i = 0; i < n; i++)
		to[at[from[i] >> shift & (DIGITS - 1)]++] = from[i];
}

static int sort_by_radix(struct evp_cfi_job *c, uint64_t low, uint64_t high)
{
	uint64_t *a = malloc(c->nfdes * sizeof(*a)), *b = malloc(c->nfdes * sizeof(*b)), *t;
	unsigned int shift;
	size_t i;

	if (!a || !b) {
		free(a);
		free(b);
		return -ENOMEM;
	}
	for (i = 0; i < c->nfdes; i++)
		a[i] = order_of(c, low, i);
	for (shift = 0; shift < 32 && (high - low) >> shift; shift += DIGIT_BITS) {
		sort_digit(b, a, c->nfdes, 32 + shift);
		t = a;
		a = b;
		b = t;
	}
	free(b);
	c->order = a;
	return 0;
}

/* Linkers sort them only in part. */
static int sort_fdes(struct evp_cfi_job *c)
{
	uint64_t low = UINT64_MAX, high = 0;
	bool sorted = true;
	size_t i;

	for (i = 0; i < c->nfdes; i++) {
		uint64_t start = c->fdes[i].start;

		sorted &= start >= high;
		low = start < low ? start : low;
		high = start > high ? start : high;
	}
	if (c->nfdes && high - low > UINT32_MAX)
		return -E2BIG;
	return sorted ? 0 : sort_by_radix(c, low, high);
}

int evp_cfi_entries(struct evp_cfi_job *c)
{
	int rc = parse_section(c);

	if (!rc)
		rc = parse_early(c);
	return rc ? rc : sort_fdes(c);
}
