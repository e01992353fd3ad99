// SPDX-License-Identifier: GPL-2.0-or-later
#include "query/filter.h"
#include "query/scan.h"

#include <stdlib.h>
#include <string.h>

/* A list of sums is folded when it has doubled since, and not before it is worth it. */
#define FOLD_MIN (1u << 20)

void evp_scan_release(struct evp_scan *s)
{
	evp_plan_release(&s->plan);
	evp_tally_release(&s->tally);
	evp_pq_column_release(&s->ts.pq);
	evp_pq_column_release(&s->samples.pq);
	evp_pq_column_release(&s->value.pq);
	evp_pq_column_release(&s->stack.pq);
	evp_interner_release(&s->values);
	evp_interner_release(&s->groups);
	evp_tree_release(&s->tree);
	free(s->sums.item);
	free(s->segment.item);
	free(s->to_node);
	free(s->keep);
	*s = (struct evp_scan){ 0 };
}

static int open_sums(struct evp_scan *s, const struct evp_store_segment *seg, size_t group,
		     struct evp_err *err)
{
	int rc = evp_pq_column_open(&s->stack.pq, seg->file, group, EVP_COL_STACK, err);

	s->stack.row = s->stack.end = 0;
	if (!rc)
		rc = evp_pq_column_count(&s->stack.pq, err);
	if (!rc)
		rc = evp_cursor_open(&s->samples, seg, group, EVP_COL_SAMPLES, err);
	if (!rc)
		rc = evp_cursor_open(&s->value, seg, group, EVP_COL_VALUE, err);
	if (!rc && s->cut)
		rc = evp_cursor_open(&s->ts, seg, group, EVP_COL_TS, err);
	if (!rc && !s->stack.pq.ndict)
		rc = evp_fail(err, EBADMSG, "column stack has no dictionary");
	if (!rc)
		evp_tally_begin(&s->tally, s->stack.pq.ndict);
	return rc;
}

/* Adds rows [row, end), all of one group and selected. */
static int add_rows(struct evp_scan *s, uint64_t row, uint64_t end, uint32_t group,
		    struct evp_err *err)
{
	const int64_t *samples, *value;
	const uint32_t *stack;
	size_t n, n2;
	int rc = 0;

	s->info.rows += end - row;
	for (; !rc && row < end; row += n) {
		rc = evp_cursor_indexes(&s->stack, row, &stack, &n, err);
		if (rc)
			break;
		if (n > end - row)
			n = (size_t)(end - row);
		rc = evp_cursor_ints(&s->samples, row, &samples, &n2, err);
		if (rc)
			break;
		if (n > n2)
			n = n2;
		rc = evp_cursor_ints(&s->value, row, &value, &n2, err);
		if (rc)
			break;
		if (n > n2)
			n = n2;
		if (evp_tally_add(&s->tally, group, stack, samples, value, n))
			rc = evp_fail_oom(err);
	}
	return rc;
}

static int group_id(struct evp_scan *s, int64_t window_ms, uint32_t *ret_id, struct evp_err *err)
{
	struct evp_scan_group key = { .window_ms = window_ms };

	memcpy(key.value, s->plan.value, s->q->nby * sizeof(key.value[0]));
	if (evp_intern(&s->groups, &key,
		       offsetof(struct evp_scan_group, value) + s->q->nby * sizeof(key.value[0]),
		       ret_id))
		return evp_fail_oom(err);
	return 0;
}

/* The window that holds t, clipped to the range asked for; false: t is outside of it. */
static bool window_of(const struct evp_query *q, int64_t t, int64_t *lo, int64_t *hi, int64_t *name)
{
	int64_t step = q->step_ns / 1000000, rest;

	*lo = evp_scan_ms(q->from_ns);
	*hi = evp_scan_ms(q->to_ns);
	*name = 0;
	if (t < *lo || t >= *hi)
		return false;
	if (!step)
		return true;
	rest = t % step;
	if (rest < 0)
		rest += step;
	*name = t < INT64_MIN + rest ? INT64_MIN : t - rest;
	if (*name > *lo)
		*lo = *name;
	if (*name < *hi - step)
		*hi = *name + step;
	return true;
}

/* Rows [row, end) have the same labels; their times tell which are selected, and their windows. */
static int split_rows(struct evp_scan *s, uint64_t row, uint64_t end, struct evp_err *err)
{
	int64_t lo, hi, name;
	const int64_t *ts;
	uint32_t group;
	size_t n, i, k;
	int rc = 0;

	for (; !rc && row < end; row += n) {
		rc = evp_cursor_ints(&s->ts, row, &ts, &n, err);
		if (rc)
			break;
		if (n > end - row)
			n = (size_t)(end - row);
		for (i = 0; !rc && i < n; i = k) {
			k = i + 1;
			if (!window_of(s->q, ts[i], &lo, &hi, &name))
				continue;
			while (k < n && ts[k] >= lo && ts[k] < hi)
				k++;
			rc = group_id(s, name, &group, err);
			if (!rc)
				rc = add_rows(s, row + i, row + k, group, err);
		}
	}
	return rc;
}

struct naming {
	struct evp_scan *s;
	struct evp_err *err;
};

/* One text of the stack dictionary: a node, if it has rows and passes. */
static int name_stack(void *arg, size_t i, const struct evp_bytes *text)
{
	struct naming *n = arg;
	struct evp_scan *s = n->s;
	int rc = s->keep[i];

	if (rc && s->q->nfilters)
		rc = evp_filter_text(s->q, text, n->err);
	s->keep[i] = rc > 0;
	if (rc <= 0)
		return rc;
	return evp_tree_add(&s->tree, text, &s->to_node[i]) ? evp_fail_oom(n->err) : 0;
}

