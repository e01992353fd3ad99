/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --function and --stack: which stacks of a sorted table stay. Private to the room. */
#ifndef EVP_QUERY_FILTER_H
#define EVP_QUERY_FILTER_H

#include "query/query.h"
#include "query/tree.h"

#define EVP_FILTER_TEXT	  1 /* --stack */
#define EVP_FILTER_FRAMES 2 /* --function */

/*
 * Clears keep[i] of each stack that a filter of the query leaves out; those that are 0 already are
 * not looked at. A frame that a stack shares with the one before it is not tried again. -E2BIG: a
 * regex reached its limit.
 */
int evp_filter_stacks(const struct evp_query *q, unsigned int which, const struct evp_bytes *stacks,
		      size_t n, uint8_t *keep, struct evp_err *err);

/* --function on a tree: keep[node], all 1 before, is cleared where the stack is left out. */
int evp_filter_tree(const struct evp_query *q, const struct evp_tree *t, uint8_t *keep,
		    struct evp_err *err);

#endif
