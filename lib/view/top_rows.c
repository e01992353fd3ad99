// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of functions, grouped by labels or not. */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>
#include <string.h>

#include "profile/sums.h"
#include "view/top.h"

struct row_key {	/* interned as bytes: no padding */
	uint32_t group; /* the node of the innermost label, 0 without labels */
	uint32_t name, module;
};

struct row {
	struct row_key key;
	uint32_t frame;
	int64_t flat, cum;
};

struct rows {
	struct evp_interner keys;
	uint32_t *group, *key; /* by node */
	struct row *row;
	size_t cap;
	int64_t *flat, *cum;
};

static int key_nodes(const struct evp_profile *p, struct rows *r)
{
	for (size_t v = 0; v < p->nnodes; v++) {
		const struct evp_frame *f = v ? &p->frames[p->frame[v]] : NULL;
		bool label = f && f->kind == EVP_FRAME_LABEL;
		struct row_key k;
		size_t before = r->keys.n;
		int rc;

		r->group[v] = label ? (uint32_t)v : v ? r->group[p->parent[v]] : 0;
		r->key[v] = EVP_NO_KEY;
		if (!f || label)
			continue;
		k = (struct row_key){ r->group[v], f->name, f->module };
		rc = evp_intern(&r->keys, &k, sizeof(k), &r->key[v]);
		if (!rc)
			rc = evp_grow(&r->row, &r->cap, r->keys.n, sizeof(*r->row));
		if (rc)
			return rc;
		if (r->key[v] == before)
			r->row[before] = (struct row){ .key = k, .frame = p->frame[v] };
	}
	return 0;
}

/* Label values from the root down; both groups lie equally deep. */
static int compare_groups(const struct evp_profile *p, uint32_t a, uint32_t b)
{
	int above;

	if (a == b)
		return 0;
	above = a && b ? compare_groups(p, p->parent[a], p->parent[b]) : 0;
	if (above)
		return above;
	return evp_top_compare(p, p->frames[p->frame[a]].name, p->frames[p->frame[b]].name);
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct evp_top *t = arg;
	const struct row *x = a, *y = b;
	int64_t x1 = t->o->by_cum ? x->cum : x->flat, y1 = t->o->by_cum ? y->cum : y->flat;
	int64_t x2 = t->o->by_cum ? x->flat : x->cum, y2 = t->o->by_cum ? y->flat : y->cum;
	int c;

	if (x1 != y1)
		return x1 > y1 ? -1 : 1;
	if (x2 != y2)
		return x2 > y2 ? -1 : 1;
	c = evp_top_compare(t->p, x->key.name, y->key.name);
	if (!c)
		c = evp_top_compare(t->p, x->key.module, y->key.module);
	return c ? c : compare_groups(t->p, x->key.group, y->key.group);
}

/* One cell a label, the root side first. */
static void add_group(struct evp_top *t, uint32_t group)
{
	size_t first = t->table.ncells;

	for (size_t i = 0; i < t->o->nby; i++)
		evp_table_absent(&t->table);
	for (size_t i = t->o->nby; i-- > 0 && group && !t->table.oom; group = t->p->parent[group]) {
		const struct evp_bytes *v = evp_profile_text(t->p,
							     t->p->frames[t->p->frame[group]].name);
		struct evp_cell *c = &t->table.cell[first + i];

		c->len = v->len;
		c->text = evp_arena_dup(&t->table.arena, v->ptr, v->len);
		t->table.oom |= !c->text;
	}
}

static void fill(struct evp_top *t, const struct row *row)
{
	size_t n = t->o->limit && t->o->limit < t->rows ? t->o->limit : t->rows;
	int64_t sum = 0;

	for (size_t i = 0; i < t->o->nby; i++)
		evp_top_column(t, t->o->by[i], t->o->by[i], EVP_COL_TEXT);
	evp_top_column(t, "flat", "FLAT", EVP_COL_NUMBER);
	evp_top_column(t, "flat_share", "FLAT%", EVP_COL_PERCENT);
	evp_top_column(t, "sum_share", "SUM%", EVP_COL_PERCENT);
	evp_top_column(t, "cum", "CUM", EVP_COL_NUMBER);
	evp_top_column(t, "cum_share", "CUM%", EVP_COL_PERCENT);
	evp_top_column(t, "module", "MODULE", EVP_COL_TEXT);
	evp_top_column(t, "function", "FUNCTION", EVP_COL_NAME);
	for (size_t i = 0; i < n; i++) {
		sum += row[i].flat;
		add_group(t, row[i].key.group);
		evp_top_amount(t, row[i].flat, t->total);
		evp_table_share(&t->table, t->total ? (double)sum / (double)t->total : 0);
		evp_top_amount(t, row[i].cum, t->total);
		evp_top_name(t, row[i].frame, 0);
	}
}

/* Rows without any value (of another type) are not worth a line. */
static void take_sums(struct evp_top *t, struct rows *r)
{
	for (size_t i = 0; i < r->keys.n; i++) {
		r->row[i].flat = r->flat[i];
		r->row[i].cum = r->cum[i];
		if (r->flat[i] || r->cum[i])
			r->row[t->rows++] = r->row[i];
	}
	qsort_r(r->row, t->rows, sizeof(*r->row), compare_rows, t);
}

int evp_top_functions(struct evp_top *t, struct evp_err *err)
{
	struct rows r = { 0 };
	int rc = 0;

	r.group = calloc(t->p->nnodes + 1, sizeof(*r.group));
	r.key = calloc(t->p->nnodes + 1, sizeof(*r.key));
	if (!r.group || !r.key || key_nodes(t->p, &r)) {
		rc = evp_fail_oom(err);
		goto out;
	}
	r.flat = calloc(r.keys.n + 1, sizeof(*r.flat));
	r.cum = calloc(r.keys.n + 1, sizeof(*r.cum));
	if (!r.flat || !r.cum) {
		rc = evp_fail_oom(err);
		goto out;
	}
	rc = evp_profile_sums(t->p, t->type, r.key, r.keys.n, r.flat, r.cum, err);
	if (rc)
		goto out;
	if (r.keys.n)
		take_sums(t, &r);
	fill(t, r.row);
out:
	evp_interner_release(&r.keys);
	free(r.group);
	free(r.key);
	free(r.row);
	free(r.flat);
	free(r.cum);
	return rc;
}
