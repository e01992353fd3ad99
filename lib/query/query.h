/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queries over a store: which rows, grouped how; the answer as a table in memory, and from there
 * as a stream or a profile.
 *
 *	struct evp_query q = { .from_ns = INT64_MIN, .to_ns = INT64_MAX, .by = by, .nby = 1 };
 *	evp_selector_parse(&q.selector, "cpu{comm=~\"web.*\"}", &err);
 *	evp_catalog_open(&catalog, dir, &filter, &err);
 *	evp_query_run(&a, &q, catalog, &err);
 *	evp_answer_write(a, writer, &err);		or evp_answer_profile(a, profile, &err)
 *	evp_answer_free(a);
 *
 * Only what a query needs is read: label columns first, by runs of equal values and with every
 * matcher tried once per dictionary value; then, where rows are left, their stacks and sums, and
 * their times only when a range or a step asks for them. Sums are kept per (group, stack) while
 * reading; texts are looked at once per distinct stack, at the end.
 *
 * A row is selected by the start of its window: from <= ts < to. Ranges that touch therefore
 * never count a row twice, here as in SQL.
 *
 * A segment that turns out to be damaged adds nothing: it is said in catalog->bad and the answer
 * is that of the others.
 */
#ifndef EVP_QUERY_QUERY_H
#define EVP_QUERY_QUERY_H

#include "profile/profile.h"
#include "query/matcher.h"
#include "query/tree.h"
#include "store/catalog.h"
#include "stream/writer.h"

/* Keeps whole stacks: one of its frames (unescaped) matches, or all of its folded text does. */
struct evp_stack_filter {
	struct evp_regex *regex;
	bool frames; /* regex is for each frame, not for the folded text */
	bool negate;
};

struct evp_query {
	struct evp_selector *selector; /* NULL: every row; its type is the catalog's business */
	int64_t from_ns, to_ns;	       /* INT64_MIN, INT64_MAX: open */
	const char *const *by;	       /* labels that tell groups apart, at most EVP_QUERY_BY */
	size_t nby;
	int64_t step_ns; /* length of windows, at UTC multiples; 0: one window for everything */
	const struct evp_stack_filter *filters; /* all must hold */
	size_t nfilters;
};

#define EVP_QUERY_BY 32

/* What every selected segment agrees on, and what they add up to. */
struct evp_query_info {
	char type[64], unit[64];
	char period_type[64], period_unit[64];
	int64_t period;		/* 0: unknown, or not everywhere the same */
	int64_t from_ns, to_ns; /* of the rows selected, window ends included; from > to: none */
	int64_t lost_samples;	/* reported lost by the segments that were read */
	size_t segments;
	uint64_t rows; /* selected */
};

struct evp_answer_group {
	const uint32_t *values; /* of q->by: ids for evp_answer_value, 0: absent */
	int64_t window_ns;
};

/* Sorted by group, then stack (see evp_tree_rank); no two alike. */
struct evp_sum {
	uint32_t group, stack; /* stack: while a row group is read its dictionary's index */
	int64_t samples, value;
};

struct evp_answer {
	struct evp_query_info info;
	char **by;
	size_t nby;
	int64_t window_len_ns;
	struct evp_interner values;	 /* id 0 is "" */
	struct evp_answer_group *groups; /* sorted by label values, then window */
	size_t ngroups;
	const struct evp_tree *tree; /* a sum's stack is one of its nodes */
	struct evp_sum *sums;
	size_t nsums;
	struct evp_answer_private *priv;
};

/*
 * 0, or -errno. -E2BIG: a regex reached its limit, or sums pass 2^63; -EINVAL: q makes no sense (a
 * step that is not whole milliseconds, too many labels). Segments of another unit than the first are
 * bad ones too.
 */
int evp_query_run(struct evp_answer **ret_a, const struct evp_query *q, struct evp_catalog *c,
		  struct evp_err *err);
void evp_answer_free(struct evp_answer *a);

static inline const struct evp_bytes *evp_answer_value(const struct evp_answer *a, uint32_t id)
{
	return &a->values.item[id];
}

/*
 * A stream id for the answer: the same for the same question to the same segments, so that a query
 * gives the same bytes each time and its result can be added to a store only once.
 */
void evp_query_id(const struct evp_query *q, const struct evp_catalog *c, bool raw,
		  uint8_t ret_id[16]);

/* Everything into a stream, in order; losses too. Neither watermark nor end. */
int evp_answer_write(const struct evp_answer *a, struct evp_writer *w, struct evp_err *err);

/* Everything into a profile, labels left out. */
int evp_answer_profile(const struct evp_answer *a, struct evp_profile *p, struct evp_err *err);

/*
 * --raw: every selected row as a sample of its own, with all labels, its window, and the locations
 * of the precision blob where there are any. Segment by segment, in the order of their names;
 * within one in the order of its rows: labels, window, stack. What was read before damage is kept.
 * q->by and q->step_ns are not looked at. Watermarks are written where the times allow.
 */
int evp_query_raw(struct evp_writer *w, const struct evp_query *q, struct evp_catalog *c,
		  struct evp_query_info *ret_info, struct evp_err *err);

#endif
