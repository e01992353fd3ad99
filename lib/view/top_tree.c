// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The call tree, heaviest branch first. The `limit` heaviest nodes are shown; as no node
 * is heavier than its parent, they hang together.
 */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>

#include "view/top.h"

struct branch {
	uint32_t at; /* index in preorder */
	uint32_t depth;
};

struct tree {
	struct evp_profile_order order;
	bool *shown; /* by index in preorder */
	struct branch *todo;
	size_t n, cap;
};

static int64_t weight(const struct tree *x, uint32_t at)
{
	return x->order.total[x->order.order[at]];
}

/* The heavier first, then the one that comes first in preorder (a parent before its child). */
static int compare_at(const void *a, const void *b, void *arg)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int64_t wx = weight(arg, x), wy = weight(arg, y);

	if (wx != wy)
		return wx > wy ? -1 : 1;
	return (x > y) - (x < y);
}

static int choose(struct evp_top *t, struct tree *x)
{
	size_t n = t->o->limit && t->o->limit < x->order.n ? t->o->limit : x->order.n;
	uint32_t *at = calloc(x->order.n + 1, sizeof(*at));

	x->shown = calloc(x->order.n + 1, sizeof(*x->shown));
	if (!at || !x->shown) {
		free(at);
		return -ENOMEM;
	}
	for (size_t i = 0; i < x->order.n; i++)
		at[i] = (uint32_t)i;
	qsort_r(at, x->order.n, sizeof(*at), compare_at, x);
	for (size_t i = 0; i < n; i++)
		x->shown[at[i]] = true;
	t->rows = x->order.n;
	free(at);
	return 0;
}

static int compare_branches(const void *a, const void *b, void *arg)
{
	const struct branch *x = a, *y = b;

	return compare_at(&y->at, &x->at, arg); /* a stack: the heaviest is pushed last */
}

/* Puts the shown children in [from, to) of the preorder onto the stack. */
static int push(struct tree *x, uint32_t from, uint32_t to, uint32_t depth)
{
	size_t first = x->n;

	for (uint32_t i = from; i < to; i = x->order.end[i]) {
		if (!x->shown[i])
			continue;
		if (evp_grow(&x->todo, &x->cap, x->n + 1, sizeof(*x->todo)))
			return -ENOMEM;
		x->todo[x->n++] = (struct branch){ i, depth };
	}
	if (x->n > first)
		qsort_r(x->todo + first, x->n - first, sizeof(*x->todo), compare_branches, x);
	return 0;
}

static int walk(struct evp_top *t, struct tree *x)
{
	int rc = push(x, 0, (uint32_t)x->order.n, 0);

	while (!rc && x->n) {
		struct branch b = x->todo[--x->n];
		uint32_t node = x->order.order[b.at];

		evp_top_amount(t, weight(x, b.at), t->total);
		evp_top_amount(t, t->p->self[node * t->p->ntypes + t->type], t->total);
		if (t->o->format != EVP_TABLE_TEXT)
			evp_table_number(&t->table, b.depth);
		evp_top_name(t, t->p->frame[node], 2 * (size_t)b.depth);
		rc = push(x, b.at + 1, x->order.end[b.at], b.depth + 1);
	}
	return rc;
}

int evp_top_tree(struct evp_top *t, struct evp_err *err)
{
	struct tree x = { 0 };
	int rc = 0;

	evp_top_column(t, "cum", "CUM", EVP_COL_NUMBER);
	evp_top_column(t, "cum_share", "CUM%", EVP_COL_PERCENT);
	evp_top_column(t, "flat", "FLAT", EVP_COL_NUMBER);
	evp_top_column(t, "flat_share", "FLAT%", EVP_COL_PERCENT);
	if (t->o->format != EVP_TABLE_TEXT)
		evp_top_column(t, "depth", "DEPTH", EVP_COL_NUMBER);
	evp_top_column(t, "module", "MODULE", EVP_COL_TEXT);
	evp_top_column(t, "function", "FUNCTION", EVP_COL_NAME);
	if (t->type >= t->p->ntypes)
		return 0;
	rc = evp_profile_order(t->p, t->type, &x.order, err);
	if (rc)
		return rc;
	if (choose(t, &x) || walk(t, &x))
		rc = evp_fail_oom(err);
	free(x.shown);
	free(x.todo);
	evp_profile_order_release(&x.order);
	return rc;
}
