// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/gopclntab.h"

#include <stdbool.h>
#include <string.h>

#include "unwind/cfi_job.h"

#define MAX_STEPS (1u << 27)

/* At the beginning of the section, by the Go version that began with it. */
enum {
	MAGIC_116 = 0xfffffffa,
	MAGIC_118 = 0xfffffff0,
	MAGIC_120 = 0xfffffff1,
};

enum { RECORD_LEN = 40 }; /* of a function's record behind the entry, as far as it is read */

/* Bits of a function's flags. */
enum {
	FLAG_TOP_FRAME = 1,
	FLAG_SP_WRITE = 2, /* sets the stack pointer in ways that the table does not show */
};

enum {
	PAD = 0xcc,	     /* what Go's linker puts between functions */
	TEXT_ALIGN = 32,     /* of Go's part of .text, at least */
	ENOUGH_PADDING = 64, /* bytes of padding where it should be */
};

struct part {
	const uint8_t *p;
	size_t len;
};

struct table {
	const struct evp_gopclntab *in;
	uint32_t magic;
	uint64_t text; /* what entries are relative to */
	uint64_t nfuncs;
	unsigned int entry_len; /* bytes of an entry address in the index and in a record */
	struct part names, pcsp, funcs;
	uint64_t steps; /* taken so far, of MAX_STEPS */
};

struct func {
	uint64_t entry, end; /* virtual addresses; end: the next function's entry */
	uint32_t pcsp;
	uint8_t flags;
	struct part name; /* and all that follows it */
};

static uint64_t fixed(const uint8_t *p, unsigned int n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | p[n];
	return v;
}

static bool fits(struct part s, uint64_t at, uint64_t n)
{
	return at <= s.len && n <= s.len - at;
}

/* ---- the header ---- */

static int read_header(struct table *t, struct evp_err *err)
{
	const struct evp_gopclntab *in = t->in;
	struct part all = { in->data, in->len };
	unsigned int first;
	uint64_t at[3];

	if (in->len < 72)
		return evp_fail(err, EBADMSG, "Go's function table is cut short");
	t->magic = (uint32_t)fixed(in->data, 4);
	if (t->magic != MAGIC_116 && t->magic != MAGIC_118 && t->magic != MAGIC_120)
		return evp_fail(err, ENODATA, "a Go function table of unknown version %#x",
				t->magic);
	/* Two zeros, the smallest instruction's length, a pointer's length. */
	if (fixed(in->data + 4, 4) != 0x08010000)
		return evp_fail(err, ENODATA, "a Go function table of another machine");
	t->nfuncs = fixed(in->data + 8, 8);
	t->entry_len = t->magic == MAGIC_116 ? 8 : 4;
	/* From 1.18 on the address of the text comes before the offsets of the parts. */
	first = t->magic == MAGIC_116 ? 24 : 32;
	at[0] = fixed(in->data + first, 8);
	at[1] = fixed(in->data + first + 24, 8);
	at[2] = fixed(in->data + first + 32, 8);
	if (!fits(all, at[0], 0) || !fits(all, at[1], 0) || !fits(all, at[2], 0))
		return evp_fail(err, EBADMSG, "a part of Go's function table is outside of it");
	t->names = (struct part){ in->data + at[0], in->len - at[0] };
	t->pcsp = (struct part){ in->data + at[1], in->len - at[1] };
	t->funcs = (struct part){ in->data + at[2], in->len - at[2] };
	/* The index: an entry and the offset of a record each, then the end of the last one. */
	if (t->nfuncs > t->funcs.len / (2 * t->entry_len) ||
	    !fits(t->funcs, t->nfuncs * 2 * t->entry_len, t->entry_len))
		return evp_fail(err, EBADMSG, "Go's function table counts more than it holds");
	return 0;
}

