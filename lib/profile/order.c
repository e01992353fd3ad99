// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "profile/profile.h"

static int compare_names(const struct evp_bytes *a, const struct evp_bytes *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c = n ? memcmp(a->ptr, b->ptr, n) : 0;

	if (c || a->len == b->len)
		return c;
	/* The shorter name goes on with the ';' that folded text would have there. */
	if (a->len < b->len)
		return (unsigned char)b->ptr[n] > ';' ? -1 : 1;
	return (unsigned char)a->ptr[n] > ';' ? 1 : -1;
}

struct sorting {
	const struct evp_profile *p;
	const struct evp_frame *frame;
	uint32_t id;
};

static int compare_frames(const void *va, const void *vb)
{
	const struct sorting *a = va, *b = vb;
	const struct evp_frame *x = a->frame, *y = b->frame;
	int c = compare_names(evp_profile_text(a->p, x->name), evp_profile_text(a->p, y->name));

	if (!c)
		c = compare_names(evp_profile_text(a->p, x->module),
				  evp_profile_text(a->p, y->module));
	if (!c)
		c = compare_names(evp_profile_text(a->p, x->file), evp_profile_text(a->p, y->file));
	if (!c)
		c = (x->line > y->line) - (x->line < y->line);
	if (!c)
		c = (int)x->kind - (int)y->kind;
	if (!c)
		c = (int)x->inlined - (int)y->inlined;
	return c ? c : (int)x->nameless - (int)y->nameless;
}

/* Frames are compared once; children then sort by whole numbers. */
static int rank_frames(const struct evp_profile *p, uint32_t **ret_rank)
{
	struct sorting *s = calloc(p->nframes + 1, sizeof(*s));
	uint32_t *rank = calloc(p->nframes + 1, sizeof(*rank));
	size_t i;

	if (!s || !rank) {
		free(s);
		free(rank);
		return -ENOMEM;
	}
	for (i = 0; i < p->nframes; i++)
		s[i] = (struct sorting){ p, &p->frames[i], (uint32_t)i };
	qsort(s, p->nframes, sizeof(*s), compare_frames);
	for (i = 0; i < p->nframes; i++)
		rank[s[i].id] = (uint32_t)i;
	free(s);
	*ret_rank = rank;
	return 0;
}

struct ranked {
	uint32_t rank, node;
};

static int compare_ranked(const void *va, const void *vb)
{
	const struct ranked *a = va, *b = vb;

	return (a->rank > b->rank) - (a->rank < b->rank);
}

/* Children of node i: list[start[i]] up to list[start[i + 1]] (start has nnodes + 2), sorted. */
static int sort_children(const struct evp_profile *p, uint32_t **ret_start,
			 struct ranked **ret_list)
{
	uint32_t *start = calloc(p->nnodes + 2, sizeof(*start)), *rank = NULL;
	struct ranked *list = calloc(p->nnodes + 1, sizeof(*list));
	size_t i;

	if (!start || !list || rank_frames(p, &rank)) {
		free(start);
		free(list);
		return -ENOMEM;
	}
	for (i = 1; i < p->nnodes; i++)
		start[p->parent[i] + 2]++;
	for (i = 2; i < p->nnodes + 2; i++)
		start[i] += start[i - 1];
	for (i = 1; i < p->nnodes; i++)
		list[start[p->parent[i] + 1]++] = (struct ranked){ rank[p->frame[i]], (uint32_t)i };
	for (i = 0; i < p->nnodes; i++)
		if (start[i + 1] - start[i] > 1)
			qsort(list + start[i], start[i + 1] - start[i], sizeof(*list),
			      compare_ranked);
	free(rank);
	*ret_start = start;
	*ret_list = list;
	return 0;
}

static void sum_up(const struct evp_profile *p, size_t type, int64_t *total)
{
	size_t i;

	for (i = 0; p->ntypes && i < p->nnodes; i++)
		total[i] = p->self[i * p->ntypes + type];
	for (i = p->nnodes; i-- > 1;)
		total[p->parent[i]] = (int64_t)((uint64_t)total[p->parent[i]] + (uint64_t)total[i]);
}

int evp_profile_order(const struct evp_profile *p, size_t type, struct evp_profile_order *ret_o,
		      struct evp_err *err)
{
	struct evp_profile_order o = { .n = p->nnodes - 1 };
	uint32_t *start = NULL, *next = NULL, *place = NULL, node = 0;
	struct ranked *list = NULL;
	size_t n = 0;
	int rc = 0;

