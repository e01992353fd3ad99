/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two value encodings of our Parquet pages: the RLE / bit-packed hybrid (dictionary indexes)
 * and DELTA_BINARY_PACKED (integers).
 * https://parquet.apache.org/docs/file-format/data-pages/encodings/
 *
 * Decoders take untrusted bytes and read at most EVP_DECODE_SLACK bytes beyond `end`; those must be
 * readable, their value does not matter.
 */
#ifndef EVP_STORE_ENCODE_H
#define EVP_STORE_ENCODE_H

#include "base/mem.h"
#include "base/varint.h"

#define EVP_DECODE_SLACK 16

/* Bits that hold 0 .. n-1; at least 1, as every other writer has it. */
uint32_t evp_bit_width(uint64_t n);

/* Appends the hybrid runs of n values below 2^width; no width byte, no length. width 1-32. */
void evp_hybrid_encode(struct evp_str *out, const uint32_t *v, size_t n, uint32_t width);
/*
 * Decodes n values, all of which must be below `limit`. Returns whether the bytes held exactly
 * well-formed runs for them (padding of the last one apart).
 */
bool evp_hybrid_decode(const uint8_t *p, const uint8_t *end, uint32_t width, uint32_t limit,
		       uint32_t *ret_v, size_t n);
/* Unpacks n values of `width` (0-32) bits that begin at p; returns the largest. */
uint32_t evp_unpack_bits(const uint8_t *p, uint32_t width, uint32_t *ret_v, size_t n);

/* A run's header: how many values, whether packed, and where its bytes are. false: malformed. */
struct evp_hybrid_run {
	const uint8_t *bytes; /* of a packed run */
	uint64_t n;	/* >= 1; of a packed run a multiple of 8, the last one's padding included */
	uint32_t value; /* of a repeated run */
	bool packed;
};

bool evp_hybrid_next(struct evp_cursor *c, uint32_t width, struct evp_hybrid_run *ret_run);

/* Blocks of 128 values, 4 miniblocks; int32: arithmetic wraps at 32 bits, as INT32 columns want. */
void evp_delta_encode(struct evp_str *out, const int64_t *v, size_t n, bool int32);
bool evp_delta_decode(const uint8_t *p, const uint8_t *end, int64_t *ret_v, size_t n, bool int32);

#endif
