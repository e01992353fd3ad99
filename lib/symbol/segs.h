/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of many address ranges is the innermost one at an address: nested or overlapping ranges
 * are flattened once into disjoint spans, so that a look-up is one binary search whatever the
 * ranges were. Where two overlap, the one that starts later wins, then the shorter, then the one
 * of the higher id. Cost is n log n for any input.
 */
#ifndef EVP_SYMBOL_SEGS_H
#define EVP_SYMBOL_SEGS_H

#include <stddef.h>
#include <stdint.h>

struct evp_range {
	uint64_t lo, hi; /* [lo, hi) */
	uint32_t id;	 /* below UINT32_MAX */
};

struct evp_ranges {
	struct evp_range *item;
	size_t n, cap;
};

struct evp_segs {
	struct evp_seg {
		uint64_t lo; /* up to the next one's lo */
		uint32_t id; /* EVP_NO_ID: nothing is here */
	} * item;
	size_t n, cap;
};

int evp_ranges_add(struct evp_ranges *r, uint64_t lo, uint64_t hi,
		   uint32_t id); /* empty: ignored */
void evp_ranges_release(struct evp_ranges *r);

/* Sorts `r`. 0 or -ENOMEM; `s` must be zeroed. */
int evp_segs_build(struct evp_segs *s, struct evp_ranges *r);
uint32_t evp_segs_find(const struct evp_segs *s, uint64_t addr); /* or EVP_NO_ID */
uint64_t evp_segs_end(const struct evp_segs *s, uint64_t addr);	 /* of the span around addr */
void evp_segs_release(struct evp_segs *s);

#endif
