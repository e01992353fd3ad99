/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The samples of a pprof profile while it is made: those of equal stack and equal labels are one,
 * their values summed, in the order of their first ones. Stacks are kept as paths in one tree,
 * labels as the bytes of pprof's Label messages. What an epoch's ids are here is remembered until
 * the next one.
 */
#ifndef EVP_FORMAT_PPROF_SAMPLES_H
#define EVP_FORMAT_PPROF_SAMPLES_H

#include "format/pprof.h"
#include "format/pprof_build.h"

struct evp_pprof_memo { /* by id of the reader's epoch */
	uint32_t *id;	/* + 1 */
	size_t cap;
};

struct evp_pprof_samples {
	struct evp_pprof_tables *tables;   /* borrowed: strings and locations */
	const struct evp_pprof_opts *opts; /* borrowed: the labels that are kept */
	size_t ntypes;			   /* values a sample; the caller's, before the first */
	struct evp_map stacks;		   /* parent << 32 | location -> node */
	struct evp_pprof_node {
		uint32_t parent, location;
	} * node; /* 0: the empty stack */
	size_t nnodes, cnodes;
	struct evp_interner label_sets; /* Label messages, as in a Sample */
	struct evp_map index;		/* stack << 32 | label set -> index */
	struct {
		uint32_t stack, labels;
	} * sample;
	size_t n, csamples;
	int64_t *values; /* ntypes each */
	size_t cvalues;
	struct evp_pprof_memo location_memo, stack_memo;
	struct evp_map label_memo; /* process << 32 | label set -> ours + 1 */
	struct evp_str labels, label, text;
};

int evp_pprof_samples_init(struct evp_pprof_samples *p, struct evp_pprof_tables *tables,
			   const struct evp_pprof_opts *opts);
void evp_pprof_samples_release(struct evp_pprof_samples *p);
/* Another epoch or reader comes: its ids are others. */
void evp_pprof_samples_forget(struct evp_pprof_samples *p);
/* -EOVERFLOW: a sum of values passes 2^63. */
int evp_pprof_samples_add(struct evp_pprof_samples *p, const struct evp_tables *t,
			  const struct evp_sample *s, struct evp_err *err);
/* As fields of a Profile message. */
void evp_pprof_samples_put(const struct evp_pprof_samples *p, struct evp_str *out);

#endif
