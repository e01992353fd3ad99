// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "store/build.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/*
 * Everything is ranked first - label sets, windows, texts, address stacks - and rows are then
 * ordered by counting sorts over small integers. No row is ever compared by its strings.
 */

/* Marks what is used: mark[id] = 1, list = the ids, rising. */
static uint32_t *used_ids(const uint8_t *mark, size_t n, size_t *ret_n)
{
	uint32_t *list = malloc((n + 1) * sizeof(*list));
	size_t i, k = 0;

	for (i = 0; list && i < n; i++)
		if (mark[i])
			list[k++] = (uint32_t)i;
	*ret_n = k;
	return list;
}

/* ---- label sets ---- */

static int compare_text(const struct evp_pool *p, uint32_t a, uint32_t b)
{
	const struct evp_bytes *x = evp_pool_text(p, a), *y = evp_pool_text(p, b);
	int c;

	if (a == b)
		return 0;
	c = memcmp(x->ptr, y->ptr, x->len < y->len ? x->len : y->len);
	return c ? c : (x->len > y->len) - (x->len < y->len);
}

/* The columns that rows are sorted by before ts. */
static int compare_sort_labels(const struct evp_pool *p, const struct evp_pool_labels *x,
			       const struct evp_pool_labels *y)
{
	static const uint8_t columns[] = { EVP_COL_SERVICE, EVP_COL_NODE,      EVP_COL_CONTAINER,
					   EVP_COL_POD,	    EVP_COL_NAMESPACE, EVP_COL_UNIT,
					   EVP_COL_COMM };
	size_t i;
	int c;

	for (i = 0; i < EVP_ARRAY_SIZE(columns); i++) {
		size_t k = columns[i] - EVP_COL_NODE;

		if ((c = compare_text(p, x->text[k], y->text[k])))
			return c;
	}
	for (i = 0; i < 3; i++)
		if (x->number[i] != y->number[i])
			return x->number[i] < y->number[i] ? -1 : 1;
	return compare_text(p, x->json, y->json);
}

static void labels_of(const struct evp_pool *p, uint32_t set, struct evp_pool_labels *ret)
{
	memcpy(ret, evp_pool_item(&p->labels, set), sizeof(*ret));
}

static int compare_sets(const void *a, const void *b, void *arg)
{
	const struct evp_pool *p = arg;
	struct evp_pool_labels x, y;
	int c;

	labels_of(p, *(const uint32_t *)a, &x);
	labels_of(p, *(const uint32_t *)b, &y);
	c = compare_sort_labels(p, &x, &y);
	if (!c)
		c = compare_text(p, x.text[EVP_COL_CGROUP - EVP_COL_NODE],
				 y.text[EVP_COL_CGROUP - EVP_COL_NODE]);
	return c ? c
		 : compare_text(p, x.text[EVP_COL_EXE - EVP_COL_NODE],
				y.text[EVP_COL_EXE - EVP_COL_NODE]);
}

static int rank_sets(struct evp_build *b, uint32_t *list, size_t n)
{
	const struct evp_pool *p = b->pool;
	struct evp_pool_labels x, y = { 0 };
	size_t i, total = p->labels.of.n, k = EVP_COL_SERVICE - EVP_COL_NODE;

	b->set_rank = calloc(total, 4);
	b->set_sort_rank = calloc(total, 4);
	b->set_service = calloc(total, 4);
	if (!b->set_rank || !b->set_sort_rank || !b->set_service)
		return -ENOMEM;
	qsort_r(list, n, sizeof(*list), compare_sets, (void *)(uintptr_t)p);
	for (i = 0; i < n; i++, y = x) {
		uint32_t last = i ? list[i - 1] : list[i];

		labels_of(p, list[i], &x);
		b->set_rank[list[i]] = (uint32_t)i;
		b->set_sort_rank[list[i]] = b->set_sort_rank[last] +
					    (i && compare_sort_labels(p, &x, &y) != 0);
		b->set_service[list[i]] = b->set_service[last] + (i && x.text[k] != y.text[k]);
	}
	return 0;
}

