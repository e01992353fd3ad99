/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Variable-length integers (unsigned LEB128, as in DWARF and protobuf) and zigzag for signed ones;
 * little-endian loads and stores.
 */
#ifndef EVP_BASE_VARINT_H
#define EVP_BASE_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EVP_VARINT_MAX 10 /* bytes of the longest 64-bit varint */

static inline uint64_t evp_zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t evp_unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Writes at most EVP_VARINT_MAX bytes; returns how many. */
static inline size_t evp_varint_put(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	while (v >= 0x80) {
		p[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	p[n++] = (uint8_t)v;
	return n;
}

/*
 * A cursor over untrusted bytes. A read past the end, or a varint that is too long or not the
 * shortest spelling of its value, sets `bad` and yields 0 from then on: look once at the end.
 */
struct evp_cursor {
	const uint8_t *p, *end;
	int bad;
};

uint64_t evp_cursor_varint_slow(struct evp_cursor *c);

static inline uint64_t evp_cursor_varint(struct evp_cursor *c)
{
	if (c->p < c->end && *c->p < 0x80)
		return *c->p++;
	return evp_cursor_varint_slow(c);
}

static inline int64_t evp_cursor_zigzag(struct evp_cursor *c)
{
	return evp_unzigzag(evp_cursor_varint(c));
}

/* An id or a count that has to be below n (at most 2^32); 0 and bad where it is not. */
static inline uint32_t evp_cursor_below(struct evp_cursor *c, size_t n)
{
	uint64_t v = evp_cursor_varint(c);

	if (v < n)
		return (uint32_t)v;
	c->bad = 1;
	return 0;
}

/* `len` bytes in place, or NULL (and bad). */
static inline const uint8_t *evp_cursor_bytes(struct evp_cursor *c, uint64_t len)
{
	const uint8_t *p = c->p;

	if (c->bad || len > (size_t)(c->end - c->p)) {
		c->bad = 1;
		c->p = c->end;
		return NULL;
	}
	c->p += len;
	return p;
}

static inline uint16_t evp_le16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t evp_le32(const void *p)
{
	const uint8_t *b = p;

	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t evp_le64(const void *p)
{
	return evp_le32(p) | (uint64_t)evp_le32((const uint8_t *)p + 4) << 32;
}

static inline void evp_put_le16(void *p, uint16_t v)
{
	uint8_t *b = p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
}

static inline void evp_put_le32(void *p, uint32_t v)
{
	evp_put_le16(p, (uint16_t)v);
	evp_put_le16((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

static inline void evp_put_le64(void *p, uint64_t v)
{
	evp_put_le32(p, (uint32_t)v);
	evp_put_le32((uint8_t *)p + 4, (uint32_t)(v >> 32));
}

/*
 * Off the same cursor, numbers as DWARF has them: fixed ones of 1, 2, 4 or 8 bytes, and LEB128 that
 * may be padded and may be longer than 64 bits, of which the low ones are kept.
 */
static inline uint8_t evp_cursor_byte(struct evp_cursor *c)
{
	if (c->p < c->end)
		return *c->p++;
	c->bad = 1;
	return 0;
}

static inline uint64_t evp_cursor_fixed(struct evp_cursor *c, unsigned int size)
{
	const uint8_t *p = evp_cursor_bytes(c, size);

	if (!p)
		return 0;
	return size == 1 ? *p : size == 2 ? evp_le16(p) : size == 4 ? evp_le32(p) : evp_le64(p);
}

uint64_t evp_cursor_leb_slow(struct evp_cursor *c, bool is_signed);

static inline uint64_t evp_cursor_uleb(struct evp_cursor *c)
{
	if (c->p < c->end && *c->p < 0x80)
		return *c->p++;
	return evp_cursor_leb_slow(c, false);
}

static inline int64_t evp_cursor_sleb(struct evp_cursor *c)
{
	if (c->p < c->end && *c->p < 0x40)
		return *c->p++;
	return (int64_t)evp_cursor_leb_slow(c, true);
}

#endif
