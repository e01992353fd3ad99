/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reading half of a query: segments in, sums by (group, stack) out, in ids of first use.
 * answer.c orders them and makes a struct evp_answer of it. Private to the room.
 */
#ifndef EVP_QUERY_SCAN_H
#define EVP_QUERY_SCAN_H

#include "query/plan.h"
#include "query/query.h"
#include "query/tree.h"
#include "query/tally.h"

/* A column of numbers or indexes, asked for by row. */
struct evp_row_cursor {
	struct evp_pq_column pq;
	uint64_t row, end; /* what the pointer below covers */
	const uint32_t *index;
	const int64_t *ints;
};

/* A key of evp_scan.groups, cut behind the last of q->by. */
struct evp_scan_group {
	int64_t window_ms; /* 0 without a step */
	uint32_t value[EVP_QUERY_BY];
};

struct evp_scan {
	const struct evp_query *q;
	struct evp_query_info info;
	struct evp_interner values; /* label values; id 0 is "" */
	struct evp_interner groups; /* of struct evp_scan_group */
	struct evp_tree tree;	    /* stacks; a sum's is a node of it */
	struct evp_sum_list sums;   /* of finished segments: ids of groups and stacks */
	size_t folded;		    /* sums at the last evp_sums_fold */

	struct evp_plan plan;
	struct evp_tally tally;
	struct evp_row_cursor ts, samples, value, stack;
	bool cut;	   /* the segment is not wholly within the range, or a step is asked for */
	uint32_t *to_node; /* of the row group's stacks */
	uint8_t *keep;	   /* ... which of them have rows and pass --stack */
	size_t cto_node, ckeep;
	struct evp_sum_list segment; /* of the segment being read */
};

/* Reads everything that `c` lists. Release in any case. */
int evp_scan_run(struct evp_scan *s, const struct evp_query *q, struct evp_catalog *c,
		 struct evp_err *err);
void evp_scan_release(struct evp_scan *s);

/* What evp_scan_run and evp_query_raw do the same way. */

/* Takes a segment's footer into the figures; -EBADMSG: its unit is another than before. */
int evp_scan_describe(struct evp_query_info *info, const struct evp_query *q,
		      const struct evp_store_segment *s, struct evp_err *err);
/* Is this error one segment's own, so that the others still count? */
bool evp_scan_skippable(int rc);
/* A bound in ns as one in ms (rounded up: right for `from <= ts` and for `ts < to`). */
int64_t evp_scan_ms(int64_t ns);
/* Is every row of this segment within the query's range, by its footer? */
bool evp_scan_covers(const struct evp_query *q, const struct evp_store_segment *s);
/* ... is any? */
bool evp_scan_meets(const struct evp_query *q, const struct evp_store_segment *s);

int evp_cursor_ints(struct evp_row_cursor *c, uint64_t row, const int64_t **ret_v, size_t *ret_n,
		    struct evp_err *err);
int evp_cursor_indexes(struct evp_row_cursor *c, uint64_t row, const uint32_t **ret_v,
		       size_t *ret_n, struct evp_err *err);
int evp_cursor_open(struct evp_row_cursor *c, const struct evp_store_segment *s, size_t group,
		    enum evp_segment_column col, struct evp_err *err);

#endif
