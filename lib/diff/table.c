// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE /* qsort_r, memrchr */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "diff/table.h"
#include "profile/sums.h"

#define NO_SYMBOL "[no symbol]"

/* ---- names ---- */

static bool all_of(const char *s, size_t len, int (*is)(int))
{
	for (size_t i = 0; i < len; i++)
		if (!is((unsigned char)s[i]))
			return false;
	return len > 0;
}

/* ".isra.0" and its like, with or without the number. */
static bool is_mark(const char *s, size_t len)
{
	static const char *const mark[] = { ".isra", ".constprop", ".part",	 ".cold",
					    ".llvm", ".lto_priv",  ".localalias" };

	for (size_t i = 0; i < EVP_ARRAY_SIZE(mark); i++)
		if (strlen(mark[i]) == len && memcmp(s, mark[i], len) == 0)
			return true;
	return false;
}

static size_t without_mark(const char *s, size_t len)
{
	const char *dot = memrchr(s, '.', len), *colon = memrchr(s, ':', len);
	size_t at = dot ? (size_t)(dot - s) : 0;

	if (at && is_mark(dot, len - at))
		return at;
	if (at && all_of(dot + 1, len - at - 1, isdigit)) {
		const char *word = memrchr(s, '.', at);

		if (word > s && is_mark(word, at - (size_t)(word - s)))
			return (size_t)(word - s);
	}
	at = colon ? (size_t)(colon - s) : 0;
	if (at > 1 && len - at == 18 && colon[-1] == ':' && colon[1] == 'h' &&
	    all_of(colon + 2, 16, isxdigit))
		return at - 1;
	return len;
}

size_t evp_diff_name_len(const char *name, size_t len)
{
	size_t shorter;

	while ((shorter = without_mark(name, len)) < len)
		len = shorter;
	return len;
}

bool evp_diff_is_interrupt(const char *name, size_t len)
{
	static const char *const entry[] = { "asm_sysvec_",	 "asm_common_interrupt",
					     "common_interrupt", "asm_exc_nmi",
					     "el0t_64_irq",	 "el1h_64_irq",
					     "el0t_64_fiq",	 "el1h_64_fiq",
					     "el1t_64_irq" };

	for (size_t i = 0; i < EVP_ARRAY_SIZE(entry); i++)
		if (len >= strlen(entry[i]) && memcmp(name, entry[i], strlen(entry[i])) == 0)
			return true;
	return false;
}

static struct evp_bytes base_name(const struct evp_bytes *path)
{
	const char *slash = path->len ? memrchr(path->ptr, '/', path->len) : NULL;
	size_t skip = slash ? (size_t)(slash - path->ptr) + 1 : 0;

	return (struct evp_bytes){ path->ptr + skip, path->len - skip };
}

/* ---- functions ---- */

struct build {
	struct evp_diff_table *t;
	struct evp_interner keys; /* name NUL module NUL file -> row */
	struct evp_str scratch;
	uint32_t *of_frame; /* of one profile */
	bool interrupts;
};

static int add_row(struct build *b, uint32_t row, const struct evp_diff_name *n)
{
	struct evp_diff_table *t = b->t;
	const char *key = b->keys.item[row].ptr;

	if (evp_grow(&t->counts, &t->cap, row + 1, sizeof(*t->counts)) ||
	    evp_grow(&t->name, &t->cname, row + 1, sizeof(*t->name)))
		return -ENOMEM;
	key = evp_arena_dup(&t->arena, key, b->keys.item[row].len);
	if (!key)
		return -ENOMEM;
	t->counts[row] = (struct evp_diff_counts){ 0 };
	t->name[row].name = (struct evp_bytes){ key, n->name.len };
	t->name[row].module = (struct evp_bytes){ key + n->name.len + 1, n->module.len };
	t->name[row].file = (struct evp_bytes){ t->name[row].module.ptr + n->module.len + 1,
						n->file.len };
	t->n = row + 1;
	return 0;
}

