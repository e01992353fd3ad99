/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adding up the rows of one row group: samples and value by (group, dictionary index of the stack).
 *
 * A group that comes up early has one array of cells over the stack dictionary, in chunks made on
 * first touch: stacks of one group are near each other in a sorted dictionary, so that few chunks
 * are touched and an addition costs about a nanosecond. Once these directories have used up their
 * memory (many groups, that is few rows each) rows of further groups are listed and sorted instead.
 *
 *	evp_tally_begin(t, ndict);
 *	evp_tally_add(t, group, stack, samples, value, n);	any number of times
 *	evp_tally_finish(t, list);		appended, in no order; t is empty again
 */
#ifndef EVP_QUERY_TALLY_H
#define EVP_QUERY_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

struct evp_sum {
	uint32_t group, stack; /* stack: while a row group is read its dictionary's index */
	int64_t samples, value;
};

struct evp_sum_list {
	struct evp_sum *item;
	size_t n, cap;
};

struct evp_tally_cell {
	int64_t samples, value;
};

struct evp_tally {
	size_t nchunks;		      /* of one group */
	struct evp_tally_cell ***dir; /* group -> chunk -> cells; NULL where there are none */
	size_t ndir, cdir;
	size_t dir_bytes;
	struct evp_arena arena;
	struct evp_sum_list rows; /* of groups without a directory */
	bool overflow;		  /* a sum has passed 2^63: the figures are void */
};

void evp_tally_begin(struct evp_tally *t, size_t ndict);
/* n rows of one group. 0 or -ENOMEM. */
int evp_tally_add(struct evp_tally *t, uint32_t group, const uint32_t *stack,
		  const int64_t *samples, const int64_t *value, size_t n);
int evp_tally_finish(struct evp_tally *t, struct evp_sum_list *list);
void evp_tally_release(struct evp_tally *t);

/* Sorts by (group, stack) and adds up equal ones, all below the given limits. */
int evp_sums_fold(struct evp_sum_list *list, size_t ngroups, size_t nstacks, bool *ret_overflow);

#endif