/* The sums in s->segment from `first` on: dictionary indexes become nodes of the tree. */
static int name_stacks(struct evp_scan *s, size_t first, struct evp_err *err)
{
	size_t ndict = s->stack.pq.ndict, i, n = first;
	struct naming naming = { s, err };
	int rc;

	if (evp_grow(&s->to_node, &s->cto_node, ndict, sizeof(*s->to_node)) ||
	    evp_grow(&s->keep, &s->ckeep, ndict, 1) || evp_tree_begin(&s->tree))
		return evp_fail_oom(err);
	memset(s->keep, 0, ndict);
	for (i = first; i < s->segment.n; i++)
		s->keep[s->segment.item[i].stack] = 1;
	rc = evp_pq_column_each(&s->stack.pq, name_stack, &naming, err);
	if (rc)
		return rc;
	for (i = first; i < s->segment.n; i++) {
		struct evp_sum *sum = &s->segment.item[i];

		if (!s->keep[sum->stack])
			continue;
		s->segment.item[n] = *sum;
		s->segment.item[n++].stack = s->to_node[sum->stack];
	}
	s->segment.n = n;
	return 0;
}

static int finish_group(struct evp_scan *s, struct evp_err *err)
{
	size_t first = s->segment.n;

	if (evp_tally_finish(&s->tally, &s->segment))
		return evp_fail_oom(err);
	if (s->tally.overflow)
		return evp_fail(err, EOVERFLOW, "its sums pass 2^63");
	return name_stacks(s, first, err);
}

static int scan_group(struct evp_scan *s, const struct evp_store_segment *seg, size_t group,
		      struct evp_err *err)
{
	struct evp_plan_run run = { 0 };
	bool opened = false, known = false;
	uint32_t id = 0;
	int rc = evp_plan_open(&s->plan, seg, group, err);

	if (rc <= 0)
		return rc;
	while ((rc = evp_plan_next(&s->plan, run.end, &run, err)) > 0) {
		rc = opened ? 0 : open_sums(s, seg, group, err);
		opened = true;
		if (!rc && s->cut) {
			rc = split_rows(s, run.begin, run.end, err);
		} else if (!rc) {
			if (!known || !run.same)
				rc = group_id(s, 0, &id, err);
			known = true;
			if (!rc)
				rc = add_rows(s, run.begin, run.end, id, err);
		}
		if (rc)
			return rc;
	}
	return rc || !opened ? rc : finish_group(s, err);
}

/* The finished segment's sums join the others. */
static int keep_segment(struct evp_scan *s, struct evp_err *err)
{
	bool overflow = false;

	if (evp_grow(&s->sums.item, &s->sums.cap, s->sums.n + s->segment.n, sizeof(*s->sums.item)))
		return evp_fail_oom(err);
	if (s->segment.n)
		memcpy(s->sums.item + s->sums.n, s->segment.item,
		       s->segment.n * sizeof(*s->sums.item));
	s->sums.n += s->segment.n;
	if (s->sums.n < FOLD_MIN || s->sums.n / 2 < s->folded)
		return 0;
	if (evp_sums_fold(&s->sums, s->groups.n, s->tree.n, &overflow))
		return evp_fail_oom(err);
	s->folded = s->sums.n;
	return overflow ? evp_fail(err, E2BIG, "sums pass 2^63: ask for less") : 0;
}

static int scan_segment(struct evp_scan *s, struct evp_catalog *c, size_t item, struct evp_err *err)
{
	struct evp_query_info before = s->info;
	struct evp_store_segment *seg;
	int rc = evp_segment_open(&seg, c->dirfd, c->item[item].path, err);
	size_t g;

	if (rc)
		return rc;
	s->segment.n = 0;
	if (!evp_scan_meets(s->q, seg))
		goto out;
	s->cut = s->q->step_ns || !evp_scan_covers(s->q, seg);
	rc = evp_scan_describe(&s->info, s->q, seg, err);
	for (g = 0; !rc && g < seg->file->ngroups; g++)
		rc = scan_group(s, seg, g, err);
	if (!rc)
		rc = keep_segment(s, err);
	else
		s->info = before;
out:
	evp_segment_close(seg);
	return rc;
}

int evp_scan_run(struct evp_scan *s, const struct evp_query *q, struct evp_catalog *c,
		 struct evp_err *err)
{
	uint32_t none;
	size_t i;
	int rc;

	s->q = q;
	s->info.from_ns = INT64_MAX;
	s->info.to_ns = INT64_MIN;
	if (evp_intern(&s->values, "", 0, &none))
		return evp_fail_oom(err);
	rc = evp_plan_init(&s->plan, q->selector, q->by, q->nby, &s->values, err);
	for (i = 0; i < c->n && !rc; i++) {
		struct evp_err own = { 0 };

		rc = scan_segment(s, c, i, &own);
		if (evp_scan_skippable(rc)) {
			evp_tally_release(&s->tally);
			rc = evp_catalog_bad(c, c->item[i].path, own.msg);
			if (rc)
				rc = evp_fail_oom(err);
		} else if (rc) {
			rc = evp_fail(err, own.code ? own.code : -rc, "%s", own.msg);
		}
	}
	return rc;
}
