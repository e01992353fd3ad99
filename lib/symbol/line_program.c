// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbol/line_program.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "base/bisect.h"
#include "base/varint.h"

#define END_OF_SEQUENCE UINT32_MAX
#define MAX_FORMATS	32

/* ---- bytes ---- */

static const char *text(struct evp_cursor *in)
{
	const uint8_t *end = in->p < in->end ? memchr(in->p, 0, (size_t)(in->end - in->p)) : NULL;

	if (!end) {
		in->bad = 1;
		return "";
	}
	return (const char *)evp_cursor_bytes(in, (uint64_t)(end + 1 - in->p));
}

/* A section whose last string has no end has none that can be had cheaply. */
static const char *text_at(const struct evp_line_bytes *b, uint64_t at)
{
	return at < b->len && !b->p[b->len - 1] ? (const char *)b->p + at : "";
}

static struct evp_line_bytes section(const struct evp_elf *e, const char *name,
				     const char *old_name)
{
	size_t names = 0;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	if (elf_getshdrstrndx(e->elf, &names))
		return (struct evp_line_bytes){ 0 };
	while ((scn = elf_nextscn(e->elf, scn)) && gelf_getshdr(scn, &sh)) {
		const char *s = elf_strptr(e->elf, names, sh.sh_name);
		Elf_Data *d;

		if (!s || (strcmp(s, name) && strcmp(s, old_name)) || sh.sh_type == SHT_NOBITS ||
		    (sh.sh_flags & SHF_COMPRESSED))
			continue;
		d = elf_rawdata(scn, NULL);
		if (d && d->d_buf)
			return (struct evp_line_bytes){ d->d_buf, d->d_size };
	}
	return (struct evp_line_bytes){ 0 };
}

void evp_line_sections_get(struct evp_line_sections *s, const struct evp_elf *e)
{
	const char *ident = elf_getident(e->elf, NULL);

	*s = (struct evp_line_sections){ 0 };
	if (!ident || ident[EI_DATA] != ELFDATA2LSB)
		return;
	s->line = section(e, ".debug_line", ".zdebug_line");
	s->line_str = section(e, ".debug_line_str", ".zdebug_line_str");
	s->str = section(e, ".debug_str", ".zdebug_str");
}

/* ---- the header ---- */

struct program {
	struct evp_line_table *t;
	const struct evp_line_sections *s;
	const struct evp_elf *e;
	struct evp_cursor in; /* ends where the program ends */
	bool wide;	      /* 64-bit DWARF */
	uint16_t version;
	uint8_t min_inst, line_range, opcode_base;
	int8_t line_base;
	const uint8_t *operands; /* how many each standard opcode has */
	const char **dirs;
	size_t ndirs, cdirs;
	size_t nrows; /* with those that share an address */
};

static int add_dir(struct program *p, const char *name)
{
	if (p->ndirs >= EVP_LINE_MAX_FILES)
		return -ENOTSUP;
	if (evp_grow(&p->dirs, &p->cdirs, p->ndirs + 1, sizeof(*p->dirs)))
		return -ENOMEM;
	p->dirs[p->ndirs++] = name;
	return 0;
}

static int add_file(struct program *p, const char *name, uint64_t dir)
{
	struct evp_line_table *t = p->t;

	if (t->nfiles >= EVP_LINE_MAX_FILES)
		return -ENOTSUP;
	if (evp_grow(&t->files, &t->cfiles, t->nfiles + 1, sizeof(*t->files)))
		return -ENOMEM;
	t->files[t->nfiles++] = (struct evp_line_file){ name, dir && dir < p->ndirs ? p->dirs[dir]
										    : NULL };
	return 0;
}

/* Versions 2 to 4: both lists end with an empty name and count from 1. */
static int read_names_4(struct program *p)
{
	int rc = add_dir(p, NULL);
	const char *name;

	while (!rc && *(name = text(&p->in)))
		rc = add_dir(p, name);
	if (!rc)
		rc = add_file(p, NULL, 0);
	while (!rc && *(name = text(&p->in))) {
		uint64_t dir = evp_cursor_uleb(&p->in);

		evp_cursor_uleb(&p->in);
		evp_cursor_uleb(&p->in);
		rc = add_file(p, name, dir);
	}
	return rc;
}