	o.order = calloc(p->nnodes, sizeof(*o.order));
	o.end = calloc(p->nnodes, sizeof(*o.end));
	o.total = calloc(p->nnodes, sizeof(*o.total));
	place = calloc(p->nnodes, sizeof(*place));
	next = calloc(p->nnodes, sizeof(*next));
	if (!o.order || !o.end || !o.total || !place || !next || sort_children(p, &start, &list)) {
		evp_profile_order_release(&o);
		rc = evp_fail_oom(err);
		goto out;
	}
	sum_up(p, type, o.total);
	memcpy(next, start, p->nnodes * sizeof(*next));
	for (;;) {
		if (next[node] < start[node + 1]) {
			node = list[next[node]++].node;
			place[node] = (uint32_t)n;
			o.order[n++] = node;
			continue;
		}
		if (!node)
			break;
		o.end[place[node]] = (uint32_t)n;
		node = p->parent[node];
	}
	*ret_o = o;
out:
	free(start);
	free(list);
	free(place);
	free(next);
	return rc;
}

void evp_profile_order_release(struct evp_profile_order *o)
{
	free(o->order);
	free(o->end);
	free(o->total);
	*o = (struct evp_profile_order){ 0 };
}

/* ---- rows ---- */

struct row_sorting {
	const struct evp_profile *p;
	struct evp_profile_row row;
};

static int compare_rows(const void *va, const void *vb)
{
	const struct row_sorting *a = va, *b = vb;
	struct sorting x = { a->p, &a->p->frames[a->row.frame], 0 };
	struct sorting y = { a->p, &a->p->frames[b->row.frame], 0 };

	if (a->row.flat != b->row.flat)
		return a->row.flat < b->row.flat ? 1 : -1;
	if (a->row.cum != b->row.cum)
		return a->row.cum < b->row.cum ? 1 : -1;
	return compare_frames(&x, &y);
}

/* Numbers the rows: *ret_of[frame] is the row of each frame, EVP_NO_ID for labels. */
static int number_rows(const struct evp_profile *p, uint32_t **ret_of,
		       struct row_sorting **ret_rows, size_t *ret_n)
{
	struct evp_map map = { 0 };
	uint32_t *of = calloc(p->nframes + 1, sizeof(*of));
	struct row_sorting *rows = calloc(p->nframes + 1, sizeof(*rows));
	size_t i, n = 0;
	int fresh, rc = of && rows ? 0 : -ENOMEM;

	for (i = 0; !rc && i < p->nframes; i++) {
		const struct evp_frame *f = &p->frames[i];
		uint64_t *at;

		of[i] = EVP_NO_ID;
		if (f->kind == EVP_FRAME_LABEL)
			continue;
		at = evp_map_at(&map, (uint64_t)f->name << 32 | f->module, &fresh);
		if (!at) {
			rc = -ENOMEM;
			break;
		}
		if (fresh) {
			rows[n] = (struct row_sorting){ p, { (uint32_t)i, 0, 0 } };
			*at = n++;
		}
		of[i] = (uint32_t)*at;
	}
	evp_map_release(&map);
	if (rc) {
		free(of);
		free(rows);
		return rc;
	}
	*ret_of = of;
	*ret_rows = rows;
	*ret_n = n;
	return 0;
}

/* A node counts for its row's cum unless one above it on the path did. */
static int fill_rows(const struct evp_profile *p, size_t type, const struct evp_profile_order *o,
		     const uint32_t *of, struct row_sorting *rows, size_t nrows)
{
	uint32_t *until = calloc(nrows + 1,
				 sizeof(*until)); /* order index where the outer one ends */
	size_t i;

	if (!until)
		return -ENOMEM;
	for (i = 0; i < o->n; i++) {
		uint32_t node = o->order[i], row = of[p->frame[node]];

		if (row == EVP_NO_ID)
			continue;
		rows[row].row.flat += p->self[node * p->ntypes + type];
		if (until[row] > i)
			continue;
		until[row] = o->end[i];
		rows[row].row.cum += o->total[node];
	}
	free(until);
	return 0;
}

int evp_profile_rows(const struct evp_profile *p, size_t type, struct evp_profile_row **ret_rows,
		     size_t *ret_n, int64_t *ret_total, struct evp_err *err)
{
	struct evp_profile_order o = { 0 };
	struct row_sorting *rows = NULL;
	struct evp_profile_row *out = NULL;
	uint32_t *of = NULL;
	size_t n = 0, i;
	int rc = evp_profile_order(p, type, &o, err);

	if (rc)
		return rc;
	rc = number_rows(p, &of, &rows, &n);
	if (!rc)
		rc = fill_rows(p, type, &o, of, rows, n);
	out = rc ? NULL : calloc(n + 1, sizeof(*out));
	if (!out) {
		rc = evp_fail_oom(err);
		goto out;
	}
	qsort(rows, n, sizeof(*rows), compare_rows);
	for (i = 0; i < n; i++)
		out[i] = rows[i].row;
	*ret_rows = out;
	*ret_n = n;
	*ret_total = o.total[0];
out:
	free(of);
	free(rows);
	evp_profile_order_release(&o);
	return rc;
}
