// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/varint.h"

uint64_t evp_cursor_varint_slow(struct evp_cursor *c)
{
	uint64_t v = 0;
	int shift;

	for (shift = 0; shift < 70 && c->p < c->end; shift += 7) {
		uint8_t b = *c->p++;

		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b & 0x80)
			continue;
		if (!b && shift)
			break; /* not canonical: a shorter spelling exists */
		return v;
	}
	c->bad = 1;
	c->p = c->end;
	return 0;
}