/* Entry of function `i`, of nfuncs the end; relative to the text from 1.18 on. */
static uint64_t entry_at(const struct table *t, uint64_t i)
{
	return fixed(t->funcs.p + i * 2 * t->entry_len, t->entry_len);
}

static bool read_record(const struct table *t, uint64_t i, struct part *ret_record)
{
	uint64_t at = fixed(t->funcs.p + (i * 2 + 1) * t->entry_len, t->entry_len);

	if (!fits(t->funcs, at, t->entry_len + RECORD_LEN))
		return false;
	*ret_record = (struct part){ t->funcs.p + at + t->entry_len, RECORD_LEN };
	return true;
}

/* Where the function's steps are; 0: it has none. */
static bool read_pcsp(const struct table *t, uint64_t i, uint32_t *ret_at)
{
	struct part record;

	if (!read_record(t, i, &record))
		return false;
	*ret_at = (uint32_t)fixed(record.p + 12, 4);
	return fits(t->pcsp, *ret_at, 1);
}

static bool read_func(const struct table *t, uint64_t i, struct func *ret_f)
{
	struct part record;
	uint64_t name;

	if (!read_record(t, i, &record) || !read_pcsp(t, i, &ret_f->pcsp))
		return false;
	name = fixed(record.p, 4);
	if (!fits(t->names, name, 1))
		return false;
	ret_f->name = (struct part){ t->names.p + name, t->names.len - name };
	ret_f->flags = record.p[t->magic == MAGIC_120 ? 37 : 33];
	ret_f->entry = t->text + entry_at(t, i);
	ret_f->end = t->text + entry_at(t, i + 1);
	return ret_f->entry >= t->in->text_vaddr && ret_f->entry < ret_f->end &&
	       ret_f->end <= t->in->text_end;
}

/* ---- distances: pairs of a change of the value and a number of bytes that it holds for ---- */

struct steps {
	const uint8_t *p, *end;
	uint64_t pc, next; /* the value holds in [pc, next) */
	int32_t value;
	bool first;
};

static void steps_init(struct steps *s, const struct table *t, uint32_t at, uint64_t pc)
{
	*s = (struct steps){ .p = t->pcsp.p + at,
			     .end = t->pcsp.p + t->pcsp.len,
			     .pc = pc,
			     .next = pc,
			     .value = -1,
			     .first = true };
}

static bool varint(struct steps *s, uint32_t *ret_v)
{
	unsigned int shift;

	for (*ret_v = 0, shift = 0; s->p < s->end && shift < 35; shift += 7) {
		uint8_t b = *s->p++;

		*ret_v |= shift < 32 ? (uint32_t)(b & 0x7f) << shift : 0;
		if (!(b & 0x80))
			return true;
	}
	return false;
}

/* False at the end of the function's steps, and where they make no sense. */
static bool steps_next(struct steps *s)
{
	uint32_t change, bytes;

	if (!varint(s, &change) || (!change && !s->first) || !varint(s, &bytes) || !bytes)
		return false;
	s->first = false;
	s->value = (int32_t)((uint32_t)s->value + (-(change & 1) ^ change >> 1));
	s->pc = s->next;
	s->next += bytes;
	return true;
}

/* ---- where Go's code begins ---- */

/*
 * How many bytes between functions are padding, as they must be, if entries count from `skip` in
 * the text: enough of them, fewer where the text at hand ends before, -1: one is not padding.
 */
static int padding(struct table *t, uint64_t skip)
{
	const struct evp_gopclntab *in = t->in;
	uint64_t i;
	int seen = 0;

	for (i = 0; i < t->nfuncs && seen < ENOUGH_PADDING && t->steps++ < MAX_STEPS; i++) {
		uint64_t end = entry_at(t, i + 1);
		uint32_t pcsp;
		struct steps s;

		if (skip + end > in->text_len)
			break;
		if (!read_pcsp(t, i, &pcsp))
			return -1;
		if (!pcsp)
			continue;
		steps_init(&s, t, pcsp, entry_at(t, i));
		while (s.next < end && steps_next(&s) && t->steps < MAX_STEPS)
			t->steps++;
		for (; s.next < end && seen < ENOUGH_PADDING; s.next++, seen++)
			if (in->text[skip + s.next] != PAD)
				return -1;
	}
	return seen;
}

