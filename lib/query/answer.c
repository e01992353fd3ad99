// SPDX-License-Identifier: GPL-2.0-or-later
/* From what a scan found to an answer in order. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "query/answer.h"
#include "query/filter.h"
#include "query/scan.h"

struct evp_answer_private {
	struct evp_scan scan;
	uint32_t *group_values;
};

/* ---- the order of groups ---- */

struct group_order {
	uint32_t id;
	int64_t window_ms;
	const uint32_t *rank; /* of each label's value */
	size_t n;
};

static int compare_groups(const void *va, const void *vb)
{
	const struct group_order *a = va, *b = vb;
	size_t i;

	for (i = 0; i < a->n; i++)
		if (a->rank[i] != b->rank[i])
			return a->rank[i] < b->rank[i] ? -1 : 1;
	return (a->window_ms > b->window_ms) - (a->window_ms < b->window_ms);
}

static int compare_bytes(const void *va, const void *vb, void *arg)
{
	const struct evp_bytes *item = arg;
	const struct evp_bytes *a = &item[*(const uint32_t *)va], *b = &item[*(const uint32_t *)vb];
	int c = memcmp(a->ptr, b->ptr, a->len < b->len ? a->len : b->len);

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

/* The place of each value among all of them. */
static int rank_values(const struct evp_interner *values, uint32_t **ret_rank)
{
	size_t n = values->n, i;
	uint32_t *rank = malloc((n + 1) * sizeof(*rank)), *order = malloc((n + 1) * sizeof(*order));

	if (!rank || !order) {
		free(rank);
		free(order);
		return -ENOMEM;
	}
	for (i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, n, sizeof(*order), compare_bytes, values->item);
	for (i = 0; i < n; i++)
		rank[order[i]] = (uint32_t)i;
	free(order);
	*ret_rank = rank;
	return 0;
}

static struct evp_scan_group group_key(const struct evp_scan *s, size_t id)
{
	struct evp_scan_group key = { 0 };

	memcpy(&key, s->groups.item[id].ptr, s->groups.item[id].len);
	return key;
}

static void fill_group(struct evp_answer *a, size_t i, const struct group_order *o)
{
	const struct evp_scan *s = &a->priv->scan;
	uint32_t *values = a->priv->group_values + i * a->nby;
	struct evp_scan_group key = group_key(s, o->id);

	memcpy(values, key.value, a->nby * sizeof(*values));
	a->groups[i].values = values;
	a->groups[i].window_ns = s->q->step_ns ? o->window_ms * 1000000 : a->info.from_ns;
}

/* Groups that have sums, in order; group_of[id] becomes the place of each. */
static int order_groups(struct evp_answer *a, struct group_order *order, uint32_t *ranks,
			uint32_t *group_of, const uint32_t *value_rank)
{
	const struct evp_scan *s = &a->priv->scan;
	size_t i, k, n = 0;

	for (i = 0; i < s->sums.n; i++)
		group_of[s->sums.item[i].group] = 1;
	for (i = 0; i < s->groups.n; i++) {
		struct evp_scan_group key = group_key(s, i);
		struct group_order *o = &order[n];

		if (!group_of[i])
			continue;
		*o = (struct group_order){ (uint32_t)i, key.window_ms, ranks + n * a->nby, a->nby };
		for (k = 0; k < a->nby; k++)
			ranks[n * a->nby + k] = value_rank[key.value[k]];
		n++;
	}
	qsort(order, n, sizeof(*order), compare_groups);
	a->groups = calloc(n + 1, sizeof(*a->groups));
	a->priv->group_values = calloc(n * a->nby + 1, sizeof(uint32_t));
	if (!a->groups || !a->priv->group_values)
		return -ENOMEM;
	a->ngroups = n;
	for (i = 0; i < n; i++) {
		group_of[order[i].id] = (uint32_t)i;
		fill_group(a, i, &order[i]);
	}
	return 0;
}

static int place_groups(struct evp_answer *a, uint32_t **ret_group_of)
{
	const struct evp_scan *s = &a->priv->scan;
	size_t n = s->groups.n;
	struct group_order *order = calloc(n + 1, sizeof(*order));
	uint32_t *ranks = calloc(n * a->nby + 1, sizeof(*ranks)), *value_rank = NULL;
	int rc = -ENOMEM;

	*ret_group_of = calloc(n + 1, sizeof(**ret_group_of));
	if (order && ranks && *ret_group_of)
		rc = rank_values(&a->values, &value_rank);
	if (!rc)
		rc = order_groups(a, order, ranks, *ret_group_of, value_rank);
	free(order);
	free(ranks);
	free(value_rank);
	return rc;
}

/* ---- stacks ---- */

/* Nodes to places in the order of stacks, or back. */
static void renumber(struct evp_sum_list *sums, const uint32_t *to)
{
	size_t i;

	for (i = 0; i < sums->n; i++)
		sums->item[i].stack = to[sums->item[i].stack];
}

/* Sums become sorted by (place of the group, place of the stack). */
static int order_sums(struct evp_answer *a, const uint32_t *group_of, bool *ret_overflow)
{
	struct evp_sum_list *sums = &a->priv->scan.sums;
	uint32_t *rank = NULL, *node = NULL;
	size_t i;
	int rc = 0;

	for (i = 0; i < sums->n; i++)
		sums->item[i].group = group_of[sums->item[i].group];
	if (!a->tree->disordered)
		return evp_sums_fold(sums, a->ngroups, a->tree->n, ret_overflow);
	node = malloc((a->tree->n + 1) * sizeof(*node));
	rc = node ? evp_tree_rank(a->tree, &rank) : -ENOMEM;
	for (i = 0; i < a->tree->n && !rc; i++)
		node[rank[i]] = (uint32_t)i;
	if (!rc) {
		renumber(sums, rank);
		rc = evp_sums_fold(sums, a->ngroups, a->tree->n, ret_overflow);
		renumber(sums, node);
	}
	free(rank);
	free(node);
	return rc;
}

static int filter_functions(struct evp_answer *a, const struct evp_query *q, struct evp_err *err)
{
	uint8_t *keep = malloc(a->tree->n + 1);
	size_t i, n = 0;
	int rc;

	if (!keep)
		return evp_fail_oom(err);
	memset(keep, 1, a->tree->n);
	rc = evp_filter_tree(q, a->tree, keep, err);
	for (i = 0; !rc && i < a->nsums; i++)
		if (keep[a->sums[i].stack])
			a->sums[n++] = a->sums[i];
	if (!rc)
		a->nsums = n;
	free(keep);
	return rc;
}

/* ---- all of it ---- */

static int order_answer(struct evp_answer *a, struct evp_err *err)
{
	struct evp_scan *s = &a->priv->scan;
	uint32_t *group_of = NULL;
	bool overflow = false;
	int rc;

	a->values = s->values;
	s->values = (struct evp_interner){ 0 };
	a->tree = &s->tree;
	rc = place_groups(a, &group_of);
	if (!rc)
		rc = order_sums(a, group_of, &overflow);
	free(group_of);
	a->sums = s->sums.item;
	a->nsums = s->sums.n;
	if (!rc && overflow)
		return evp_fail(err, E2BIG, "sums pass 2^63: ask for less");
	return rc ? evp_fail_oom(err) : 0;
}

static int check_query(const struct evp_query *q, struct evp_err *err)
{
	if (q->nby > EVP_QUERY_BY)
		return evp_fail(err, EINVAL, "more than %d labels to group by", EVP_QUERY_BY);
	if (q->step_ns < 0 || q->step_ns % 1000000)
		return evp_fail(err, EINVAL, "a step is whole milliseconds");
	return 0;
}

static int name_labels(struct evp_answer *a, const struct evp_query *q)
{
	size_t i;

	a->by = calloc(q->nby + 1, sizeof(*a->by));
	if (!a->by)
		return -ENOMEM;
	for (i = 0; i < q->nby; i++, a->nby++)
		if (!(a->by[i] = strdup(q->by[i])))
			return -ENOMEM;
	return 0;
}

int evp_answer_new(struct evp_answer **ret_a, const struct evp_query *q, struct evp_catalog *c,
		   struct evp_err *err)
{
	struct evp_answer *a;
	int rc = check_query(q, err);

	if (rc)
		return rc;
	a = calloc(1, sizeof(*a));
	if (!a || !(a->priv = calloc(1, sizeof(*a->priv))) || name_labels(a, q)) {
		evp_answer_free(a);
		return evp_fail_oom(err);
	}
	rc = evp_scan_run(&a->priv->scan, q, c, err);
	a->info = a->priv->scan.info;
	if (q->step_ns)
		a->window_len_ns = q->step_ns;
	else if (__builtin_sub_overflow(a->info.to_ns, a->info.from_ns, &a->window_len_ns))
		a->window_len_ns = INT64_MAX;
	if (!rc)
		rc = order_answer(a, err);
	if (!rc && q->nfilters)
		rc = filter_functions(a, q, err);
	a->info.found = a->nsums;
	if (rc)
		evp_answer_free(a);
	else
		*ret_a = a;
	return rc;
}

void evp_answer_free(struct evp_answer *a)
{
	size_t i;

	if (!a)
		return;
	for (i = 0; a->by && i < a->nby; i++)
		free(a->by[i]);
	free(a->by);
	free(a->groups);
	evp_interner_release(&a->values);
	if (a->priv) {
		evp_scan_release(&a->priv->scan);
		free(a->priv->group_values);
	}
	free(a->priv);
	free(a);
}
