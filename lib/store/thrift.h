/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thrift's compact protocol, as much of it as Parquet's footer and page headers are written in:
 * https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 *
 * Writing: each struct on the wire is a struct evp_thrift_out on the C stack, which only remembers
 * the last field's number; all of them share one buffer, whose out-of-memory mark is the error.
 *
 *	evp_thrift_i32(&s, 1, version);
 *	evp_thrift_struct(&s, 5, &inner); evp_thrift_i32(&inner, 1, ...); evp_thrift_stop(&inner);
 *	evp_thrift_stop(&s);
 *
 * Reading: a cursor (base/varint.h) whose `bad` mark is looked at once, at the end.
 *
 *	for (last = 0; (type = evp_thrift_field(c, &last)); )
 *		switch (last) { case 1: v = evp_thrift_int(c, type); break; default:
 *evp_thrift_skip(c, type); }
 */
#ifndef EVP_STORE_THRIFT_H
#define EVP_STORE_THRIFT_H

#include "base/hash.h"
#include "base/mem.h"
#include "base/varint.h"

enum evp_thrift_type {
	EVP_THRIFT_STOP = 0,
	EVP_THRIFT_TRUE = 1,
	EVP_THRIFT_FALSE = 2,
	EVP_THRIFT_BYTE = 3,
	EVP_THRIFT_I16 = 4,
	EVP_THRIFT_I32 = 5,
	EVP_THRIFT_I64 = 6,
	EVP_THRIFT_DOUBLE = 7,
	EVP_THRIFT_BINARY = 8,
	EVP_THRIFT_LIST = 9,
	EVP_THRIFT_SET = 10,
	EVP_THRIFT_MAP = 11,
	EVP_THRIFT_STRUCT = 12,
};

struct evp_thrift_out {
	struct evp_str *out;
	int last;
};

void evp_thrift_i16(struct evp_thrift_out *s, int field, int64_t v);
void evp_thrift_i32(struct evp_thrift_out *s, int field, int64_t v);
void evp_thrift_i64(struct evp_thrift_out *s, int field, int64_t v);
void evp_thrift_byte(struct evp_thrift_out *s, int field, int8_t v);
void evp_thrift_bool(struct evp_thrift_out *s, int field, bool v);
void evp_thrift_binary(struct evp_thrift_out *s, int field, const void *bytes, size_t len);
void evp_thrift_struct(struct evp_thrift_out *s, int field, struct evp_thrift_out *inner);
void evp_thrift_empty(struct evp_thrift_out *s, int field); /* a struct without fields */
/* The list's header; the elements follow: structs begun by evp_thrift_element, or the two below. */
void evp_thrift_list(struct evp_thrift_out *s, int field, enum evp_thrift_type type, size_t n);
void evp_thrift_element(struct evp_thrift_out *s, struct evp_thrift_out *inner);
void evp_thrift_element_i32(struct evp_thrift_out *s, int64_t v);
void evp_thrift_element_binary(struct evp_thrift_out *s, const void *bytes, size_t len);
void evp_thrift_stop(struct evp_thrift_out *s);

/* The next field's type, its number in *last; 0 at the struct's end or where the cursor is bad. */
int evp_thrift_field(struct evp_cursor *c, int *last);
/* An integer or bool of whatever width; any other type marks the cursor bad. */
int64_t evp_thrift_int(struct evp_cursor *c, int type);
struct evp_bytes evp_thrift_text(struct evp_cursor *c, int type); /* in place */
/*
 * A list's length; its elements must be of `want`. Never more than the bytes left can hold, so that
 * a caller may allocate by it.
 */
size_t evp_thrift_list_begin(struct evp_cursor *c, int type, enum evp_thrift_type want);
void evp_thrift_skip(struct evp_cursor *c, int type);
/* Marks the cursor bad unless `type` is a struct; returns whether it is. */
bool evp_thrift_is_struct(struct evp_cursor *c, int type);

#endif
