/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a number belongs among sorted items: how many of `n` items, sorted by a uint64_t `field`,
 * have one that is not above `key`. The item at that index is the first above it.
 *
 *	size_t at = EVP_NOT_ABOVE(rows, nrows, vaddr, key);
 *	return at ? &rows[at - 1] : NULL;
 */
#ifndef EVP_BASE_BISECT_H
#define EVP_BASE_BISECT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EVP_NOT_ABOVE(items, n, field, key)                                                        \
	evp_not_above(items, n, sizeof(*(items)), offsetof(__typeof__(*(items)), field), key)

static inline size_t evp_not_above(const void *items, size_t n, size_t item_bytes, size_t field_at,
				   uint64_t key)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		uint64_t v;

		memcpy(&v, (const char *)items + mid * item_bytes + field_at, sizeof(v));
		if (v <= key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

#endif
