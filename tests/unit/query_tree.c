// SPDX-License-Identifier: GPL-2.0-or-later
/* Dictionaries as one tree, and sums: whatever comes in which order, the same as text by text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/tally.h"
#include "query/tree.h"
#include "store/segment.h"
#include "tap.h"

#define N 400

static char texts[3][N][64];
static uint32_t seed = 1;

static uint32_t any(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static struct evp_bytes bytes(const char *text)
{
	return (struct evp_bytes){ text, strlen(text) };
}

static int compare(const void *a, const void *b)
{
	struct evp_bytes x = bytes(a), y = bytes(b);

	return evp_stack_compare(&x, &y);
}

/* Frames that are prefixes of each other, have escaped ';', and sort around ';' as bytes. */
static void make(char *out)
{
	static const char *const names[] = { "a", "ab", "a!", "a\\;b", "a\\\\", "z", "", "main" };
	uint32_t depth = 1 + any(6), i;

	*out = 0;
	for (i = 0; i < depth; i++)
		sprintf(out + strlen(out), "%s%s", i ? ";" : "", names[any(8)]);
}

/* Is the text of this node, put together again, what was added? */
static int spells(const struct evp_tree *t, uint32_t node, const char *want)
{
	size_t at = strlen(want);

	for (; node; node = t->parent[node]) {
		const struct evp_bytes *name = evp_tree_name(t, node);

		if (name->len > at || memcmp(want + at - name->len, name->ptr, name->len))
			return 0;
		at -= name->len;
		if (t->parent[node] && (!at || want[--at] != ';'))
			return 0;
	}
	return !at;
}

static void trees(int dicts, int sorted, const char *what)
{
	static uint32_t node[3][N];
	struct evp_tree t = { 0 };
	uint32_t *rank = NULL;
	int d, i, good = 1, order = 1;

	for (d = 0; d < dicts; d++) {
		evp_tree_begin(&t);
		for (i = 0; i < N; i++)
			make(texts[d][i]);
		if (sorted)
			qsort(texts[d], N, sizeof(texts[d][0]), compare);
		for (i = 0; i < N; i++) {
			struct evp_bytes b = bytes(texts[d][i]);

			good &= !evp_tree_add(&t, &b, &node[d][i]);
			good &= spells(&t, node[d][i], texts[d][i]);
		}
	}
	good &= t.disordered == (dicts > 1 || !sorted);
	good &= !evp_tree_rank(&t, &rank);
	for (i = 0; i < dicts * N; i++) {
		int j = (int)any((uint32_t)(dicts * N));
		int c = compare(texts[i / N][i % N], texts[j / N][j % N]);
		uint32_t x = rank[node[i / N][i % N]], y = rank[node[j / N][j % N]];

		order &= (c > 0) - (c < 0) == (x > y) - (x < y);
	}
	for (i = 0; i < (int)t.n && !t.disordered; i++)
		order &= rank[i] == (uint32_t)i;
	ok(good, what);
	ok(order, "... and ranks are the order of stacks");
	free(rank);
	evp_tree_release(&t);
}

/* Rows of many groups, so that some are counted in arrays and some listed. */
static void sums(uint32_t groups, uint32_t stacks, const char *what)
{
	struct evp_sum_list list = { 0 };
	struct evp_tally t = { 0 };
	int64_t total = 0, got = 0;
	bool overflow = false, sorted = true;
	size_t i;

	evp_tally_begin(&t, stacks);
	for (i = 0; i < 20000; i++) {
		uint32_t stack = any(stacks);
		int64_t n = 1 + any(3), value = n * 10;

		total += n;
		if (evp_tally_add(&t, any(groups), &stack, &n, &value, 1))
			abort();
	}
	if (evp_tally_finish(&t, &list) || evp_sums_fold(&list, groups, stacks, &overflow))
		abort();
	for (i = 0; i < list.n; i++) {
		const struct evp_sum *s = &list.item[i];

		got += s->samples;
		sorted = sorted && s->value == s->samples * 10 &&
			 (!i || s[-1].group < s->group ||
			  (s[-1].group == s->group && s[-1].stack < s->stack));
	}
	ok(got == total && sorted && !overflow, what);
	evp_tally_release(&t);
	free(list.item);
}

static void overflows(void)
{
	struct evp_tally t = { 0 };
	struct evp_sum_list list = { 0 };
	uint32_t stack[2] = { 0, 0 };
	int64_t n[2] = { 1, 1 }, value[2] = { INT64_MAX, 1 };

	evp_tally_begin(&t, 1);
	evp_tally_add(&t, 0, stack, n, value, 2);
	ok(t.overflow, "a sum past 2^63 is noticed");
	evp_tally_finish(&t, &list);
	evp_tally_release(&t);
	free(list.item);
}

int main(void)
{
	trees(1, 1, "one sorted dictionary");
	trees(3, 1, "three sorted dictionaries");
	trees(1, 0, "one in any order");
	trees(3, 0, "three in any order");
	sums(3, 50, "few groups");
	sums(3000, 200000, "more groups than arrays");
	overflows();
	return done_testing();
}