struct format {
	uint64_t type, form;
};

static uint64_t offset_of(struct program *p)
{
	return evp_cursor_fixed(&p->in, p->wide ? 8 : 4);
}

/* One value of an entry: text through *ret_text, a number through *ret_number. */
static int read_form(struct program *p, uint64_t form, const char **ret_text, uint64_t *ret_number)
{
	switch (form) {
	case DW_FORM_string:
		*ret_text = text(&p->in);
		return 0;
	case DW_FORM_line_strp:
		*ret_text = text_at(&p->s->line_str, offset_of(p));
		return 0;
	case DW_FORM_strp:
		*ret_text = text_at(&p->s->str, offset_of(p));
		return 0;
	case DW_FORM_udata:
		*ret_number = evp_cursor_uleb(&p->in);
		return 0;
	case DW_FORM_data1:
		*ret_number = evp_cursor_fixed(&p->in, 1);
		return 0;
	case DW_FORM_data2:
		*ret_number = evp_cursor_fixed(&p->in, 2);
		return 0;
	case DW_FORM_data4:
		*ret_number = evp_cursor_fixed(&p->in, 4);
		return 0;
	case DW_FORM_data8:
		*ret_number = evp_cursor_fixed(&p->in, 8);
		return 0;
	case DW_FORM_data16:
		evp_cursor_bytes(&p->in, 16);
		return 0;
	case DW_FORM_block:
		evp_cursor_bytes(&p->in, evp_cursor_uleb(&p->in));
		return 0;
	default:
		return -ENOTSUP;
	}
}

/* Version 5: a list of entries that says itself what is in an entry. */
static int read_list_5(struct program *p, bool files)
{
	struct format formats[MAX_FORMATS];
	uint64_t nformats = evp_cursor_fixed(&p->in, 1), n;
	int rc = nformats > MAX_FORMATS ? -ENOTSUP : 0;

	for (uint64_t i = 0; !rc && i < nformats; i++) {
		formats[i].type = evp_cursor_uleb(&p->in);
		formats[i].form = evp_cursor_uleb(&p->in);
	}
	n = evp_cursor_uleb(&p->in);
	if (n && !nformats)
		return -ENOTSUP;
	for (uint64_t i = 0; !rc && i < n && !p->in.bad; i++) {
		const char *name = NULL;
		uint64_t dir = 0;

		for (uint64_t k = 0; !rc && k < nformats; k++) {
			const char *s = NULL;
			uint64_t number = 0;

			rc = read_form(p, formats[k].form, &s, &number);
			if (formats[k].type == DW_LNCT_path)
				name = s;
			else if (formats[k].type == DW_LNCT_directory_index)
				dir = number;
		}
		if (!rc)
			rc = files ? add_file(p, name, dir) : add_dir(p, name);
	}
	return rc;
}

static int read_header(struct program *p, uint64_t offset)
{
	const struct evp_line_bytes *all = &p->s->line;
	const uint8_t *program;
	uint64_t len;
	int rc;

	if (offset >= all->len)
		return -ENOTSUP;
	p->in = (struct evp_cursor){ .p = all->p + offset, .end = all->p + all->len };
	len = evp_cursor_fixed(&p->in, 4);
	p->wide = len == 0xffffffff;
	if (p->wide)
		len = evp_cursor_fixed(&p->in, 8);
	if (len > (uint64_t)(p->in.end - p->in.p))
		return -ENOTSUP;
	p->in.end = p->in.p + len;
	p->version = (uint16_t)evp_cursor_fixed(&p->in, 2);
	if (p->version < 2 || p->version > 5)
		return -ENOTSUP;
	if (p->version == 5)
		evp_cursor_bytes(&p->in, 2); /* sizes of address and segment selector */
	len = offset_of(p);
	if (len > (uint64_t)(p->in.end - p->in.p))
		return -ENOTSUP;
	program = p->in.p + len;
	p->min_inst = (uint8_t)evp_cursor_fixed(&p->in, 1);
	if (p->version >= 4 && evp_cursor_fixed(&p->in, 1) > 1)
		return -ENOTSUP; /* operations of a VLIW machine */
	evp_cursor_bytes(&p->in, 1);
	p->line_base = (int8_t)evp_cursor_fixed(&p->in, 1);
	p->line_range = (uint8_t)evp_cursor_fixed(&p->in, 1);
	p->opcode_base = (uint8_t)evp_cursor_fixed(&p->in, 1);
	p->operands = p->opcode_base ? evp_cursor_bytes(&p->in, p->opcode_base - 1u) : NULL;
	if (!p->operands || !p->line_range)
		return -ENOTSUP;
	if (p->version < 5)
		rc = read_names_4(p);
	else if (!(rc = read_list_5(p, false)))
		rc = read_list_5(p, true);
	if (!rc && p->in.bad)
		rc = -ENOTSUP;
	p->in.p = program;
	return rc;
}

