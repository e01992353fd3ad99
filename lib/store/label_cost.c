// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What each label costs: a row's key is the sum of a hash for every column, so that the key without
 * one label is a subtraction, and the rows left without it are the different keys.
 */
#include <stdlib.h>
#include <string.h>

#include "store/verify.h"

#define NLABELS (EVP_COL_CPU - EVP_COL_NODE + 1)

static struct evp_label_cost *cost_of(struct evp_label_costs *costs, const char *name, size_t len)
{
	struct evp_label_cost *c;
	size_t i;

	for (i = 0; i < costs->n; i++)
		if (strlen(costs->item[i].name) == len && !memcmp(costs->item[i].name, name, len))
			return &costs->item[i];
	if (evp_grow(&costs->item, &costs->cap, costs->n + 1, sizeof(*costs->item)))
		return NULL;
	c = &costs->item[costs->n];
	*c = (struct evp_label_cost){ .name = evp_arena_dup(&costs->arena, name, len) };
	if (!c->name)
		return NULL;
	costs->n++;
	return c;
}

/* Of one row group: each row's whole key, and the parts of it that go without a label. */
struct keys {
	uint64_t *whole, *without;
	uint64_t nrows;
	struct evp_map seen;
};

static uint64_t part(int col, uint64_t v)
{
	return evp_hash_u64(v * EVP_COLS + (uint64_t)col + 0x9e3779b97f4a7c15ULL);
}

/* Adds (or with sign -1 takes away) a column's part of every row's key, from `base` into `to`. */
static int mix(const struct evp_store_segment *s, size_t g, int col, struct evp_pq_column *c,
	       const uint64_t *base, uint64_t *to, int sign, struct evp_err *err)
{
	const uint32_t *index;
	const int64_t *v;
	uint64_t row;
	size_t n, i;
	int rc = evp_segment_column(s, g, (enum evp_segment_column)col, c, err);

	for (row = 0; !rc && row < s->file->groups[g].nrows; row += n) {
		if (c->type == EVP_PQ_STRING) {
			rc = evp_pq_column_indexes(c, row, &index, &n, err);
			for (i = 0; !rc && i < n; i++)
				to[row + i] = base[row + i] + (uint64_t)sign * part(col, index[i]);
		} else {
			rc = evp_pq_column_ints(c, row, &v, &n, err);
			for (i = 0; !rc && i < n; i++)
				to[row + i] = base[row + i] +
					      (uint64_t)sign * part(col, (uint64_t)v[i]);
		}
	}
	return rc;
}

static int count_different(struct keys *k, const uint64_t *key, uint64_t *ret_n)
{
	uint64_t i;

	evp_map_clear(&k->seen);
	for (i = 0; i < k->nrows; i++)
		if (!evp_map_at(&k->seen, key[i], NULL))
			return -ENOMEM;
	*ret_n = k->seen.n;
	return 0;
}

static int see_values(struct evp_label_cost *cost, const struct evp_pq_column *c)
{
	struct evp_str text = { 0 };
	uint32_t id;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < c->ndict; i++) {
		evp_str_clear(&text);
		evp_segment_label_text(c, i, &text);
		if (text.len)
			rc = evp_intern(&cost->seen, text.buf, text.len, &id);
	}
	evp_str_release(&text);
	cost->values = cost->seen.n;
	return rc;
}

static int add_column(struct evp_label_costs *costs, const struct evp_store_segment *s, size_t g,
		      int col, struct evp_pq_column *c, struct keys *k, struct evp_err *err)
{
	struct evp_label_cost *cost = cost_of(costs, evp_segment_fields[col].name,
					      strlen(evp_segment_fields[col].name));
	uint64_t left;
	int rc;

	if (!cost)
		return evp_fail_oom(err);
	rc = evp_segment_column(s, g, (enum evp_segment_column)col, c, err);
	if (rc)
		return rc;
	cost->bytes += s->file->groups[g].chunks[col].size;
	if (see_values(cost, c))
		return evp_fail_oom(err);
	if (c->ndict < 2 && c->ndict) /* a constant adds no row */
		return 0;
	rc = mix(s, g, col, c, k->whole, k->without, -1, err);
	if (rc)
		return rc;
	if (count_different(k, k->without, &left))
		return evp_fail_oom(err);
	cost->rows_added += k->nrows - left;
	return 0;
}

/* ---- what is in the JSON of `labels` ---- */

struct json_key {
	struct evp_label_costs *costs;
	const char *key; /* this one is left out of the hash */
	size_t key_len;
	uint64_t hash;
	bool collect; /* only note keys and values */
};