static int row_of_frame(struct build *b, const struct evp_profile *p, const struct evp_frame *f,
			uint32_t *ret_row)
{
	struct evp_diff_name n = { *evp_profile_text(p, f->name), *evp_profile_text(p, f->module),
				   base_name(evp_profile_text(p, f->file)) };
	size_t before = b->keys.n, address;
	int rc;

	n.name.len = evp_diff_name_len(n.name.ptr, n.name.len);
	address = evp_address_name(n.name.ptr, n.name.len);
	if (address && !n.module.len)
		n.module = (struct evp_bytes){ n.name.ptr, address };
	if (f->nameless || address) {
		n.name = (struct evp_bytes){ NO_SYMBOL, strlen(NO_SYMBOL) };
		n.file.len = 0;
	}
	evp_str_clear(&b->scratch);
	evp_str_add(&b->scratch, n.name.ptr, n.name.len);
	evp_str_putc(&b->scratch, '\0');
	evp_str_add(&b->scratch, n.module.ptr, n.module.len);
	evp_str_putc(&b->scratch, '\0');
	evp_str_add(&b->scratch, n.file.ptr, n.file.len);
	if (b->scratch.oom)
		return -ENOMEM;
	rc = evp_intern(&b->keys, b->scratch.buf, b->scratch.len, ret_row);
	return rc || *ret_row < before ? rc : add_row(b, *ret_row, &n);
}

/* Labels are no functions, and neither is the mark where a stack was cut. */
static bool is_function(const struct evp_profile *p, const struct evp_frame *f)
{
	static const char cut[] = "[cut:";
	const struct evp_bytes *name = evp_profile_text(p, f->name);

	return f->kind != EVP_FRAME_LABEL && f->kind != EVP_LOC_CUT &&
	       (name->len < sizeof(cut) || memcmp(name->ptr, cut, sizeof(cut) - 1) != 0);
}

static int key_frames(struct build *b, const struct evp_profile *p)
{
	int rc = 0;

	b->of_frame = calloc(p->nframes + 1, sizeof(*b->of_frame));
	if (!b->of_frame)
		return -ENOMEM;
	for (size_t f = 0; !rc && f < p->nframes; f++) {
		b->of_frame[f] = EVP_NO_KEY;
		if (is_function(p, &p->frames[f]))
			rc = row_of_frame(b, p, &p->frames[f], &b->of_frame[f]);
	}
	return rc;
}

/* The type whose values are numbers of samples. */
static size_t counting_type(const struct evp_profile *p)
{
	if (p->samples_type < p->ntypes)
		return p->samples_type;
	for (size_t i = 0; i < p->ntypes; i++)
		if (strcmp(p->types[i].unit, "count") == 0)
			return i;
	return SIZE_MAX;
}

/* Takes the samples in interrupts out of `self`; returns how many. */
static int64_t drop_interrupts(const struct evp_profile *p, size_t type, int64_t *self, bool *below)
{
	int64_t dropped = 0;

	for (size_t v = 1; v < p->nnodes; v++) {
		const struct evp_bytes *name = evp_profile_text(p, p->frames[p->frame[v]].name);

		below[v] = below[p->parent[v]] || evp_diff_is_interrupt(name->ptr, name->len);
		if (!below[v])
			continue;
		dropped += self[v * p->ntypes + type];
		self[v * p->ntypes + type] = 0;
	}
	return dropped;
}

static int count_side(struct build *b, const struct evp_profile *p, int side, struct evp_err *err)
{
	size_t type = counting_type(p), n = b->t->n, nself = p->nnodes * p->ntypes;
	uint32_t *key = calloc(p->nnodes + 1, sizeof(*key));
	int64_t *flat = calloc(n + 1, sizeof(*flat)), *cum = calloc(n + 1, sizeof(*cum));
	int64_t *self = calloc(nself + 1, sizeof(*self));
	bool *below = calloc(p->nnodes + 1, sizeof(*below));
	struct evp_profile shown = *p;
	int rc = key && flat && cum && self && below ? 0 : evp_fail_oom(err);

	if (!rc && nself) {
		memcpy(self, p->self, nself * sizeof(*self));
		if (!b->interrupts && type < p->ntypes)
			b->t->interrupts[side] = drop_interrupts(p, type, self, below);
	}
	shown.self = self;
	for (size_t v = 0; !rc && v < p->nnodes; v++)
		key[v] = v ? b->of_frame[p->frame[v]] : EVP_NO_KEY;
	if (!rc)
		rc = evp_profile_sums(&shown, type, key, n, flat, cum, err);
	for (size_t i = 0; !rc && i < n; i++) {
		b->t->counts[i].flat[side] = flat[i];
		b->t->counts[i].cum[side] = cum[i];
		b->t->total[side] += flat[i];
	}
	free(key);
	free(flat);
	free(cum);
	free(self);
	free(below);
	return rc;
}