/* ---- the program ---- */

struct state {
	struct evp_row row;
	uint64_t file;
	size_t first; /* row of this sequence */
	bool sorted;
};

static void reset(struct state *st, size_t first)
{
	*st = (struct state){ .row = { .line = 1 }, .file = 1, .first = first, .sorted = true };
}

static int add_row(struct program *p, struct state *st, bool end)
{
	struct evp_line_table *t = p->t;
	struct evp_row *last = t->nrows > st->first ? &t->rows[t->nrows - 1] : NULL, row = st->row;

	row.file = end			  ? END_OF_SEQUENCE
		   : st->file < t->nfiles ? (uint32_t)st->file
					  : END_OF_SEQUENCE - 1;
	if (last && row.addr < last->addr)
		st->sorted = false;
	if (last && last->addr == row.addr) {
		/* The compiler's own code (0) must not overwrite a line. */
		if (end || row.line || !last->line)
			*last = row;
		return 0;
	}
	if (p->nrows++ >= EVP_LINE_MAX_ROWS)
		return -E2BIG;
	if (evp_grow(&t->rows, &t->crows, t->nrows + 1, sizeof(*t->rows)))
		return -ENOMEM;
	t->rows[t->nrows++] = row;
	return 0;
}

/* Keeps a sequence only if it runs forward, through code. */
static int end_sequence(struct program *p, struct state *st)
{
	struct evp_line_table *t = p->t;
	int rc = add_row(p, st, true);

	if (!rc && (!st->sorted || t->nrows - st->first < 2 ||
		    !evp_elf_is_text(p->e, t->rows[st->first].addr)))
		t->nrows = st->first;
	reset(st, t->nrows);
	return rc;
}

static int extended(struct program *p, struct state *st)
{
	uint64_t len = evp_cursor_uleb(&p->in);
	struct evp_cursor in = { .p = evp_cursor_bytes(&p->in, len) };
	uint64_t dir;
	const char *name;

	if (!in.p || !len)
		return 0;
	in.end = in.p + len;
	switch (evp_cursor_fixed(&in, 1)) {
	case DW_LNE_end_sequence:
		return end_sequence(p, st);
	case DW_LNE_set_address:
		if (len != 5 && len != 9)
			return -E2BIG;
		st->row.addr = evp_cursor_fixed(&in, (unsigned int)len - 1);
		return 0;
	case DW_LNE_define_file:
		name = text(&in);
		dir = evp_cursor_uleb(&in);
		return in.bad ? 0 : add_file(p, name, dir);
	default:
		return 0;
	}
}

static int standard(struct program *p, struct state *st, uint8_t op)
{
	switch (op) {
	case DW_LNS_copy:
		return add_row(p, st, false);
	case DW_LNS_advance_pc:
		st->row.addr += evp_cursor_uleb(&p->in) * p->min_inst;
		return 0;
	case DW_LNS_advance_line:
		st->row.line += (uint32_t)evp_cursor_sleb(&p->in);
		return 0;
	case DW_LNS_set_file:
		st->file = evp_cursor_uleb(&p->in);
		return 0;
	case DW_LNS_set_column:
		st->row.column = (uint32_t)evp_cursor_uleb(&p->in);
		return 0;
	case DW_LNS_const_add_pc:
		st->row.addr += (uint64_t)((255 - p->opcode_base) / p->line_range) * p->min_inst;
		return 0;
	case DW_LNS_fixed_advance_pc:
		st->row.addr += evp_cursor_fixed(&p->in, 2);
		return 0;
	default: /* known ones that do not matter here, and unknown ones */
		for (uint8_t i = p->operands[op - 1]; i; i--)
			evp_cursor_uleb(&p->in);
		return 0;
	}
}

