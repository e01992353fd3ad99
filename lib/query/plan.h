/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The label side of reading one row group: which rows pass the matchers, and which values the
 * labels of interest have there.
 *
 * A plan is made once for a query; evp_plan_open points it at a row group. It knows the columns
 * that any label of the query lives in. For each distinct value of such a column the matchers are
 * tried once, and the values of the labels interned once; rows are then walked by runs of equal
 * values, and columns whose values all pass and that nobody groups by are not read at all.
 *
 *	evp_plan_open(p, segment, group, &err);
 *	for (row = 0; (rc = evp_plan_next(p, row, &run, &err)) > 0; row = run.end)
 *		rows run.begin .. run.end pass; p->value[i] is label i's value in all of them
 */
#ifndef EVP_QUERY_PLAN_H
#define EVP_QUERY_PLAN_H

#include "query/matcher.h"
#include "store/segment.h"

struct evp_plan_run {
	uint64_t begin, end;
	bool same; /* p->value is as it was for the run before this one */
};

/* A label column of the current row group. */
struct evp_plan_column {
	enum evp_segment_column col;
	struct evp_pq_column pq;
	const struct evp_matcher **matchers;
	size_t *labels; /* indexes of p->labels kept in this column */
	size_t nmatchers, nlabels;

	/* By dictionary index; where the file has no dictionary, indexes are given by first use. */
	uint8_t *pass;
	uint32_t *value; /* nlabels a row: ids of p->values */
	size_t cpass, cvalue;
	size_t nknown;
	struct evp_map numbers; /* number -> index, where the file has no dictionary */

	bool walked; /* its runs matter in this row group */
	uint32_t index;
	uint64_t end; /* of the current run */
	const int64_t *ints;
	uint64_t ints_row, ints_end;
};

struct evp_plan {
	const struct evp_selector *selector;
	const char *const *labels;
	size_t nlabels;
	struct evp_interner *values; /* borrowed; id 0 is "" */
	uint32_t *value;	     /* of each label, in the current run */
	struct evp_plan_column columns[EVP_COLS];
	size_t ncolumns;
	struct evp_str text; /* scratch */
	uint64_t nrows;
	bool first;
};

/*
 * Everything given is borrowed. Zeroed before; release in any case. The label "" stands for the
 * JSON text of every label that has no column of its own.
 */
int evp_plan_init(struct evp_plan *p, const struct evp_selector *s, const char *const *labels,
		  size_t nlabels, struct evp_interner *values, struct evp_err *err);
void evp_plan_release(struct evp_plan *p);

/* 1: rows may pass; 0: none can, by the dictionaries alone; -errno. */
int evp_plan_open(struct evp_plan *p, const struct evp_store_segment *s, size_t group,
		  struct evp_err *err);
/* The first run of passing rows at or behind `row`. 1, 0 at the end, -errno. */
int evp_plan_next(struct evp_plan *p, uint64_t row, struct evp_plan_run *ret_run,
		  struct evp_err *err);

#endif
