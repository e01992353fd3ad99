// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who calls a function, and what it calls. Every sample below the function counts once: for
 * callers at its outermost frame on the stack, for callees at its innermost.
 */
#define _GNU_SOURCE /* qsort_r, memmem */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "view/top.h"

#define NOBODY UINT32_MAX /* the caller of a root, the callee of a leaf */

struct edges {
	bool *match;   /* by frame: is the function */
	uint32_t *via; /* by node, as the mode needs it; see below */
	int64_t *total;
	struct evp_map sums; /* name << 32 | module -> index of edge */
	struct edge {
		uint32_t frame;
		int64_t value;
	} * edge;
	size_t n, cap;
};

static bool contains(const struct evp_bytes *name, const char *part, bool whole)
{
	size_t len = strlen(part);

	if (whole)
		return name->len == len && memcmp(name->ptr, part, len) == 0;
	return memmem(name->ptr, name->len, part, len) != NULL;
}

static bool match_frames(const struct evp_top *t, struct edges *e, bool whole)
{
	bool any = false;

	for (size_t f = 0; f < t->p->nframes; f++) {
		e->match[f] = t->p->frames[f].kind != EVP_FRAME_LABEL &&
			      contains(evp_profile_text(t->p, t->p->frames[f].name), t->o->function,
				       whole);
		any |= e->match[f];
	}
	return any;
}

static int add_edge(const struct evp_top *t, struct edges *e, uint32_t frame, int64_t value)
{
	const struct evp_frame *f = frame == NOBODY ? NULL : &t->p->frames[frame];
	uint64_t key = f ? (uint64_t)f->name << 32 | f->module : UINT64_MAX, *at;
	int new;

	if (value == 0)
		return 0;
	at = evp_map_at(&e->sums, key, &new);
	if (!at || evp_grow(&e->edge, &e->cap, e->n + 1, sizeof(*e->edge)))
		return -ENOMEM;
	if (new) {
		*at = e->n;
		e->edge[e->n++] = (struct edge){ frame, 0 };
	}
	e->edge[*at].value += value;
	return 0;
}

static bool is_function(const struct evp_top *t, const struct edges *e, size_t v)
{
	return v && e->match[t->p->frame[v]];
}

/* via[v]: v lies below the function. */
static int add_callers(struct evp_top *t, struct edges *e)
{
	const struct evp_profile *p = t->p;

	for (size_t v = 1; v < p->nnodes; v++) {
		uint32_t up = p->parent[v];
		bool root = up == 0 || p->frames[p->frame[up]].kind == EVP_FRAME_LABEL;

		e->via[v] = e->via[up] || is_function(t, e, up);
		if (!is_function(t, e, v) || e->via[v])
			continue;
		t->focus_cum += e->total[v];
		if (add_edge(t, e, root ? NOBODY : p->frame[up], e->total[v]))
			return -ENOMEM;
	}
	return 0;
}

/* via[v]: the node just below the function's innermost frame above v, 0 where there is none. */
static int add_callees(struct evp_top *t, struct edges *e)
{
	const struct evp_profile *p = t->p;

	for (size_t v = 1; v < p->nnodes; v++) {
		int64_t self = p->self[v * p->ntypes + t->type];
		bool here = is_function(t, e, v);

		e->via[v] = is_function(t, e, p->parent[v]) ? (uint32_t)v : e->via[p->parent[v]];
		if (!here && !e->via[v])
			continue;
		t->focus_cum += self;
		if (add_edge(t, e, here ? NOBODY : p->frame[e->via[v]], self))
			return -ENOMEM;
	}
	return 0;
}

static void sum_up(struct evp_top *t, struct edges *e)
{
	const struct evp_profile *p = t->p;

	for (size_t v = p->nnodes; v-- > 1;) {
		int64_t self = p->self[v * p->ntypes + t->type];

		e->total[v] += self;
		e->total[p->parent[v]] += e->total[v];
		t->focus_flat += is_function(t, e, v) ? self : 0;
	}
}

static int compare_edges(const void *a, const void *b, void *arg)
{
	const struct evp_profile *p = arg;
	const struct edge *x = a, *y = b;
	int c;

	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	if (x->frame == NOBODY || y->frame == NOBODY)
		return (x->frame == NOBODY) - (y->frame == NOBODY);
	c = evp_top_compare(p, p->frames[x->frame].name, p->frames[y->frame].name);
	return c ? c : evp_top_compare(p, p->frames[x->frame].module, p->frames[y->frame].module);
}

static void fill(struct evp_top *t, const struct edges *e)
{
	bool callers = t->o->mode == EVP_TOP_CALLERS;
	size_t n = t->o->limit && t->o->limit < e->n ? t->o->limit : e->n;

	t->rows = e->n;
	evp_top_column(t, "value", t->unit && strcmp(t->unit, "count") ? "VALUE" : "SAMPLES",
		       EVP_COL_NUMBER);
	evp_top_column(t, "share", "SHARE", EVP_COL_PERCENT);
	evp_top_column(t, "total_share", "OF ALL", EVP_COL_PERCENT);
	evp_top_column(t, "module", "MODULE", EVP_COL_TEXT);
	evp_top_column(t, callers ? "caller" : "callee", callers ? "CALLER" : "CALLEE",
		       EVP_COL_NAME);
	for (size_t i = 0; i < n; i++) {
		int64_t v = e->edge[i].value;

		evp_top_amount(t, v, t->focus_cum);
		evp_table_share(&t->table, t->total ? (double)v / (double)t->total : 0);
		if (e->edge[i].frame == NOBODY) {
			evp_table_cstring(&t->table, "");
			evp_table_cstring(&t->table, callers ? "[root]" : "[itself]");
		} else {
			evp_top_name(t, e->edge[i].frame, 0);
		}
	}
}

int evp_top_edges(struct evp_top *t, struct evp_err *err)
{
	struct edges e = { 0 };
	int rc;

	e.match = calloc(t->p->nframes + 1, sizeof(*e.match));
	e.via = calloc(t->p->nnodes + 1, sizeof(*e.via));
	e.total = calloc(t->p->nnodes + 1, sizeof(*e.total));
	if (!e.match || !e.via || !e.total) {
		rc = evp_fail_oom(err);
		goto out;
	}
	if (!match_frames(t, &e, true) && !match_frames(t, &e, false)) {
		evp_fail(err, ENOENT, "no function '%s' in the profile", t->o->function);
		rc = 1;
		goto out;
	}
	sum_up(t, &e);
	rc = t->o->mode == EVP_TOP_CALLERS ? add_callers(t, &e) : add_callees(t, &e);
	if (rc) {
		rc = evp_fail_oom(err);
		goto out;
	}
	if (e.n)
		qsort_r(e.edge, e.n, sizeof(*e.edge), compare_edges, (void *)t->p);
	fill(t, &e);
out:
	free(e.match);
	free(e.via);
	free(e.total);
	free(e.edge);
	evp_map_release(&e.sums);
	return rc;
}
