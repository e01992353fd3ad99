/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protocol buffers' wire format, no more of it than pprof, OTLP and gRPC messages need: varints,
 * fixed32/64, length-delimited fields; groups are skipped. https://protobuf.dev/programming-guides/encoding
 *
 * Reading walks one message in place, field by field, and never allocates:
 *
 *	struct evp_pb m = evp_pb_from(bytes, len);
 *	struct evp_pb_field f;
 *	while (evp_pb_next(&m, &f))
 *		switch (f.number) { case 1: id = f.value; ... case 4: nested = evp_pb_inside(&f); ... }
 *	if (m.bad) ... damaged
 *
 * A field whose wire type is not the expected one reads as 0 or empty; callers that care look at
 * f.wire. Numbers of repeated fields come packed or one by one, evp_pb_value() reads both.
 *
 * Writing appends to a struct evp_str (out of memory is sticky there). proto3's default values
 * (0, "") are left out, except by the functions that say so.
 */
#ifndef EVP_FORMAT_PROTOBUF_H
#define EVP_FORMAT_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

enum evp_pb_wire { EVP_PB_VARINT = 0, EVP_PB_FIXED64 = 1, EVP_PB_LEN = 2, EVP_PB_FIXED32 = 5 };

struct evp_pb {
	const uint8_t *p, *end;
	bool bad;
};

struct evp_pb_field {
	uint32_t number;
	enum evp_pb_wire wire;
	uint64_t value;	      /* varint, fixed32, fixed64; 0 for EVP_PB_LEN */
	const uint8_t *bytes; /* EVP_PB_LEN; never NULL then */
	size_t len;
};

struct evp_pb evp_pb_from(const void *bytes, size_t len);
bool evp_pb_next(struct evp_pb *m, struct evp_pb_field *ret_f);
/* The field as a message of its own. */
struct evp_pb evp_pb_inside(const struct evp_pb_field *f);

/* The numbers in one occurrence of a repeated varint field, packed or not. */
struct evp_pb_values {
	struct evp_pb packed;
	uint64_t one; /* valid while has_one */
	bool has_one;
};

struct evp_pb_values evp_pb_values(const struct evp_pb_field *f);
bool evp_pb_value(struct evp_pb_values *v, uint64_t *ret_v); /* false: no more, or v->packed.bad */

void evp_pb_put_varint(struct evp_str *out, uint64_t v); /* the bare varint */
void evp_pb_put_tag(struct evp_str *out, uint32_t number, enum evp_pb_wire wire);
void evp_pb_put_u64(struct evp_str *out, uint32_t number, uint64_t v);
void evp_pb_put_i64(struct evp_str *out, uint32_t number, int64_t v);
void evp_pb_put_fixed64(struct evp_str *out, uint32_t number, uint64_t v);
/* Bytes, string, packed numbers or a message: written even when empty. */
void evp_pb_put_bytes(struct evp_str *out, uint32_t number, const void *bytes, size_t len);

#endif