static int find_text(struct table *t, struct evp_err *err)
{
	const struct evp_gopclntab *in = t->in;
	uint64_t in_header = fixed(in->data + 24, 8);
	uint64_t skip = -in->text_vaddr % TEXT_ALIGN;

	if (t->magic == MAGIC_116)
		return 0;
	t->text = in_header;
	if (in_header >= in->text_vaddr && in_header < in->text_end)
		return 0;
	t->text = in->text_vaddr;
	if (!in->text_len || padding(t, 0) >= 0)
		return 0;
	for (; skip < in->text_len && t->steps < MAX_STEPS; skip += TEXT_ALIGN) {
		t->text = in->text_vaddr + skip;
		if (padding(t, skip) == ENOUGH_PADDING)
			return 0;
	}
	return evp_fail(err, ENODATA, "where Go's code begins cannot be told");
}

/* ---- rows ---- */

enum how {
	PLAIN,	/* the table tells */
	SWITCH, /* goes over to another stack: the frame pointer tells */
	ROOT,
	SIGNAL, /* what a signal handler returns to */
};

static bool is_named(const struct func *f, const char *name)
{
	return fits(f->name, 0, strlen(name) + 1) && memcmp(f->name.p, name, strlen(name) + 1) == 0;
}

static enum how how_of(const struct func *f)
{
	/* What flags do not say, or say for Go's own tracebacks only. */
	static const struct {
		const char *name;
		enum how how;
	} known[] = {
		{ "runtime.goexit", ROOT },
		{ "runtime.mstart", ROOT },
		{ "runtime.rt0_go", ROOT },
		{ "runtime.mcall", ROOT },
		{ "runtime.morestack", ROOT },
		{ "runtime.sigreturn", SIGNAL },
		{ "runtime.sigreturn__sigaction", SIGNAL },
		{ "runtime.sigtramp", PLAIN },
		{ "runtime.clone", PLAIN },
		/* Copies its frame to the other stack, return address and all. */
		{ "runtime.cgocallback", PLAIN },
	};
	size_t i;

	for (i = 0; i < EVP_ARRAY_SIZE(known); i++)
		if (is_named(f, known[i].name))
			return known[i].how;
	if (f->flags & FLAG_TOP_FRAME)
		return ROOT;
	return f->flags & FLAG_SP_WRITE ? SWITCH : PLAIN;
}

struct compiler {
	struct table table;
	struct evp_rule_set *rules;
	struct evp_cfi_rows *rows;
};

static int add_row(struct compiler *c, uint64_t vaddr, const struct evp_unwind_rule *rule)
{
	struct evp_cfi_rows *rows = c->rows;
	uint32_t id;

	if (evp_rule_set_add(c->rules, rule, &id))
		return -ENOMEM;
	while (rows->n && rows->row[rows->n - 1].vaddr >= vaddr)
		rows->n--; /* they held for nothing */
	return evp_cfi_add_row(rows, vaddr, id);
}

static const struct evp_unwind_rule none = { .cfa = EVP_CFA_NONE };
static const struct evp_unwind_rule root = { .cfa = EVP_CFA_END };
static const struct evp_unwind_rule signal_frame = { .cfa = EVP_CFA_SIGNAL };
static const struct evp_unwind_rule by_frame_pointer = {
	.cfa = EVP_CFA_FP, .cfa_off = 16, .fp = EVP_FP_AT_CFA, .fp_off = -16, .ra_off = -8
};

