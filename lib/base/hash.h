/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two hash tables, both open addressing with linear probing, both growing by doubling:
 * an interner (byte string -> dense id, and back) and a map of 64-bit keys.
 */
#ifndef EVP_BASE_HASH_H
#define EVP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

uint64_t evp_hash_bytes(const void *bytes, size_t len); /* xxh3: the same on every machine */
/* For the bytes of a stranger who would gain by a collision: with a seed that is random. */
uint64_t evp_hash_seeded(const void *bytes, size_t len, uint64_t seed);

/* A well-mixed 64-bit hash of one integer (murmur3's finalizer). */
static inline uint64_t evp_hash_u64(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ (x >> 33);
}

/*
 * Interner. Ids are 0, 1, 2, ... in order of first appearance. Bytes are copied, stay at one
 * address until release and have a NUL behind them (which is not part of the string). Keys may be
 * any bytes: fixed structs without padding intern just as well as text. A zeroed struct is empty.
 */
struct evp_bytes {
	const char *ptr;
	size_t len;
};

/* As memcmp does; of two that begin alike the shorter comes first. */
static inline int evp_bytes_compare(const struct evp_bytes *a, const struct evp_bytes *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int c = n ? memcmp(a->ptr, b->ptr, n) : 0;

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

struct evp_interner {
	struct evp_bytes *item; /* id -> bytes */
	size_t n, cap;
	struct evp_interner_slot *slot;
	size_t nslots; /* power of two */
	struct evp_arena arena;
};

#define EVP_NO_ID UINT32_MAX

/* The id of these bytes, new if needed. 0, or -ENOMEM, or -E2BIG at 2^32-1 ids. */
int evp_intern(struct evp_interner *t, const void *bytes, size_t len, uint32_t *ret_id);
/* The next id for these bytes, equal to others or not; intern and find do not see it. Errors as above. */
int evp_interner_append(struct evp_interner *t, const void *bytes, size_t len, uint32_t *ret_id);
uint32_t evp_interner_find(const struct evp_interner *t, const void *bytes,
			   size_t len); /* or EVP_NO_ID */
void evp_interner_release(struct evp_interner *t);

/*
 * Map from 64-bit key to 64-bit value. Any key and value. A zeroed struct is empty.
 * Iterate: for (i = 0; i < m->nslots; i++) if (m->slot[i].used) ... (in no useful order).
 */
struct evp_map {
	struct evp_map_slot {
		uint64_t key, value;
		uint32_t used;
	} * slot;
	size_t n, nslots;
};

uint64_t *evp_map_find(const struct evp_map *m, uint64_t key); /* NULL: absent */
/*
 * The value's place, made (value 0) where the key was absent; *ret_new tells (may be NULL).
 * NULL: no memory. The pointer, as evp_map_find's, is good until the next insertion or removal.
 */
uint64_t *evp_map_at(struct evp_map *m, uint64_t key, int *ret_new);
/*
 * Forgets a key, if it is there. Slots behind it may move forward: who iterates and removes the key
 * of slot i looks at slot i again, and may meet one seen before at the very end.
 */
void evp_map_remove(struct evp_map *m, uint64_t key);
void evp_map_clear(struct evp_map *m); /* empty, memory kept */
void evp_map_release(struct evp_map *m);

#endif
