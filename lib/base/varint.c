// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/varint.h"

/*
 * Two to five bytes with room behind them, which is nearly all that is not a single byte. 0: not of
 * that kind (no such varint is 0 in its shortest spelling).
 */
static inline uint64_t short_varint(struct evp_cursor *c)
{
	const uint8_t *p = c->p;
	uint64_t v;

	if (c->end - p < 5)
		return 0;
	v = (uint64_t)(p[0] & 0x7f) | (uint64_t)(p[1] & 0x7f) << 7;
	if (p[1] < 0x80) {
		c->p += 2;
		return p[1] ? v : 0;
	}
	v |= (uint64_t)(p[2] & 0x7f) << 14;
	if (p[2] < 0x80) {
		c->p += 3;
		return p[2] ? v : 0;
	}
	v |= (uint64_t)(p[3] & 0x7f) << 21;
	if (p[3] < 0x80) {
		c->p += 4;
		return p[3] ? v : 0;
	}
	v |= (uint64_t)p[4] << 28;
	c->p += 5;
	return p[4] && p[4] < 0x80 ? v : 0;
}

uint64_t evp_cursor_varint_slow(struct evp_cursor *c)
{
	const uint8_t *from = c->p;
	uint64_t v = 0;
	int shift;

	v = short_varint(c);
	if (v)
		return v;
	c->p = from;

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

uint64_t evp_cursor_leb_slow(struct evp_cursor *c, bool is_signed)
{
	unsigned int shift = 0;
	uint64_t v = 0;

	while (c->p < c->end) {
		uint8_t b = *c->p++;

		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
		if (b & 0x80)
			continue;
		if (is_signed && shift < 64 && (b & 0x40))
			v |= ~(uint64_t)0 << shift;
		return v;
	}
	c->bad = 1;
	return 0;
}
