// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int evp_inbox_put_stack(struct evp_inbox *in, const struct evp_raw_stack *stack)
{
	size_t n = (size_t)stack->nkernel + stack->nuser;
	struct evp_raw_stack *copy;
	uint64_t *place, *frames;

	place = evp_map_at(&in->young.by_hash, stack->hash, NULL);
	if (!place)
		return -ENOMEM;
	if (*place)
		return 0;
	copy = evp_arena_alloc(&in->young.arena, sizeof(*copy) + n * sizeof(*frames));
	if (!copy)
		return -ENOMEM;
	frames = (uint64_t *)(copy + 1);
	*copy = *stack;
	copy->kernel = frames;
	copy->user = frames + stack->nkernel;
	if (stack->nkernel)
		memcpy(frames, stack->kernel, stack->nkernel * sizeof(*frames));
	if (stack->nuser)
		memcpy(frames + stack->nkernel, stack->user, stack->nuser * sizeof(*frames));
	*place = (uint64_t)(uintptr_t)copy;
	return 0;
}

int evp_inbox_put_sample(struct evp_inbox *in, const struct evp_raw_sample *sample)
{
	if (evp_grow(&in->sample, &in->cap, in->n + 1, sizeof(*in->sample)))
		return -ENOMEM;
	in->sample[in->n++] = *sample;
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct evp_raw_sample *x = a, *y = b;

	return (x->time_ns > y->time_ns) - (x->time_ns < y->time_ns);
}

void evp_inbox_sort(struct evp_inbox *in)
{
	size_t i;

	in->n -= in->next;
	if (in->next)
		memmove(in->sample, in->sample + in->next, in->n * sizeof(*in->sample));
	in->next = 0;
	/* One ring is all but sorted; the usual case costs one look. */
	for (i = 1; i < in->n; i++)
		if (in->sample[i - 1].time_ns > in->sample[i].time_ns)
			break;
	if (i < in->n)
		qsort(in->sample, in->n, sizeof(*in->sample), by_time);
}

const struct evp_raw_sample *evp_inbox_take(struct evp_inbox *in, int64_t before_ns)
{
	if (in->next >= in->n || in->sample[in->next].time_ns >= before_ns)
		return NULL;
	return &in->sample[in->next++];
}

const struct evp_raw_stack *evp_inbox_stack(const struct evp_inbox *in, uint64_t hash)
{
	const uint64_t *place = evp_map_find(&in->young.by_hash, hash);

	if (!place || !*place)
		place = evp_map_find(&in->old.by_hash, hash);
	return place ? (const struct evp_raw_stack *)(uintptr_t)*place : NULL;
}

bool evp_inbox_full(const struct evp_inbox *in)
{
	return in->young.arena.bytes >= EVP_INBOX_STACK_BYTES;
}

static void release_store(struct evp_stack_store *store)
{
	evp_map_release(&store->by_hash);
	evp_arena_release(&store->arena);
	*store = (struct evp_stack_store){ 0 };
}

void evp_inbox_age(struct evp_inbox *in)
{
	release_store(&in->old);
	in->old = in->young;
	in->young = (struct evp_stack_store){ 0 };
}

void evp_inbox_release(struct evp_inbox *in)
{
	release_store(&in->old);
	release_store(&in->young);
	free(in->sample);
	*in = (struct evp_inbox){ 0 };
}
