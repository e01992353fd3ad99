/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader of DWARF's encodings that remembers that it went wrong: a read past the end yields 0 and
 * sets `bad`, so one look at the end of a loop suffices. Little-endian. Private to this room.
 */
#ifndef EVP_UNWIND_CFI_READER_H
#define EVP_UNWIND_CFI_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evp_cfi_in {
	const uint8_t *p, *end;
	bool bad;
};

static inline uint64_t evp_cfi_fixed(struct evp_cfi_in *in, unsigned int n)
{
	uint64_t v = 0;
	unsigned int i;

	if (in->bad || (size_t)(in->end - in->p) < n) {
		in->bad = true;
		return 0;
	}
	for (i = 0; i < n; i++)
		v |= (uint64_t)in->p[i] << (8 * i);
	in->p += n;
	return v;
}

static inline uint8_t evp_cfi_byte(struct evp_cfi_in *in)
{
	if (in->p < in->end)
		return *in->p++;
	in->bad = true;
	return 0;
}

static inline uint64_t evp_cfi_uleb(struct evp_cfi_in *in)
{
	uint64_t v = 0;
	unsigned int shift = 0;
	uint8_t b;

	do {
		b = evp_cfi_byte(in);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80);
	return v;
}

static inline int64_t evp_cfi_sleb(struct evp_cfi_in *in)
{
	uint64_t v = 0;
	unsigned int shift = 0;
	uint8_t b;

	do {
		b = evp_cfi_byte(in);
		if (shift < 64)
			v |= (uint64_t)(b & 0x7f) << shift;
		shift += 7;
	} while (b & 0x80);
	if (shift < 64 && (b & 0x40))
		v |= ~0ULL << shift;
	return (int64_t)v;
}

static inline const uint8_t *evp_cfi_skip(struct evp_cfi_in *in, uint64_t n)
{
	const uint8_t *p = in->p;

	if (in->bad || n > (size_t)(in->end - in->p)) {
		in->bad = true;
		return NULL;
	}
	in->p += n;
	return p;
}

#endif
