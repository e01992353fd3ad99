// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/encode.h"

#include <string.h>

#define MAX_DELTA_BLOCK 65536
#define BLOCK		128 /* values of a delta block ... */
#define MINI		32  /* ... in miniblocks of so many */

uint32_t evp_bit_width(uint64_t n)
{
	return n <= 2 ? 1 : 64 - (uint32_t)__builtin_clzll(n - 1);
}

static void put_varint(struct evp_str *out, uint64_t v)
{
	uint8_t b[EVP_VARINT_MAX];

	evp_str_add(out, b, evp_varint_put(b, v));
}

/* n values of `width` (0-64) bits, padded with zero bits to a whole number of bytes. */
static void pack_bits(struct evp_str *out, const uint64_t *v, size_t n, uint32_t width)
{
	uint8_t *p = (uint8_t *)evp_str_reserve(out, (n * width + 7) / 8 + 16), *start = p;
	unsigned __int128 acc = 0;
	uint32_t have = 0;
	size_t i;

	if (!p)
		return;
	for (i = 0; i < n; i++) {
		acc |= (unsigned __int128)v[i] << have;
		for (have += width; have >= 32; have -= 32, acc >>= 32, p += 4)
			evp_put_le32(p, (uint32_t)acc);
	}
	for (; have > 0; have -= have < 8 ? have : 8, acc >>= 8)
		*p++ = (uint8_t)acc;
	out->len += (size_t)(p - start);
}

static void put_packed(struct evp_str *out, const uint32_t *v, size_t n, uint32_t width)
{
	uint64_t group[64];
	size_t i, k, left = (n + 7) / 8 * 8;

	if (!n)
		return;
	put_varint(out, left / 8 << 1 | 1);
	for (i = 0; left; i += k, left -= k) {
		size_t j;

		k = left < 64 ? left : 64;
		for (j = 0; j < k; j++)
			group[j] = i + j < n ? v[i + j] : 0;
		pack_bits(out, group, k, width);
	}
}

static void put_repeated(struct evp_str *out, uint32_t v, size_t n, uint32_t width)
{
	uint8_t b[4];

	put_varint(out, (uint64_t)n << 1);
	evp_put_le32(b, v);
	evp_str_add(out, b, (width + 7) / 8);
}

static size_t run_length(const uint32_t *v, size_t n)
{
	size_t i = 1;

	while (i < n && v[i] == v[0])
		i++;
	return i;
}

void evp_hybrid_encode(struct evp_str *out, const uint32_t *v, size_t n, uint32_t width)
{
	size_t literal = 0, i = 0; /* v[literal..i) wait to be packed */

	while (i < n) {
		size_t run = run_length(v + i, n - i);
		size_t pad = (8 - (i - literal) % 8) % 8; /* a packed run is of whole groups */

		if (run < pad + 8 && !(run > pad && i + run == n && run - pad >= 4)) {
			i += run;
			continue;
		}
		put_packed(out, v + literal, i - literal + pad, width);
		put_repeated(out, v[i], run - pad, width);
		literal = i += run;
	}
	put_packed(out, v + literal, n - literal, width);
}

uint32_t evp_unpack_bits(const uint8_t *p, uint32_t width, uint32_t *ret_v, size_t n)
{
	uint64_t mask = (1ULL << width) - 1, word, bit = 0;
	uint32_t max = 0;
	size_t i;

	for (i = 0; i < n; i++, bit += width) {
		uint32_t v;

		memcpy(&word, p + (bit >> 3), 8); /* little-endian hosts only: see Makefile */
		v = (uint32_t)(word >> (bit & 7) & mask);
		ret_v[i] = v;
		max = v > max ? v : max;
	}
	return max;
}

bool evp_hybrid_next(struct evp_cursor *c, uint32_t width, struct evp_hybrid_run *ret_run)
{
	uint64_t header = evp_cursor_varint(c);
	const uint8_t *p;
	uint32_t i;

	ret_run->packed = header & 1;
	ret_run->n = header >> 1;
	if (c->bad || !ret_run->n || ret_run->n > UINT32_MAX / 8)
		return false;
	if (ret_run->packed) {
		ret_run->bytes = evp_cursor_bytes(c, ret_run->n * width);
		ret_run->n *= 8;
		return !c->bad;
	}
	p = evp_cursor_bytes(c, (width + 7) / 8);
	ret_run->value = 0;
	for (i = 0; p && i < (width + 7) / 8; i++)
		ret_run->value |= (uint32_t)p[i] << 8 * i;
	return !c->bad;
}