/* ---- windows ---- */

static int compare_windows(const void *a, const void *b, void *arg)
{
	struct evp_pool_window x = evp_pool_window(arg, *(const uint32_t *)a);
	struct evp_pool_window y = evp_pool_window(arg, *(const uint32_t *)b);

	if (x.ts_ms != y.ts_ms)
		return x.ts_ms < y.ts_ms ? -1 : 1;
	return (x.duration_ms > y.duration_ms) - (x.duration_ms < y.duration_ms);
}

static int rank_windows(struct evp_build *b, uint32_t *list, size_t n)
{
	const struct evp_pool *p = b->pool;
	size_t i;

	b->window_rank = calloc(p->windows.n, 4);
	b->ts_rank = calloc(p->windows.n, 4);
	if (!b->window_rank || !b->ts_rank)
		return -ENOMEM;
	qsort_r(list, n, sizeof(*list), compare_windows, (void *)(uintptr_t)p);
	b->info.from_ms = evp_pool_window(p, list[0]).ts_ms;
	b->info.to_ms = INT64_MIN;
	for (i = 0; i < n; i++) {
		struct evp_pool_window w = evp_pool_window(p, list[i]);
		int64_t end;

		if (__builtin_add_overflow(w.ts_ms, w.duration_ms ? w.duration_ms : 1, &end))
			end = INT64_MAX;
		b->info.to_ms = end > b->info.to_ms ? end : b->info.to_ms;
		b->window_rank[list[i]] = (uint32_t)i;
		b->ts_rank[list[i]] = i ? b->ts_rank[list[i - 1]] +
						      (w.ts_ms !=
						       evp_pool_window(p, list[i - 1]).ts_ms)
					: 0;
	}
	return 0;
}

/* ---- texts ---- */

/* Writes out a text, from its leaf end to the root. */
static int write_text(struct evp_build *b, uint32_t text)
{
	const struct evp_pool *p = b->pool;
	size_t len = p->text_len[text];
	char *start = evp_arena_bytes(&b->arena, len + 1), *at;

	if (!start)
		return -ENOMEM;
	b->text[text] = (struct evp_bytes){ start, len };
	b->text_bytes += len;
	for (at = start + len; text; text = p->text_parent[text]) {
		const struct evp_bytes *f = &p->frames.item[p->text_frame[text]];

		at -= f->len;
		memcpy(at, f->ptr, f->len);
		if (p->text_parent[text])
			*--at = ';';
	}
	return 0;
}

static int compare_written(const void *a, const void *b, void *arg)
{
	const struct evp_bytes *text = arg;

	return evp_stack_compare(&text[*(const uint32_t *)a], &text[*(const uint32_t *)b]);
}

static int rank_texts(struct evp_build *b, uint32_t *list, size_t n)
{
	size_t i;

	b->text = calloc(b->pool->ntexts, sizeof(*b->text));
	b->text_rank = calloc(b->pool->ntexts, 4);
	if (!b->text || !b->text_rank)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (write_text(b, list[i]))
			return -ENOMEM;
	qsort_r(list, n, sizeof(*list), compare_written, b->text);
	for (i = 0; i < n; i++)
		b->text_rank[list[i]] = (uint32_t)i;
	return 0;
}

/* ---- all ranks ---- */

static int rank_all(struct evp_build *b, const struct evp_pool_row *rows, size_t nrows)
{
	const struct evp_pool *p = b->pool;
	uint8_t *set = calloc(p->labels.of.n, 1), *window = calloc(p->windows.n, 1);
	uint8_t *text = calloc(p->ntexts, 1);
	uint32_t *list = NULL;
	size_t i, n;
	int rc = -ENOMEM;

	if (!set || !window || !text)
		goto out;
	for (i = 0; i < nrows; i++) {
		set[rows[i].labels] = 1;
		window[rows[i].window] = 1;
		text[p->stack_text[rows[i].stack]] = 1;
	}
	list = used_ids(set, p->labels.of.n, &n);
	rc = list ? rank_sets(b, list, n) : -ENOMEM;
	free(list);
	if (rc)
		goto out;
	list = used_ids(window, p->windows.n, &n);
	rc = list ? rank_windows(b, list, n) : -ENOMEM;
	free(list);
	if (rc)
		goto out;
	list = used_ids(text, p->ntexts, &n);
	rc = list ? rank_texts(b, list, n) : -ENOMEM;
	free(list);
out:
	free(set);
	free(window);
	free(text);
	return rc;
}