/* ---- pairs and order ---- */

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct evp_diff_table *t = arg;
	const struct evp_diff_name *x = &t->name[*(const size_t *)a],
				   *y = &t->name[*(const size_t *)b];
	int c = evp_bytes_compare(&x->name, &y->name);

	if (!c)
		c = evp_bytes_compare(&x->module, &y->module);
	return c ? c : evp_bytes_compare(&x->file, &y->file);
}

/* Bit 0: in the base, bit 1: in the new profile. */
static int sides_of(const struct evp_diff_counts *c)
{
	return (c->cum[0] ? 1 : 0) | (c->cum[1] ? 2 : 0);
}

/*
 * Rows [from, to) of `order` share a name. The only one that only the base has is the only one
 * that only the new profile has: under its new module and file.
 */
static void pair(struct evp_diff_table *t, const size_t *order, size_t from, size_t to)
{
	size_t only[3] = { 0 }, at[3] = { 0 };

	for (size_t i = from; i < to; i++) {
		int sides = sides_of(&t->counts[order[i]]);

		if (sides == 1 || sides == 2) {
			only[sides]++;
			at[sides] = order[i];
		}
	}
	if (only[1] != 1 || only[2] != 1 || t->name[at[1]].name.ptr[0] == '[')
		return;
	t->counts[at[2]].flat[0] = t->counts[at[1]].flat[0];
	t->counts[at[2]].cum[0] = t->counts[at[1]].cum[0];
	t->counts[at[1]] = (struct evp_diff_counts){ 0 };
}

/* Sorts the rows, pairs what was renamed, drops rows without samples. */
static int settle(struct evp_diff_table *t)
{
	size_t *order = calloc(t->n + 1, sizeof(*order)), n = 0;
	struct evp_diff_counts *counts = calloc(t->n + 1, sizeof(*counts));
	struct evp_diff_name *name = calloc(t->n + 1, sizeof(*name));

	if (!order || !counts || !name) {
		free(order);
		free(counts);
		free(name);
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->n; i++)
		order[i] = i;
	if (t->n)
		qsort_r(order, t->n, sizeof(*order), compare_rows, t);
	for (size_t i = 0, j; i < t->n; i = j) {
		for (j = i + 1; j < t->n; j++)
			if (evp_bytes_compare(&t->name[order[i]].name, &t->name[order[j]].name) !=
			    0)
				break;
		pair(t, order, i, j);
	}
	for (size_t i = 0; i < t->n; i++) {
		if (!sides_of(&t->counts[order[i]]))
			continue;
		counts[n] = t->counts[order[i]];
		name[n++] = t->name[order[i]];
	}
	free(order);
	free(t->counts);
	free(t->name);
	t->counts = counts;
	t->name = name;
	t->n = t->cap = t->cname = n;
	return 0;
}

static int check(const struct evp_profile *const side[2], struct evp_err *err)
{
	for (int s = 0; s < 2; s++)
		if (side[s]->event && counting_type(side[s]) == SIZE_MAX)
			return evp_fail(err, EINVAL,
					"event '%s' has no count of samples to compare",
					side[s]->event);
	if (side[0]->event && side[1]->event && strcmp(side[0]->event, side[1]->event) != 0)
		return evp_fail(err, EINVAL, "the base is of event '%s', the new profile of '%s'",
				side[0]->event, side[1]->event);
	return 0;
}

int evp_diff_table(struct evp_diff_table *ret_t, const struct evp_profile *const side[2],
		   bool interrupts, struct evp_err *err)
{
	struct evp_diff_table t = { 0 };
	struct build b = { .t = &t, .interrupts = interrupts };
	uint32_t *of_frame[2] = { NULL, NULL };
	int rc = check(side, err);

	for (int s = 0; !rc && s < 2; s++) {
		if (key_frames(&b, side[s]))
			rc = evp_fail_oom(err);
		of_frame[s] = b.of_frame;
		b.of_frame = NULL;
	}
	for (int s = 0; !rc && s < 2; s++) {
		b.of_frame = of_frame[s];
		rc = count_side(&b, side[s], s, err);
	}
	if (!rc && settle(&t))
		rc = evp_fail_oom(err);
	free(of_frame[0]);
	free(of_frame[1]);
	evp_interner_release(&b.keys);
	evp_str_release(&b.scratch);
	if (rc)
		evp_diff_table_release(&t);
	else
		*ret_t = t;
	return rc;
}

void evp_diff_table_release(struct evp_diff_table *t)
{
	free(t->counts);
	free(t->name);
	evp_arena_release(&t->arena);
	*t = (struct evp_diff_table){ 0 };
}