/*
 * A frame keeps the caller's frame pointer below the return address. In the older prologue (room
 * first, then the store) it is not there yet at the step's first instruction; in the newer one
 * (push, then copy) it is, but the register still is the caller's.
 */
static int add_frame(struct compiler *c, const struct steps *s, bool entered, bool by_fp)
{
	struct evp_unwind_rule r = { .cfa = EVP_CFA_SP, .cfa_off = s->value + 8, .ra_off = -8 };
	bool later = entered && (by_fp || s->value > 8);
	int rc = later ? add_row(c, s->pc, &r) : 0;

	if (rc)
		return rc;
	r.fp = EVP_FP_AT_CFA;
	r.fp_off = -16;
	return add_row(c, s->pc + later, by_fp ? &by_frame_pointer : &r);
}

/*
 * Before Go 1.21 these functions had no frame of their own: what the frame pointer finds is their
 * caller's caller.
 */
static bool is_frameless_switch(const struct func *f)
{
	return is_named(f, "runtime.systemstack") || is_named(f, "runtime.asmcgocall") ||
	       is_named(f, "gogo");
}

static int add_steps(struct compiler *c, const struct func *f, enum how how)
{
	static const struct evp_unwind_rule leaf = { .cfa = EVP_CFA_SP,
						     .cfa_off = 8,
						     .ra_off = -8 };
	bool framed = false;
	struct steps s;
	int rc = 0;

	steps_init(&s, &c->table, f->pcsp, f->entry);
	while (!rc && s.next < f->end && steps_next(&s)) {
		if (++c->table.steps > MAX_STEPS)
			return -E2BIG;
		if (s.value > 0 && s.value <= INT32_MAX - 8)
			rc = add_frame(c, &s, !framed, how == SWITCH);
		else /* below the entry's: the program's first function, which nobody called */
			rc = add_row(c, s.pc, s.value ? &root : &leaf);
		framed |= s.value > 0;
	}
	if (!rc && how == SWITCH && !framed && is_frameless_switch(f))
		rc = add_row(c, f->entry, &by_frame_pointer);
	return rc;
}

static int add_func(struct compiler *c, const struct func *f)
{
	enum how how = how_of(f);

	if (!f->pcsp)
		return add_row(c, f->entry, &none);
	if (how == ROOT)
		return add_row(c, f->entry, &root);
	if (how == SIGNAL) /* a return address to it lies at its entry: nothing called */
		return add_row(c, f->entry - (f->entry > c->table.in->text_vaddr), &signal_frame);
	return add_steps(c, f, how);
}

static int add_all(struct compiler *c)
{
	const struct table *t = &c->table;
	uint64_t i, end = 0;
	struct func f;
	int rc = 0;

	for (i = 0; i < t->nfuncs && !rc; i++) {
		if (!read_func(t, i, &f) || f.entry < end) {
			c->rows->bad_fdes++;
			rc = end ? add_row(c, end, &none) : 0; /* not by the last one's rule */
			continue;
		}
		c->rows->fdes++;
		end = f.end;
		rc = add_func(c, &f);
	}
	return rc || !end ? rc : add_row(c, end, &none);
}

int evp_gopclntab_compile(const struct evp_gopclntab *in, struct evp_rule_set *rules,
			  struct evp_cfi_rows *rows, struct evp_err *err)
{
	struct compiler c = { .table.in = in, .rules = rules, .rows = rows };
	int rc = read_header(&c.table, err);
	uint32_t none_id;

	if (!rc)
		rc = find_text(&c.table, err);
	if (rc)
		return rc;
	rc = evp_rule_set_add(rules, &none, &none_id);
	if (!rc)
		rc = add_all(&c);
	if (rc == -ENOMEM)
		return evp_fail_oom(err);
	if (rc)
		return evp_fail(err, -rc, "Go's function table makes too many rows");
	if (!rows->fdes)
		return evp_fail(err, EBADMSG, "no function in Go's function table makes sense");
	return 0;
}
