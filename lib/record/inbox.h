/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What came from the sampler and is not worked up yet: samples, which wait for the side band to
 * catch up and then leave in order of time, and the raw stacks that samples name by hash.
 *
 * Memory for stacks is bounded by two generations: evp_inbox_age makes the newer the older and
 * throws the older away. Whoever calls it asks the sampler to deliver stacks again first. Stacks
 * that are still to be walked are large and wanted once: they are dropped when that was done.
 */
#ifndef EVP_RECORD_INBOX_H
#define EVP_RECORD_INBOX_H

#include "base/hash.h"
#include "record/sampler.h"

#define EVP_INBOX_STACK_BYTES (4u << 20) /* of a generation, before it should age */
#define EVP_INBOX_COPIED_BYTES                                                                     \
	(64u << 20) /* of stacks to be walked; more come without their copy */

struct evp_inbox { /* a zeroed struct is empty */
	struct evp_raw_sample *sample;
	size_t n, cap, next; /* `next`: the first that evp_inbox_take has not given yet */
	struct evp_stack_store {
		struct evp_map by_hash; /* -> struct evp_raw_stack * */
		struct evp_arena arena;
	} young, old;
	struct evp_map copied; /* hash -> struct evp_copied_stack * */
	size_t copied_bytes;
	uint64_t rests;
};

struct evp_copied_stack {
	struct evp_raw_stack stack;
	/* The last rest at which a sample waited for it, or the one before it came. */
	uint64_t wanted;
};

int evp_inbox_put_stack(struct evp_inbox *in, const struct evp_raw_stack *stack); /* copied */
int evp_inbox_put_sample(struct evp_inbox *in, const struct evp_raw_sample *sample);

void evp_inbox_sort(struct evp_inbox *in); /* after putting, before taking */
/* The next sample older than this, in order of time, or NULL; valid until the next put. */
const struct evp_raw_sample *evp_inbox_take(struct evp_inbox *in, int64_t before_ns);
/* The stack of this hash, or NULL; valid until two agings later. */
const struct evp_raw_stack *evp_inbox_stack(const struct evp_inbox *in, uint64_t hash);
/* The same if it is one that has `regs`, or NULL. */
static inline const struct evp_raw_stack *evp_inbox_copied(const struct evp_inbox *in,
							   uint64_t hash)
{
	const uint64_t *place = evp_map_find(&in->copied, hash);

	return place ? (const struct evp_raw_stack *)(uintptr_t)*place
		     : NULL; /* its first member */
}
/* This one, which had `regs`, was walked and is not wanted any more. */
void evp_inbox_walked(struct evp_inbox *in, const struct evp_raw_stack *stack);

/*
 * After a drain. A copied stack that no sample waits for, twice in a row, is one whose sample was
 * lost: it goes. Others waiting meanwhile, as they always do on a busy machine, do not save it.
 */
void evp_inbox_rest(struct evp_inbox *in);

bool evp_inbox_full(const struct evp_inbox *in); /* time to age */
void evp_inbox_age(struct evp_inbox *in);
void evp_inbox_release(struct evp_inbox *in);

#endif
