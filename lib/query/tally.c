// SPDX-License-Identifier: GPL-2.0-or-later
#include "query/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BITS 6
#define CHUNK	   (1u << CHUNK_BITS)
#define DIR_LIMIT  (32u << 20)

void evp_tally_begin(struct evp_tally *t, size_t ndict)
{
	t->nchunks = (ndict + CHUNK - 1) / CHUNK;
	t->overflow = false;
}

static void directories_free(struct evp_tally *t)
{
	size_t i;

	for (i = 0; i < t->ndir; i++)
		free(t->dir[i]);
	t->ndir = 0;
	t->dir_bytes = 0;
	evp_arena_release(&t->arena);
}

void evp_tally_release(struct evp_tally *t)
{
	directories_free(t);
	free(t->dir);
	free(t->rows.item);
	*t = (struct evp_tally){ 0 };
}

/* The directory of a group, NULL in *ret_dir when it shall do without. */
static int directory_of(struct evp_tally *t, uint32_t group, struct evp_tally_cell ***ret_dir)
{
	size_t bytes = t->nchunks * sizeof(**t->dir);

	*ret_dir = group < t->ndir ? t->dir[group] : NULL;
	if (*ret_dir || t->dir_bytes + bytes + group * sizeof(*t->dir) > DIR_LIMIT)
		return 0;
	if (evp_grow(&t->dir, &t->cdir, (size_t)group + 1, sizeof(*t->dir)))
		return -ENOMEM;
	while (t->ndir <= group)
		t->dir[t->ndir++] = NULL;
	t->dir[group] = *ret_dir = calloc(t->nchunks, sizeof(**t->dir));
	t->dir_bytes += bytes;
	return *ret_dir ? 0 : -ENOMEM;
}

static struct evp_tally_cell *new_chunk(struct evp_tally *t, struct evp_tally_cell **place)
{
	*place = evp_arena_alloc(&t->arena, CHUNK * sizeof(**place));
	if (*place)
		memset(*place, 0, CHUNK * sizeof(**place));
	return *place;
}

static int list_rows(struct evp_tally *t, uint32_t group, const uint32_t *stack,
		     const int64_t *samples, const int64_t *value, size_t n)
{
	struct evp_sum *s;
	size_t i;

	if (evp_grow(&t->rows.item, &t->rows.cap, t->rows.n + n, sizeof(*t->rows.item)))
		return -ENOMEM;
	s = t->rows.item + t->rows.n;
	for (i = 0; i < n; i++)
		s[i] = (struct evp_sum){ group, stack[i], samples[i], value[i] };
	t->rows.n += n;
	return 0;
}

int evp_tally_add(struct evp_tally *t, uint32_t group, const uint32_t *stack,
		  const int64_t *samples, const int64_t *value, size_t n)
{
	struct evp_tally_cell **dir, *cell;
	bool overflow = false;
	size_t i;

	if (directory_of(t, group, &dir))
		return -ENOMEM;
	if (!dir)
		return list_rows(t, group, stack, samples, value, n);
	for (i = 0; i < n; i++) {
		cell = dir[stack[i] >> CHUNK_BITS];
		if (!cell && !(cell = new_chunk(t, &dir[stack[i] >> CHUNK_BITS])))
			return -ENOMEM;
		cell += stack[i] & (CHUNK - 1);
		overflow |= __builtin_add_overflow(cell->samples, samples[i], &cell->samples);
		overflow |= __builtin_add_overflow(cell->value, value[i], &cell->value);
	}
	t->overflow |= overflow;
	return 0;
}

static int list_chunk(struct evp_sum_list *list, uint32_t group, uint32_t first,
		      const struct evp_tally_cell *cell)
{
	struct evp_sum *s;
	uint32_t i;

	if (evp_grow(&list->item, &list->cap, list->n + CHUNK, sizeof(*list->item)))
		return -ENOMEM;
	s = list->item + list->n;
	for (i = 0; i < CHUNK; i++)
		if (cell[i].samples || cell[i].value)
			*s++ = (struct evp_sum){ group, first + i, cell[i].samples, cell[i].value };
	list->n = (size_t)(s - list->item);
	return 0;
}

int evp_tally_finish(struct evp_tally *t, struct evp_sum_list *list)
{
	uint32_t g, c;
	size_t i;

	for (g = 0; g < t->ndir; g++)
		for (c = 0; t->dir[g] && c < t->nchunks; c++)
			if (t->dir[g][c] && list_chunk(list, g, c * CHUNK, t->dir[g][c]))
				return -ENOMEM;
	if (t->rows.n) {
		if (evp_grow(&list->item, &list->cap, list->n + t->rows.n, sizeof(*list->item)))
			return -ENOMEM;
		for (i = 0; i < t->rows.n; i++)
			list->item[list->n++] = t->rows.item[i];
	}
	t->rows.n = 0;
	directories_free(t);
	return 0;
}

/* One stable pass of a counting sort; key: the member at this offset. */
static int sort_by(const struct evp_sum *in, struct evp_sum *out, size_t n, size_t nkeys,
		   size_t offset)
{
	uint32_t *start = calloc(nkeys + 1, sizeof(*start)), key, sum = 0, count;
	size_t i;

	if (!start)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		memcpy(&key, (const char *)&in[i] + offset, sizeof(key));
		start[key]++;
	}
	for (i = 0; i < nkeys; i++) {
		count = start[i];
		start[i] = sum;
		sum += count;
	}
	for (i = 0; i < n; i++) {
		memcpy(&key, (const char *)&in[i] + offset, sizeof(key));
		out[start[key]++] = in[i];
	}
	free(start);
	return 0;
}

static size_t add_up(struct evp_sum *s, size_t n, bool *ret_overflow)
{
	size_t i, kept = 0;

	for (i = 0; i < n; i++) {
		struct evp_sum *last = kept ? &s[kept - 1] : NULL;

		if (!last || last->group != s[i].group || last->stack != s[i].stack) {
			s[kept++] = s[i];
			continue;
		}
		*ret_overflow |= __builtin_add_overflow(last->samples, s[i].samples,
							&last->samples);
		*ret_overflow |= __builtin_add_overflow(last->value, s[i].value, &last->value);
	}
	return kept;
}

/* Are the stacks of each group in order? Then a stable sort by group is all that is needed. */
static int stacks_rise(const struct evp_sum *s, size_t n, size_t ngroups)
{
	uint32_t *last = calloc(ngroups + 1, sizeof(*last));
	size_t i;

	if (!last)
		return -ENOMEM;
	for (i = 0; i < n && last[s[i].group] <= s[i].stack; i++)
		last[s[i].group] = s[i].stack;
	free(last);
	return i == n;
}

int evp_sums_fold(struct evp_sum_list *list, size_t ngroups, size_t nstacks, bool *ret_overflow)
{
	struct evp_sum *other;
	int rc;

	if (!list->n)
		return 0;
	if (list->n > UINT32_MAX)
		return -ENOMEM;
	other = malloc(list->n * sizeof(*other));
	if (!other)
		return -ENOMEM;
	rc = stacks_rise(list->item, list->n, ngroups);
	if (rc > 0)
		memcpy(other, list->item, list->n * sizeof(*other));
	else if (!rc)
		rc = sort_by(list->item, other, list->n, nstacks, offsetof(struct evp_sum, stack));
	if (rc >= 0)
		rc = sort_by(other, list->item, list->n, ngroups, offsetof(struct evp_sum, group));
	if (!rc)
		list->n = add_up(list->item, list->n, ret_overflow);
	free(other);
	return rc;
}
