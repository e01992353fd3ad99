// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static size_t frames_len(const struct evp_raw_stack *stack)
{
	return ((size_t)stack->nkernel + stack->nuser) * sizeof(*stack->user);
}

static size_t stack_len(const struct evp_raw_stack *stack)
{
	return sizeof(*stack) + frames_len(stack) +
	       (stack->regs ? sizeof(*stack->regs) + stack->copy.len + stack->other.len : 0);
}

/* What the stack points to goes to `frames`, which has room for stack_len less the struct. */
static void copy_stack(struct evp_raw_stack *to, uint64_t *frames,
		       const struct evp_raw_stack *stack)
{
	char *rest = (char *)frames + frames_len(stack);

	*to = *stack;
	to->kernel = frames;
	to->user = frames + stack->nkernel;
	if (stack->nkernel)
		memcpy(frames, stack->kernel, stack->nkernel * sizeof(*frames));
	if (stack->nuser)
		memcpy(frames + stack->nkernel, stack->user, stack->nuser * sizeof(*frames));
	if (stack->regs)
		to->regs = memcpy(rest, stack->regs, sizeof(*stack->regs));
	rest += sizeof(*stack->regs);
	if (stack->regs && stack->copy.len)
		to->copy.bytes = memcpy(rest, stack->copy.bytes, stack->copy.len);
	if (stack->regs && stack->other.len)
		to->other.bytes = memcpy(rest + stack->copy.len, stack->other.bytes,
					 stack->other.len);
}

static int put_copied(struct evp_inbox *in, const struct evp_raw_stack *stack)
{
	struct evp_raw_stack without = *stack;
	struct evp_copied_stack *to;
	uint64_t *place;

	if (evp_map_find(&in->copied, stack->hash))
		return 0;
	if (in->copied_bytes >= EVP_INBOX_COPIED_BYTES)
		without.copy.len = without.other.len = 0; /* the walk will say that it ends there */
	to = malloc(sizeof(*to) - sizeof(to->stack) + stack_len(&without));
	place = to ? evp_map_at(&in->copied, stack->hash, NULL) : NULL;
	if (!place) {
		free(to);
		return -ENOMEM;
	}
	copy_stack(&to->stack, (uint64_t *)(to + 1), &without);
	to->wanted = in->rests;
	in->copied_bytes += stack_len(&to->stack);
	*place = (uint64_t)(uintptr_t)to;
	return 0;
}

int evp_inbox_put_stack(struct evp_inbox *in, const struct evp_raw_stack *stack)
{
	struct evp_raw_stack *to;
	uint64_t *place;

	if (stack->regs)
		return put_copied(in, stack);
	place = evp_map_at(&in->young.by_hash, stack->hash, NULL);
	if (!place)
		return -ENOMEM;
	if (*place)
		return 0;
	to = evp_arena_alloc(&in->young.arena, stack_len(stack));
	if (!to)
		return -ENOMEM;
	copy_stack(to, (uint64_t *)(to + 1), stack);
	*place = (uint64_t)(uintptr_t)to;
	return 0;
}

static void free_copied(struct evp_inbox *in, struct evp_copied_stack *copied)
{
	uint64_t hash = copied->stack.hash;

	in->copied_bytes -= stack_len(&copied->stack);
	free(copied);
	evp_map_remove(&in->copied, hash);
}

void evp_inbox_walked(struct evp_inbox *in, const struct evp_raw_stack *stack)
{
	const uint64_t *place = evp_map_find(&in->copied, stack->hash);

	if (place)
		free_copied(in, (void *)(uintptr_t)*place);
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

void evp_inbox_rest(struct evp_inbox *in)
{
	in->rests++;
	for (size_t i = in->next; in->copied.n && i < in->n; i++) {
		const uint64_t *place = evp_map_find(&in->copied, in->sample[i].stack_hash);

		if (place)
			((struct evp_copied_stack *)(uintptr_t)*place)->wanted = in->rests;
	}
	for (size_t i = 0; in->copied.n && i < in->copied.nslots;) {
		const struct evp_map_slot *slot = &in->copied.slot[i];
		struct evp_copied_stack *copied = (void *)(uintptr_t)(slot->used ? slot->value : 0);

		if (copied && in->rests - copied->wanted > 1)
			free_copied(in, copied);
		else
			i++;
	}
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
	if (!place || !*place)
		place = evp_map_find(&in->copied, hash);
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
	for (size_t i = 0; i < in->copied.nslots; i++)
		if (in->copied.slot[i].used)
			free((void *)(uintptr_t)in->copied.slot[i].value);
	evp_map_release(&in->copied);
	free(in->sample);
	*in = (struct evp_inbox){ 0 };
}
