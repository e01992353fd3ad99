// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/verify.h"

#include <stdlib.h>
#include <string.h>

/* Everything below is of one row group. */
struct check {
	const struct evp_store_segment *s;
	const char *path;
	size_t group;
	struct evp_pq_column c;
	uint64_t nrows;
	/* The rows' sort key so far: whether row i is equal to row i - 1 in all columns yet looked at. */
	uint8_t *tied;
	__int128 samples, value; /* of all groups */
	int64_t first_ms, end_ms;
	int64_t *ts;
	size_t ntexts;
};

static int wrong(const struct check *k, const char *what, struct evp_err *err)
{
	return evp_fail(err, EBADMSG, "'%s': %s", k->path, what);
}

static int check_dictionary(const struct check *k, int col, struct evp_err *err)
{
	const struct evp_pq_column *c = &k->c;
	size_t i;
	int order;

	for (i = 1; i < c->ndict; i++) {
		if (c->dict_ints) {
			order = c->dict_ints[i - 1] < c->dict_ints[i] ? -1 : 1;
		} else if (col == EVP_COL_STACK) {
			order = evp_stack_compare(&c->dict[i - 1], &c->dict[i]);
		} else {
			size_t a = c->dict[i - 1].len, b = c->dict[i].len;

			order = memcmp(c->dict[i - 1].ptr, c->dict[i].ptr, a < b ? a : b);
			order = order ? order : a < b ? -1 : 1;
		}
		if (order >= 0)
			return wrong(k, "a dictionary that is not sorted", err);
	}
	return 0;
}

/* Dictionaries are sorted, so indexes order as values do. Unties rows that differ; false: out of order. */
static bool check_order(struct check *k, uint64_t row, const int64_t *v, const uint32_t *index,
			size_t n, int64_t *last)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int64_t now = index ? (int64_t)index[i] : v[i];

		if (row + i && k->tied[row + i]) {
			if (now < *last)
				return false;
			k->tied[row + i] = now == *last;
		}
		*last = now;
	}
	return true;
}

/* Walks a column from end to end; `ordered`: it is one that rows are sorted by. */
static int check_column(struct check *k, int col, bool ordered, struct evp_err *err)
{
	const uint32_t *index = NULL;
	const int64_t *v = NULL;
	int64_t last = 0;
	uint64_t row;
	size_t n, i;
	int rc = evp_segment_column(k->s, k->group, (enum evp_segment_column)col, &k->c, err);

	rc = rc ? rc : check_dictionary(k, col, err);
	for (row = 0; !rc && row < k->nrows; row += n) {
		if (k->c.type == EVP_PQ_STRING)
			rc = evp_pq_column_indexes(&k->c, row, &index, &n, err);
		else
			rc = evp_pq_column_ints(&k->c, row, &v, &n, err);
		if (!rc && ordered && !check_order(k, row, v, index, n, &last))
			rc = wrong(k, "rows that are not sorted", err);
		for (i = 0; !rc && v && i < n; i++) {
			if (col == EVP_COL_SAMPLES)
				k->samples += v[i];
			if (col == EVP_COL_VALUE)
				k->value += v[i];
			if (col == EVP_COL_TS) {
				k->ts[row + i] = v[i];
				k->first_ms = v[i] < k->first_ms ? v[i] : k->first_ms;
			}
			if (col == EVP_COL_DURATION_MS) {
				int64_t end = (int64_t)((uint64_t)k->ts[row + i] +
							(uint64_t)(v[i] ? v[i] : 1));

				k->end_ms = end > k->end_ms ? end : k->end_ms;
			}
		}
	}
	return rc;
}

static int check_group(struct check *k, struct evp_err *err)
{
	static const uint8_t sorted[] = { EVP_COL_SERVICE, EVP_COL_NODE,      EVP_COL_CONTAINER,
					  EVP_COL_POD,	   EVP_COL_NAMESPACE, EVP_COL_UNIT,
					  EVP_COL_COMM,	   EVP_COL_PID,	      EVP_COL_TID,
					  EVP_COL_CPU,	   EVP_COL_LABELS,    EVP_COL_TS,
					  EVP_COL_STACK,   EVP_COL_VARIANT };
	static const uint8_t others[] = { EVP_COL_DURATION_MS, EVP_COL_CGROUP, EVP_COL_EXE,
					  EVP_COL_SAMPLES, EVP_COL_VALUE };
	size_t i;
	int rc = 0;

	k->nrows = k->s->file->groups[k->group].nrows;
	free(k->tied);
	free(k->ts);
	k->tied = malloc(k->nrows);
	k->ts = malloc(k->nrows * sizeof(*k->ts));
	if (!k->tied || !k->ts)
		return evp_fail_oom(err);
	memset(k->tied, 1, k->nrows);
	for (i = 0; !rc && i < sizeof(sorted); i++)
		rc = check_column(k, sorted[i], true, err);
	for (i = 0; !rc && i < sizeof(others); i++)
		rc = check_column(k, others[i], false, err);
	return rc;
}

static int check_blob(const struct evp_store_segment *s, struct evp_err *err)
{
	struct evp_segment_blob_entry e;
	struct evp_segment_blob *b;
	int rc = evp_segment_blob_open(&b, s, err);

	if (rc)
		return rc;
	while ((rc = evp_segment_blob_next(b, &e, err)) > 0)
		;
	evp_segment_blob_close(b);
	return rc;
}

static int verify_segment(const struct evp_catalog *cat, const struct evp_catalog_item *item,
			  struct evp_err *err)
{
	struct check k = { .path = item->path, .first_ms = INT64_MAX, .end_ms = INT64_MIN };
	struct evp_store_segment *s;
	int rc = evp_segment_open(&s, cat->dirfd, item->path, err);

	if (rc)
		return rc;
	k.s = s;
	for (; !rc && k.group < s->file->ngroups; k.group++)
		rc = check_group(&k, err);
	if (!rc)
		rc = check_blob(s, err);
	if (!rc && (evp_segment_clamp(k.samples) != s->info.samples ||
		    evp_segment_clamp(k.value) != s->info.value || k.first_ms != s->info.from_ms ||
		    k.end_ms != s->info.to_ms))
		rc = wrong(&k, "its sums or times are not what its footer says", err);
	if (!rc &&
	    (strcmp(item->type, s->info.type) || item->level != s->info.level ||
	     item->from_ns > s->info.from_ms * 1000000 || item->to_ns / 1000000 < s->info.to_ms))
		rc = wrong(&k, "its type, level or times are not what its name says", err);
	evp_pq_column_release(&k.c);
	free(k.tied);
	free(k.ts);
	evp_segment_close(s);
	return rc;
}

int evp_store_verify(struct evp_catalog *c, struct evp_err *err)
{
	struct evp_err why;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (verify_segment(c, &c->item[i], &why) &&
		    evp_catalog_bad(c, c->item[i].path, why.msg))
			return evp_fail_oom(err);
	return 0;
}
