/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call frame information by hand: its entries, byte by byte. */
#ifndef EVP_TESTS_UNIT_CFI_SECTION_H
#define EVP_TESTS_UNIT_CFI_SECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

static inline void put(struct evp_str *s, uint64_t v, size_t n)
{
	evp_str_add(s, &v, n);
}

/* Where the entry's length stands; end() fills it in. */
static inline size_t begin(struct evp_str *s, bool dwarf64)
{
	if (dwarf64)
		put(s, UINT32_MAX, 4);
	put(s, 0, dwarf64 ? 8 : 4);
	return s->len - (dwarf64 ? 8 : 4);
}

static inline void end(struct evp_str *s, size_t length_at, bool dwarf64)
{
	size_t n = dwarf64 ? 8 : 4, len = s->len - length_at - n;

	memcpy(s->buf + length_at, &len, n);
}

#endif