static int run(struct program *p)
{
	struct state st;
	int rc = 0;

	reset(&st, 0);
	while (!rc && p->in.p < p->in.end && !p->in.bad) {
		uint8_t op = evp_cursor_byte(&p->in);

		if (op >= p->opcode_base) {
			op = (uint8_t)(op - p->opcode_base);
			st.row.addr += (uint64_t)(op / p->line_range) * p->min_inst;
			st.row.line += (uint32_t)(p->line_base + op % p->line_range);
			rc = add_row(p, &st, false);
		} else if (op) {
			rc = standard(p, &st, op);
		} else {
			rc = extended(p, &st);
		}
	}
	p->t->nrows = st.first; /* a sequence without an end does not count */
	return rc == -ENOMEM ? rc : 0;
}

/* ---- sequences in order ---- */

struct sequence {
	size_t first, n;
	uint64_t lo;
};

static int compare_sequences(const void *pa, const void *pb)
{
	const struct sequence *a = pa, *b = pb;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return a->first < b->first ? -1 : a->first > b->first;
}

static int list_sequences(const struct evp_line_table *t, struct sequence **ret_seqs, size_t *ret_n)
{
	struct sequence *seqs = NULL;
	size_t n = 0, cap = 0, first = 0;

	for (size_t i = 0; i < t->nrows; i++) {
		if (t->rows[i].file != END_OF_SEQUENCE)
			continue;
		if (evp_grow(&seqs, &cap, n + 1, sizeof(*seqs))) {
			free(seqs);
			return -ENOMEM;
		}
		seqs[n++] = (struct sequence){ first, i + 1 - first, t->rows[first].addr };
		first = i + 1;
	}
	*ret_seqs = seqs;
	*ret_n = n;
	return 0;
}

/* By address; of two sequences for the same code the first counts. */
static int sort_sequences(struct evp_line_table *t)
{
	struct sequence *seqs = NULL;
	struct evp_row *rows;
	size_t n = 0, nrows = 0;

	if (list_sequences(t, &seqs, &n))
		return -ENOMEM;
	rows = n ? malloc(t->nrows * sizeof(*rows)) : NULL;
	if (n && !rows) {
		free(seqs);
		return -ENOMEM;
	}
	if (n)
		qsort(seqs, n, sizeof(*seqs), compare_sequences);
	for (size_t i = 0; i < n; i++) {
		if (nrows && rows[nrows - 1].addr > seqs[i].lo)
			continue;
		if (nrows && rows[nrows - 1].addr == seqs[i].lo)
			nrows--; /* an end where the next begins */
		memcpy(rows + nrows, t->rows + seqs[i].first, seqs[i].n * sizeof(*rows));
		nrows += seqs[i].n;
	}
	free(seqs);
	free(t->rows);
	t->rows = rows;
	t->crows = t->nrows;
	t->nrows = nrows;
	return 0;
}

int evp_line_table_read(struct evp_line_table *t, const struct evp_line_sections *s,
			uint64_t offset, const struct evp_elf *e)
{
	struct program p = { .t = t, .s = s, .e = e };
	int rc = read_header(&p, offset);

	if (!rc)
		rc = run(&p);
	if (!rc)
		rc = sort_sequences(t);
	free(p.dirs);
	if (rc)
		evp_line_table_release(t);
	return rc;
}

void evp_line_table_release(struct evp_line_table *t)
{
	free(t->rows);
	free(t->files);
	*t = (struct evp_line_table){ 0 };
}

const struct evp_row *evp_line_table_find(const struct evp_line_table *t, uint64_t vaddr)
{
	size_t n = EVP_NOT_ABOVE(t->rows, t->nrows, addr, vaddr);

	return n && t->rows[n - 1].file != END_OF_SEQUENCE ? &t->rows[n - 1] : NULL;
}
