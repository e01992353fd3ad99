// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
/* Inlined: most keys are short, and a call costs more than their hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

struct evp_interner_slot {
	uint32_t hash;
	uint32_t id; /* + 1; 0 = free */
};

uint64_t evp_hash_bytes(const void *bytes, size_t len)
{
	return XXH3_64bits(bytes, len);
}

uint64_t evp_hash_seeded(const void *bytes, size_t len, uint64_t seed)
{
	return XXH3_64bits_withSeed(bytes, len, seed);
}

static int interner_rehash(struct evp_interner *t, size_t nslots)
{
	struct evp_interner_slot *slot = calloc(nslots, sizeof(*slot));
	size_t i, at;

	if (!slot)
		return -ENOMEM;
	for (i = 0; i < t->nslots; i++) {
		if (!t->slot[i].id)
			continue;
		at = t->slot[i].hash & (nslots - 1);
		while (slot[at].id)
			at = (at + 1) & (nslots - 1);
		slot[at] = t->slot[i];
	}
	free(t->slot);
	t->slot = slot;
	t->nslots = nslots;
	return 0;
}

/* The slot that holds these bytes, or the free one where they would go. */
static size_t interner_probe(const struct evp_interner *t, const void *bytes, size_t len,
			     uint32_t hash)
{
	size_t at = hash & (t->nslots - 1);

	for (; t->slot[at].id; at = (at + 1) & (t->nslots - 1)) {
		const struct evp_bytes *b = &t->item[t->slot[at].id - 1];

		if (t->slot[at].hash == hash && b->len == len &&
		    (!len || !memcmp(b->ptr, bytes, len)))
			break;
	}
	return at;
}

int evp_interner_append(struct evp_interner *t, const void *bytes, size_t len, uint32_t *ret_id)
{
	char *copy;

	if (t->n >= UINT32_MAX - 1)
		return -E2BIG;
	if (evp_grow(&t->item, &t->cap, t->n + 1, sizeof(*t->item)))
		return -ENOMEM;
	copy = evp_arena_dup(&t->arena, bytes, len);
	if (!copy)
		return -ENOMEM;
	t->item[t->n] = (struct evp_bytes){ copy, len };
	*ret_id = (uint32_t)t->n++;
	return 0;
}

int evp_intern(struct evp_interner *t, const void *bytes, size_t len, uint32_t *ret_id)
{
	uint32_t hash = (uint32_t)evp_hash_bytes(bytes, len);
	size_t at;
	int rc;

	if (t->n >= t->nslots / 2 && interner_rehash(t, t->nslots ? t->nslots * 2 : 64))
		return -ENOMEM;
	at = interner_probe(t, bytes, len, hash);
	if (t->slot[at].id) {
		*ret_id = t->slot[at].id - 1;
		return 0;
	}
	rc = evp_interner_append(t, bytes, len, ret_id);
	if (!rc)
		t->slot[at] = (struct evp_interner_slot){ hash, *ret_id + 1 };
	return rc;
}

uint32_t evp_interner_find(const struct evp_interner *t, const void *bytes, size_t len)
{
	size_t at;

	if (!t->nslots)
		return EVP_NO_ID;
	at = interner_probe(t, bytes, len, (uint32_t)evp_hash_bytes(bytes, len));
	return t->slot[at].id ? t->slot[at].id - 1 : EVP_NO_ID;
}

void evp_interner_release(struct evp_interner *t)
{
	free(t->item);
	free(t->slot);
	evp_arena_release(&t->arena);
	*t = (struct evp_interner){ 0 };
}

static size_t map_probe(const struct evp_map *m, uint64_t key)
{
	size_t at = evp_hash_u64(key) & (m->nslots - 1);

	while (m->slot[at].used && m->slot[at].key != key)
		at = (at + 1) & (m->nslots - 1);
	return at;
}

uint64_t *evp_map_find(const struct evp_map *m, uint64_t key)
{
	size_t at;

	if (!m->nslots)
		return NULL;
	at = map_probe(m, key);
	return m->slot[at].used ? &m->slot[at].value : NULL;
}

static int map_grow(struct evp_map *m)
{
	struct evp_map bigger = { .nslots = m->nslots ? m->nslots * 2 : 64 };
	size_t i;

	bigger.slot = calloc(bigger.nslots, sizeof(*bigger.slot));
	if (!bigger.slot)
		return -ENOMEM;
	for (i = 0; i < m->nslots; i++)
		if (m->slot[i].used)
			bigger.slot[map_probe(&bigger, m->slot[i].key)] = m->slot[i];
	bigger.n = m->n;
	free(m->slot);
	*m = bigger;
	return 0;
}

uint64_t *evp_map_at(struct evp_map *m, uint64_t key, int *ret_new)
{
	size_t at;

	if (m->n >= m->nslots / 2 && map_grow(m))
		return NULL;
	at = map_probe(m, key);
	if (ret_new)
		*ret_new = !m->slot[at].used;
	if (!m->slot[at].used) {
		m->slot[at].key = key;
		m->slot[at].value = 0;
		m->slot[at].used = 1;
		m->n++;
	}
	return &m->slot[at].value;
}

/* Knuth, The Art of Computer Programming 3, 6.4, algorithm R: what had to probe past it moves up. */
void evp_map_remove(struct evp_map *m, uint64_t key)
{
	size_t mask = m->nslots - 1, hole, at, home;

	if (!m->nslots)
		return;
	hole = at = map_probe(m, key);
	if (!m->slot[hole].used)
		return;
	for (;;) {
		at = (at + 1) & mask;
		if (!m->slot[at].used)
			break;
		home = evp_hash_u64(m->slot[at].key) & mask;
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			m->slot[hole] = m->slot[at];
			hole = at;
		}
	}
	m->slot[hole] = (struct evp_map_slot){ 0 };
	m->n--;
}

void evp_map_clear(struct evp_map *m)
{
	if (m->n)
		memset(m->slot, 0, m->nslots * sizeof(*m->slot));
	m->n = 0;
}

void evp_map_release(struct evp_map *m)
{
	free(m->slot);
	*m = (struct evp_map){ 0 };
}
