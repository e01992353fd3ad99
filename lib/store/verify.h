/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking a store over: is every byte of a segment as it was written, what is in it, what costs.
 */
#ifndef EVP_STORE_VERIFY_H
#define EVP_STORE_VERIFY_H

#include "store/catalog.h"

/*
 * Reads all of every segment: the footer, every page with its checksum and every value in it, the
 * order of the rows, the blob down to its last record, and whether sums and times are what footer
 * and name say. A damaged one goes to c->bad with the first thing that is wrong. 0 or -ENOMEM.
 */
int evp_store_verify(struct evp_catalog *c, struct evp_err *err);

/* What a label costs, over any number of segments. */
struct evp_label_cost {
	char *name;
	uint64_t values;     /* different ones */
	uint64_t rows_added; /* rows that would merge into others without it */
	uint64_t bytes;	     /* of its column; 0 for what is in `labels` */
	struct evp_interner seen;
};

struct evp_label_costs {
	struct evp_label_cost *item; /* sorted by rows_added, then bytes, falling; after finish */
	size_t n, cap;
	uint64_t rows;
	struct evp_arena arena;
};

int evp_label_costs_add(struct evp_label_costs *costs, const struct evp_store_segment *s,
			struct evp_err *err);
void evp_label_costs_finish(struct evp_label_costs *costs);
void evp_label_costs_release(struct evp_label_costs *costs);

#endif
