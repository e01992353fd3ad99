/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --function and --stack: which stacks of a sorted table stay. Private to the room. */
#ifndef EVP_QUERY_FILTER_H
#define EVP_QUERY_FILTER_H

#include "query/query.h"
#include "query/tree.h"

/*
 * Clears keep[i] of each stack that a filter of the query leaves out; those that are 0 already are
 * not looked at. A frame that a stack shares with the one before it is not tried again. -E2BIG: a
 * regex reached its limit.
 */
int evp_filter_stacks(const struct evp_query *q, const struct evp_bytes *stacks, size_t n,
		      uint8_t *keep, struct evp_err *err);

/* --stack alone, for one text: 1 it stays, 0, -errno. */
int evp_filter_text(const struct evp_query *q, const struct evp_bytes *text, struct evp_err *err);

/* --function on a tree: keep[node], all 1 before, is cleared where the stack is left out. */
int evp_filter_tree(const struct evp_query *q, const struct evp_tree *t, uint8_t *keep,
		    struct evp_err *err);

#endif