static int json_pair(void *arg, const char *key, size_t key_len, const char *value,
		     size_t value_len)
{
	struct json_key *j = arg;
	struct evp_label_cost *cost;
	uint32_t id;

	if (j->collect) {
		cost = cost_of(j->costs, key, key_len);
		if (!cost || evp_intern(&cost->seen, value, value_len, &id))
			return -ENOMEM;
		cost->values = cost->seen.n;
	} else if (key_len != j->key_len || memcmp(key, j->key, key_len)) {
		j->hash += evp_hash_u64(evp_hash_bytes(key, key_len) ^
					evp_hash_u64(evp_hash_bytes(value, value_len)));
	}
	return 0;
}

/* Rows left when one key of the JSON is taken out: the column's part is made anew by dictionary entry. */
static int add_json_key(struct evp_label_cost *cost, struct evp_pq_column *c, struct keys *k,
			struct evp_err *err)
{
	uint64_t *hash = malloc((c->ndict + 1) * sizeof(*hash)), row, left = 0;
	const uint32_t *index;
	size_t i, n;
	int rc = hash ? 0 : evp_fail_oom(err);

	for (i = 0; !rc && i < c->ndict; i++) {
		struct json_key j = { .key = cost->name, .key_len = strlen(cost->name) };

		rc = evp_segment_labels_each(&c->dict[i], json_pair, &j);
		hash[i] = j.hash;
	}
	for (row = 0; !rc && row < k->nrows; row += n) {
		rc = evp_pq_column_indexes(c, row, &index, &n, err);
		for (i = 0; !rc && i < n; i++)
			k->without[row + i] = k->whole[row + i] - part(EVP_COL_LABELS, index[i]) +
					      hash[index[i]];
	}
	if (!rc && count_different(k, k->without, &left))
		rc = evp_fail_oom(err);
	if (!rc)
		cost->rows_added += k->nrows - left;
	free(hash);
	return rc;
}

static int add_json(struct evp_label_costs *costs, const struct evp_store_segment *s, size_t g,
		    struct evp_pq_column *c, struct keys *k, struct evp_err *err)
{
	struct json_key all = { .costs = costs, .collect = true };
	size_t i;
	int rc = evp_segment_column(s, g, EVP_COL_LABELS, c, err);

	for (i = 0; !rc && i < c->ndict; i++)
		rc = evp_segment_labels_each(&c->dict[i], json_pair, &all);
	if (rc == -EBADMSG && i)
		return evp_fail(err, EBADMSG, "'%s': labels that are no JSON object",
				s->file->path);
	for (i = 0; !rc && i < costs->n; i++) {
		if (evp_segment_label_column(costs->item[i].name, strlen(costs->item[i].name)) !=
		    EVP_COLS)
			continue;
		rc = evp_segment_column(s, g, EVP_COL_LABELS, c, err);
		if (!rc)
			rc = add_json_key(&costs->item[i], c, k, err);
	}
	return rc;
}

int evp_label_costs_add(struct evp_label_costs *costs, const struct evp_store_segment *s,
			struct evp_err *err)
{
	struct evp_pq_column c = { 0 };
	struct keys k = { 0 };
	size_t g;
	int col, rc = 0;

	for (g = 0; !rc && g < s->file->ngroups; g++) {
		k.nrows = s->file->groups[g].nrows;
		free(k.whole);
		free(k.without);
		k.whole = calloc(k.nrows, sizeof(*k.whole));
		k.without = calloc(k.nrows, sizeof(*k.without));
		if (!k.whole || !k.without)
			rc = evp_fail_oom(err);
		for (col = 0; !rc && col < EVP_COLS; col++)
			if (col != EVP_COL_SAMPLES && col != EVP_COL_VALUE)
				rc = mix(s, g, col, &c, k.whole, k.whole, 1, err);
		for (col = EVP_COL_NODE; !rc && col <= EVP_COL_CPU; col++)
			rc = add_column(costs, s, g, col, &c, &k, err);
		if (!rc)
			rc = add_json(costs, s, g, &c, &k, err);
		costs->rows += rc ? 0 : k.nrows;
	}
	evp_pq_column_release(&c);
	evp_map_release(&k.seen);
	free(k.whole);
	free(k.without);
	return rc;
}

static int compare_costs(const void *a, const void *b)
{
	const struct evp_label_cost *x = a, *y = b;

	if (x->rows_added != y->rows_added)
		return x->rows_added > y->rows_added ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return strcmp(x->name, y->name);
}

void evp_label_costs_finish(struct evp_label_costs *costs)
{
	if (costs->n)
		qsort(costs->item, costs->n, sizeof(*costs->item), compare_costs);
}

void evp_label_costs_release(struct evp_label_costs *costs)
{
	size_t i;

	for (i = 0; i < costs->n; i++)
		evp_interner_release(&costs->item[i].seen);
	free(costs->item);
	evp_arena_release(&costs->arena);
	*costs = (struct evp_label_costs){ 0 };
}
