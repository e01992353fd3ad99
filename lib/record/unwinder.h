/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unwinder: which file has which unwind table, which of them BPF has, and the walk over the
 * stacks that BPF could not walk itself.
 *
 * It works on demand. A stack copy arrives because BPF met a process, a mapping or a file that it
 * did not know. evp_unwinder_walk walks the copy, compiling the tables that it needs; then
 * evp_unwinder_publish gives BPF the process's mappings and those tables, so that its next sample
 * is walked where it is taken. So nothing is compiled that nobody samples, no sample waits for a
 * table, and none is cut for the lack of one.
 *
 * Memory is bounded: tables in BPF by the pool, those in our own by a few MiB; the least recently
 * used go first, and come back the same way.
 */
#ifndef EVP_RECORD_UNWINDER_H
#define EVP_RECORD_UNWINDER_H

#include "record/processes.h"
#include "record/sampler.h"

struct evp_unwinder;

/* `bpf` NULL: every stack comes as a copy. It must live as long. */
int evp_unwinder_new(struct evp_unwinder **ret, struct evp_bpf_tables *bpf, struct evp_err *err);
/* Making a table may take long: this is called now and then, to empty the sampler's rings. */
void evp_unwinder_meanwhile(struct evp_unwinder *u, void (*fn)(void *arg), void *arg);
void evp_unwinder_free(struct evp_unwinder *u); /* NULL too */

/*
 * Walks the user half of `raw`, which has `regs`, in the process's address space as it is known
 * now: *ret is raw with frames, their end and a hash of its own; it lives until the next walk.
 */
void evp_unwinder_walk(struct evp_unwinder *u, struct evp_proc *p, const struct evp_raw_stack *raw,
		       struct evp_raw_stack *ret);

/*
 * BPF walks by what it was told last, and nobody hears of an unmapping: for a moment by the table
 * of a file whose place another one has taken. If the sample's stack was walked so, *ret is what is
 * sure of it, cut, and of a hash of its own.
 */
bool evp_unwinder_outdated(struct evp_unwinder *u, const struct evp_proc *p,
			   const struct evp_raw_sample *s, const struct evp_raw_stack *raw,
			   struct evp_raw_stack *ret);

/* BPF walked through this file: its table is in use. */
void evp_unwinder_used(struct evp_unwinder *u, const struct evp_mapped_file *file);

/* After a walk for this sample: lets BPF walk the process's next one. */
void evp_unwinder_publish(struct evp_unwinder *u, struct evp_proc *p,
			  const struct evp_raw_sample *s);

/*
 * Forgets processes that have ended and renews those whose mappings changed. Once in a while; samples
 * from oldest_ns on are still to come.
 */
void evp_unwinder_renew(struct evp_unwinder *u, const struct evp_procs *procs, int64_t oldest_ns);

struct evp_unwinder_stats {
	uint64_t walks, published, compiled, failed, evicted;
	uint64_t compiler_ns;	    /* CPU time of the child that compiles */
	size_t tables, table_bytes; /* known, and their size */
};

void evp_unwinder_stats(const struct evp_unwinder *u, struct evp_unwinder_stats *ret);

#endif