bool evp_hybrid_decode(const uint8_t *p, const uint8_t *end, uint32_t width, uint32_t limit,
		       uint32_t *ret_v, size_t n)
{
	struct evp_cursor c = { p, end, 0 };
	struct evp_hybrid_run run;
	size_t i = 0, k, j;

	while (i < n) {
		if (!evp_hybrid_next(&c, width, &run))
			return false;
		k = run.n < n - i ? (size_t)run.n : n - i;
		if (run.packed) {
			if (evp_unpack_bits(run.bytes, width, ret_v + i, k) >= limit)
				return false;
		} else {
			if (run.value >= limit)
				return false;
			for (j = 0; j < k; j++)
				ret_v[i + j] = run.value;
		}
		i += k;
	}
	return true;
}

static uint64_t delta_between(int64_t a, int64_t b, bool int32)
{
	uint64_t d = (uint64_t)b - (uint64_t)a;

	return int32 ? (uint64_t)(int64_t)(int32_t)d : d;
}

void evp_delta_encode(struct evp_str *out, const int64_t *v, size_t n, bool int32)
{
	uint64_t d[BLOCK];
	size_t i, k, m, j;

	put_varint(out, BLOCK);
	put_varint(out, BLOCK / MINI);
	put_varint(out, n);
	put_varint(out, evp_zigzag(n ? v[0] : 0));
	for (i = 1; i < n; i += k) {
		int64_t min = INT64_MAX;
		uint8_t width[BLOCK / MINI] = { 0 };

		k = n - i < BLOCK ? n - i : BLOCK;
		for (j = 0; j < k; j++) {
			d[j] = delta_between(v[i + j - 1], v[i + j], int32);
			min = (int64_t)d[j] < min ? (int64_t)d[j] : min;
		}
		for (j = 0; j < BLOCK; j++) { /* the last miniblock is padded to its whole length */
			d[j] = j < k ? d[j] - (uint64_t)min : 0;
			if (d[j] && 64 - __builtin_clzll(d[j]) > width[j / MINI])
				width[j / MINI] = (uint8_t)(64 - __builtin_clzll(d[j]));
		}
		put_varint(out, evp_zigzag(min));
		evp_str_add(out, width, sizeof(width));
		for (m = 0; m * MINI < k; m++)
			pack_bits(out, d + m * MINI, MINI, width[m]);
	}
}

static uint64_t bits_at(const uint8_t *p, uint64_t bit, uint32_t width)
{
	unsigned __int128 word;

	memcpy(&word, p + (bit >> 3), 16);
	word >>= bit & 7;
	return width == 64 ? (uint64_t)word : (uint64_t)word & ((1ULL << width) - 1);
}

static int64_t add_delta(int64_t v, uint64_t d, bool int32)
{
	uint64_t sum = (uint64_t)v + d;

	return int32 ? (int32_t)sum : (int64_t)sum;
}

/* One miniblock's k values behind `last`; `add` is the block's smallest delta. */
static int64_t take_mini(const uint8_t *p, uint32_t width, uint64_t add, int64_t last,
			 int64_t *ret_v, size_t k, bool int32)
{
	uint64_t bit = 0, word, mask = width < 64 ? (1ULL << width) - 1 : UINT64_MAX;
	size_t j;

	if (width > 56 || int32) {
		for (j = 0; j < k; j++, bit += width)
			ret_v[j] = last = add_delta(last, add + bits_at(p, bit, width), int32);
		return last;
	}
	for (j = 0; j < k; j++, bit += width) {
		memcpy(&word, p + (bit >> 3), 8);
		last = (int64_t)((uint64_t)last + add + (word >> (bit & 7) & mask));
		ret_v[j] = last;
	}
	return last;
}

bool evp_delta_decode(const uint8_t *p, const uint8_t *end, int64_t *ret_v, size_t n, bool int32)
{
	struct evp_cursor c = { p, end, 0 };
	uint64_t block = evp_cursor_varint(&c), minis = evp_cursor_varint(&c);
	uint64_t count = evp_cursor_varint(&c), mini, m;
	int64_t last = evp_cursor_zigzag(&c);
	size_t i = 0;

	if (c.bad || count != n || !minis || minis > block || block > MAX_DELTA_BLOCK ||
	    block % minis || block / minis % MINI)
		return false;
	mini = block / minis;
	if (n)
		ret_v[i++] = last = int32 ? (int32_t)last : last;
	while (i < n) {
		uint64_t add = (uint64_t)evp_cursor_zigzag(&c);
		const uint8_t *width = evp_cursor_bytes(&c, minis), *bytes;

		for (m = 0; width && m < minis && i < n; m++) {
			size_t k = n - i < mini ? n - i : (size_t)mini;

			if (width[m] > 64 || !(bytes = evp_cursor_bytes(&c, mini * width[m] / 8)))
				return false;
			last = take_mini(bytes, width[m], add, last, ret_v + i, k, int32);
			i += k;
		}
		if (c.bad)
			return false;
	}
	return true;
}