/* ---- sorting ---- */

struct sorter {
	const struct evp_pool_row *rows;
	uint32_t *order, *other, *count; /* order: row numbers, sorted by the keys so far */
	size_t n, ccount;
};

/* A stable pass: by rank[field of the row]. `field` is the offset of a uint32_t in the row. */
static int sort_pass(struct sorter *s, const uint32_t *rank, size_t field)
{
	uint32_t max = 0, sum = 0, *swap;
	size_t i;

#define KEY(i) rank[*(const uint32_t *)((const char *)&s->rows[s->order[i]] + field)]
	for (i = 0; i < s->n; i++)
		max = KEY(i) > max ? KEY(i) : max;
	if (!max)
		return 0;
	if (evp_grow(&s->count, &s->ccount, (size_t)max + 1, 4))
		return -ENOMEM;
	memset(s->count, 0, ((size_t)max + 1) * 4);
	for (i = 0; i < s->n; i++)
		s->count[KEY(i)]++;
	for (i = 0; i <= max; i++) {
		uint32_t c = s->count[i];

		s->count[i] = sum;
		sum += c;
	}
	for (i = 0; i < s->n; i++)
		s->other[s->count[KEY(i)]++] = s->order[i];
#undef KEY
	swap = s->order;
	s->order = s->other;
	s->other = swap;
	return 0;
}

#define FIELD(name) offsetof(struct evp_pool_row, name)

/* Which group each service is in: a new one begins where the texts of the open one pass the limit. */
static int cut_groups(struct evp_build *b, struct sorter *s, uint32_t **ret_group_of)
{
	const struct evp_pool *p = b->pool;
	uint32_t *stamp, *group_of, service, group = 0, round = 0;
	uint64_t bytes = 0, add;
	size_t i, k, end;

	group_of = calloc(s->n + 1, 4); /* there are at most as many services as rows */
	*ret_group_of = group_of;
	if (!group_of)
		return -ENOMEM;
	b->ngroups = 1;
	if (b->text_bytes <= EVP_BUILD_DICTIONARY)
		return 0;
	stamp = calloc(p->ntexts, 4);
	if (!stamp || sort_pass(s, b->set_service, FIELD(labels))) {
		free(stamp);
		return -ENOMEM;
	}
	/* A text counts for every service that has it: a little too much, which does no harm. */
	for (i = 0; i < s->n; i = end) {
		service = b->set_service[s->rows[s->order[i]].labels];
		round++;
		add = 0;
		for (end = i;
		     end < s->n && b->set_service[s->rows[s->order[end]].labels] == service;
		     end++) {
			k = p->stack_text[s->rows[s->order[end]].stack];
			if (stamp[k] != round)
				add += b->text[k].len;
			stamp[k] = round;
		}
		if (bytes && bytes + add > EVP_BUILD_DICTIONARY) {
			group++;
			bytes = 0;
		}
		bytes += add;
		group_of[service] = group;
	}
	free(stamp);
	b->ngroups = group + 1;
	return 0;
}

/* ---- one group ---- */

struct candidate { /* an address stack in the group */
	uint32_t stack, text_rank;
	int64_t samples;
	uint64_t hash;
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->text_rank != y->text_rank)
		return x->text_rank < y->text_rank ? -1 : 1;
	if (x->samples != y->samples)
		return x->samples > y->samples ? -1 : 1;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

/* Collects the group's address stacks with their samples; b->place[stack] is their number for now. */
static struct candidate *collect(struct evp_build *b, const struct sorter *s, size_t *ret_n)
{
	const struct evp_pool *p = b->pool;
	struct candidate *list = NULL;
	size_t cap = 0, n = 0, i;

