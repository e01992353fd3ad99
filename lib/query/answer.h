/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The answer to a query as a table in memory, before it is written. Private to the room. */
#ifndef EVP_QUERY_ANSWER_H
#define EVP_QUERY_ANSWER_H

#include "query/query.h"
#include "query/tally.h"
#include "query/tree.h"

struct evp_answer_group {
	const uint32_t *values; /* of q->by: ids for evp_answer_value, 0: absent */
	int64_t window_ns;
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
	struct evp_sum *sums; /* sorted by group, then stack (see evp_tree_rank); no two alike */
	size_t nsums;
	struct evp_answer_private *priv;
};

/* 0, or -errno: see evp_query_stream. */
int evp_answer_new(struct evp_answer **ret_a, const struct evp_query *q, struct evp_catalog *c,
		   struct evp_err *err);
void evp_answer_free(struct evp_answer *a);

static inline const struct evp_bytes *evp_answer_value(const struct evp_answer *a, uint32_t id)
{
	return &a->values.item[id];
}

#endif
