/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queries over a store: which rows, grouped how; the answer as a stream or a profile.
 *
 *	struct evp_query q = { .from_ns = INT64_MIN, .to_ns = INT64_MAX, .by = by, .nby = 1 };
 *	evp_selector_parse(&q.selector, "cpu{comm=~\"web.*\"}", &err);
 *	evp_query_open(&catalog, dir, &q, EVP_QUERY_TYPE, &err);
 *	evp_query_stream(writer, &q, catalog, &info, &err);	or evp_query_profile(profile, ...)
 *	evp_catalog_close(catalog);
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
	uint64_t rows;	/* selected */
	uint64_t found; /* of the answer; 0: nothing matched */
};

/*
 * The segments that q is about, in the store `dir` (NULL: the default one). type: where the
 * selector names none; NULL: every type. Errors as evp_catalog_open.
 */
#define EVP_QUERY_TYPE "cpu"
int evp_query_open(struct evp_catalog **ret_c, const char *dir, const struct evp_query *q,
		   const char *type, struct evp_err *err);

/*
 * The answer into a stream, group by group, with its losses; neither watermark nor end. 0, or
 * -errno. -E2BIG: a regex reached its limit, or sums pass 2^63; -EINVAL: q makes no sense (a step
 * that is not whole milliseconds, too many labels). Segments of another unit than the first are
 * bad ones too.
 */
int evp_query_stream(struct evp_writer *w, const struct evp_query *q, struct evp_catalog *c,
		     struct evp_query_info *ret_info, struct evp_err *err);

/* The same into a profile, labels left out. */
int evp_query_profile(struct evp_profile *p, const struct evp_query *q, struct evp_catalog *c,
		      struct evp_query_info *ret_info, struct evp_err *err);

/*
 * A stream id for the answer: the same for the same question to the same segments, so that a query
 * gives the same bytes each time and its result can be added to a store only once.
 */
void evp_query_id(const struct evp_query *q, const struct evp_catalog *c, bool raw,
		  uint8_t ret_id[16]);

/*
 * --raw: every selected row as a sample of its own, with all labels, its window, and the locations
 * of the precision blob where there are any. Segment by segment, in the order of their names;
 * within one in the order of its rows: labels, window, stack. What was read before damage is kept.
 * q->by and q->step_ns are not looked at. Watermarks are written where the times allow.
 */
int evp_query_raw(struct evp_writer *w, const struct evp_query *q, struct evp_catalog *c,
		  struct evp_query_info *ret_info, struct evp_err *err);

#endif