	memset(b->place, 0xff, p->nstacks * sizeof(*b->place));
	for (i = 0; i < s->n; i++) {
		const struct evp_pool_row *r = &s->rows[s->order[i]];
		struct candidate *c;

		if (b->place[r->stack] == UINT32_MAX) {
			if (evp_grow(&list, &cap, n + 1, sizeof(*list))) {
				free(list);
				return NULL;
			}
			b->place[r->stack] = (uint32_t)n;
			list[n++] = (struct candidate){ r->stack,
							b->text_rank[p->stack_text[r->stack]], 0,
							p->stack_hash[r->stack] };
		}
		c = &list[b->place[r->stack]];
		if (__builtin_add_overflow(c->samples, r->samples, &c->samples))
			c->samples = INT64_MAX;
	}
	*ret_n = n;
	return list;
}

/* Numbers texts and variants; b->place[stack] becomes the rank of (text, variant). */
static int number_variants(struct evp_build *b, struct evp_build_group *g, const struct sorter *s)
{
	const struct evp_pool *p = b->pool;
	struct candidate *list;
	size_t n = 0, i;

	list = collect(b, s, &n);
	g->entries = malloc((n + 1) * sizeof(*g->entries));
	g->texts = malloc((n + 1) * sizeof(*g->texts));
	if (!list || !g->entries || !g->texts) {
		free(list);
		return -ENOMEM;
	}
	qsort(list, n, sizeof(*list), compare_candidates);
	for (i = 0; i < n; i++) {
		struct evp_build_entry *e = &g->entries[i];
		bool same = i && list[i].text_rank == list[i - 1].text_rank;

		if (!same)
			g->texts[g->ntexts++] = p->stack_text[list[i].stack];
		e->stack = list[i].stack;
		e->text = (uint32_t)g->ntexts - 1;
		e->variant = same ? e[-1].variant + 1 : 0;
		b->place[e->stack] = (uint32_t)i;
	}
	g->nentries = n;
	free(list);
	return 0;
}

/* Adds a sorted row, or its numbers to the last one if that is the same; what overflows stands apart. */
static void put_row(struct evp_build *b, const struct evp_build_group *g,
		    const struct evp_pool_row *r)
{
	struct evp_pool_row *last = b->nrows > g->begin ? &b->rows[b->nrows - 1] : NULL;
	int64_t samples, value;

	if (last && last->stack == r->stack && last->window == r->window &&
	    last->labels == r->labels &&
	    !__builtin_add_overflow(last->samples, r->samples, &samples) &&
	    !__builtin_add_overflow(last->value, r->value, &value)) {
		last->samples = samples;
		last->value = value;
		return;
	}
	b->rows[b->nrows++] = *r;
}

static void hash_rows(struct evp_build *b, const struct evp_build_group *g, XXH3_state_t *state)
{
	const struct evp_pool *p = b->pool;
	size_t i;

	for (i = g->begin; i < g->end; i++) {
		const struct evp_pool_row *r = &b->rows[i];
		struct evp_pool_window w = evp_pool_window(p, r->window);
		uint64_t h[6] = { p->labels.hash[r->labels], (uint64_t)w.ts_ms,
				  (uint64_t)w.duration_ms,   p->stack_hash[r->stack],
				  (uint64_t)r->samples,	     (uint64_t)r->value };

		XXH3_64bits_update(state, h, sizeof(h));
	}
}

/* The order from last key to first: windows and label sets settle what the sort columns leave open. */
static int build_group(struct evp_build *b, struct evp_build_group *g, struct sorter *s)
{
	size_t i;
	int rc = number_variants(b, g, s);

	if (rc || (rc = sort_pass(s, b->window_rank, FIELD(window))) ||
	    (rc = sort_pass(s, b->set_rank, FIELD(labels))) ||
	    (rc = sort_pass(s, b->place, FIELD(stack))) ||
	    (rc = sort_pass(s, b->ts_rank, FIELD(window))) ||
	    (rc = sort_pass(s, b->set_sort_rank, FIELD(labels))))
		return rc;
	g->begin = b->nrows;
	for (i = 0; i < s->n; i++)
		put_row(b, g, &s->rows[s->order[i]]);
	g->end = b->nrows;
	return 0;
}

/* All groups, each from the row numbers that are its own. */
static int build_groups(struct evp_build *b, struct sorter *s, const uint32_t *group_of)
{
	size_t total = s->n, i, g, n;
	uint32_t *all;
	int rc = 0;

	if (b->ngroups == 1)
		return build_group(b, &b->groups[0], s);
	all = malloc(total * sizeof(*all));
	if (!all)
		return -ENOMEM;
	memcpy(all, s->order, total * sizeof(*all));
	for (g = 0; !rc && g < b->ngroups; g++) {
		for (i = n = 0; i < total; i++)
			if (group_of[b->set_service[s->rows[all[i]].labels]] == g)
				s->order[n++] = all[i];
		s->n = n;
		rc = build_group(b, &b->groups[g], s);
	}
	free(all);
	return rc;
}

static int sum_up(struct evp_build *b, struct evp_err *err)
{
	XXH3_state_t *state = XXH3_createState();
	__int128 samples = 0, value = 0;
	size_t i;

	if (!state)
		return evp_fail_oom(err);
	XXH3_64bits_reset(state);
	for (i = 0; i < b->ngroups; i++)
		hash_rows(b, &b->groups[i], state);
	b->hash = XXH3_64bits_digest(state);
	XXH3_freeState(state);
	for (i = 0; i < b->nrows; i++) {
		samples += b->rows[i].samples;
		value += b->rows[i].value;
	}
	b->info.rows = b->nrows;
	b->info.samples = evp_segment_clamp(samples);
	b->info.value = evp_segment_clamp(value);
	return 0;
}

int evp_build_new(struct evp_build **ret_b, const struct evp_pool *p,
		  const struct evp_pool_row *rows, size_t nrows, struct evp_err *err)
{
	struct evp_build *b = calloc(1, sizeof(*b));
	struct sorter s = { .rows = rows, .n = nrows };
	uint32_t *group_of = NULL;
	size_t i;
	int rc = -ENOMEM;

	if (!b || nrows < 1 || nrows > INT32_MAX) {
		free(b);
		return b ? evp_fail(err, EINVAL, "a segment of %zu rows", nrows)
			 : evp_fail_oom(err);
	}
	b->pool = p;
	s.order = malloc(nrows * sizeof(*s.order));
	s.other = malloc(nrows * sizeof(*s.other));
	b->rows = malloc(nrows * sizeof(*b->rows));
	b->place = malloc(p->nstacks * sizeof(*b->place));
	if (!s.order || !s.other || !b->rows || !b->place)
		goto out;
	for (i = 0; i < nrows; i++)
		s.order[i] = (uint32_t)i;
	if ((rc = rank_all(b, rows, nrows)) || (rc = cut_groups(b, &s, &group_of)))
		goto out;
	b->groups = calloc(b->ngroups, sizeof(*b->groups));
	rc = b->groups ? build_groups(b, &s, group_of) : -ENOMEM;
out:
	free(s.order);
	free(s.other);
	free(s.count);
	free(group_of);
	rc = rc ? evp_fail_oom(err) : sum_up(b, err);
	if (rc) {
		evp_build_free(b);
		return rc;
	}
	*ret_b = b;
	return 0;
}

void evp_build_free(struct evp_build *b)
{
	size_t i;

	if (!b)
		return;
	for (i = 0; b->groups && i < b->ngroups; i++) {
		free(b->groups[i].entries);
		free(b->groups[i].texts);
	}
	free(b->groups);
	free(b->rows);
	free(b->text);
	free(b->text_rank);
	free(b->set_rank);
	free(b->set_sort_rank);
	free(b->set_service);
	free(b->window_rank);
	free(b->ts_rank);
	free(b->place);
	evp_arena_release(&b->arena);
	free(b);
}
