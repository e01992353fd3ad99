// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/thrift.h"

#define MAX_NESTING 32 /* Parquet's own structs nest 7 deep */

static void put_varint(struct evp_str *out, uint64_t v)
{
	uint8_t b[EVP_VARINT_MAX];

	evp_str_add(out, b, evp_varint_put(b, v));
}

static void put_field(struct evp_thrift_out *s, int field, int type)
{
	int delta = field - s->last;

	if (delta > 0 && delta <= 15) {
		evp_str_putc(s->out, (char)(delta << 4 | type));
	} else {
		evp_str_putc(s->out, (char)type);
		put_varint(s->out, evp_zigzag(field));
	}
	s->last = field;
}

void evp_thrift_i16(struct evp_thrift_out *s, int field, int64_t v)
{
	put_field(s, field, EVP_THRIFT_I16);
	put_varint(s->out, evp_zigzag(v));
}

void evp_thrift_i32(struct evp_thrift_out *s, int field, int64_t v)
{
	put_field(s, field, EVP_THRIFT_I32);
	put_varint(s->out, evp_zigzag(v));
}

void evp_thrift_i64(struct evp_thrift_out *s, int field, int64_t v)
{
	put_field(s, field, EVP_THRIFT_I64);
	put_varint(s->out, evp_zigzag(v));
}

void evp_thrift_byte(struct evp_thrift_out *s, int field, int8_t v)
{
	put_field(s, field, EVP_THRIFT_BYTE);
	evp_str_putc(s->out, (char)v);
}

void evp_thrift_bool(struct evp_thrift_out *s, int field, bool v)
{
	put_field(s, field, v ? EVP_THRIFT_TRUE : EVP_THRIFT_FALSE);
}

void evp_thrift_binary(struct evp_thrift_out *s, int field, const void *bytes, size_t len)
{
	put_field(s, field, EVP_THRIFT_BINARY);
	evp_thrift_element_binary(s, bytes, len);
}

void evp_thrift_struct(struct evp_thrift_out *s, int field, struct evp_thrift_out *inner)
{
	put_field(s, field, EVP_THRIFT_STRUCT);
	evp_thrift_element(s, inner);
}

void evp_thrift_empty(struct evp_thrift_out *s, int field)
{
	struct evp_thrift_out inner;

	evp_thrift_struct(s, field, &inner);
	evp_thrift_stop(&inner);
}

void evp_thrift_list(struct evp_thrift_out *s, int field, enum evp_thrift_type type, size_t n)
{
	put_field(s, field, EVP_THRIFT_LIST);
	if (n < 15) {
		evp_str_putc(s->out, (char)(n << 4 | type));
	} else {
		evp_str_putc(s->out, (char)(0xf0 | type));
		put_varint(s->out, n);
	}
}

void evp_thrift_element(struct evp_thrift_out *s, struct evp_thrift_out *inner)
{
	inner->out = s->out;
	inner->last = 0;
}

void evp_thrift_element_i32(struct evp_thrift_out *s, int64_t v)
{
	put_varint(s->out, evp_zigzag(v));
}

void evp_thrift_element_binary(struct evp_thrift_out *s, const void *bytes, size_t len)
{
	put_varint(s->out, len);
	evp_str_add(s->out, bytes, len);
}

void evp_thrift_stop(struct evp_thrift_out *s)
{
	evp_str_putc(s->out, EVP_THRIFT_STOP);
}

static uint8_t take_byte(struct evp_cursor *c)
{
	const uint8_t *p = evp_cursor_bytes(c, 1);

	return p ? *p : 0;
}

int evp_thrift_field(struct evp_cursor *c, int *last)
{
	uint8_t b = take_byte(c);
	int64_t field;

	if (c->bad || !(b & 15))
		return 0;
	field = b >> 4 ? *last + (b >> 4) : evp_cursor_zigzag(c);
	if (c->bad || field < 1 || field > INT16_MAX) {
		c->bad = 1;
		return 0;
	}
	*last = (int)field;
	return b & 15;
}

int64_t evp_thrift_int(struct evp_cursor *c, int type)
{
	switch (type) {
	case EVP_THRIFT_TRUE:
	case EVP_THRIFT_FALSE:
		return type == EVP_THRIFT_TRUE;
	case EVP_THRIFT_BYTE:
		return (int8_t)take_byte(c);
	case EVP_THRIFT_I16:
	case EVP_THRIFT_I32:
	case EVP_THRIFT_I64:
		return evp_cursor_zigzag(c);
	default:
		c->bad = 1;
		return 0;
	}
}

struct evp_bytes evp_thrift_text(struct evp_cursor *c, int type)
{
	struct evp_bytes b = { NULL, 0 };

	if (type != EVP_THRIFT_BINARY) {
		c->bad = 1;
		return b;
	}
	b.len = evp_cursor_varint(c);
	b.ptr = (const char *)evp_cursor_bytes(c, b.len);
	if (!b.ptr)
		b.len = 0;
	return b;
}

static size_t list_header(struct evp_cursor *c, int *ret_type)
{
	uint8_t b = take_byte(c);
	uint64_t n = b >> 4 == 15 ? evp_cursor_varint(c) : b >> 4;

	*ret_type = b & 15;
	if (n > (size_t)(c->end - c->p)) /* an element takes a byte at least */
		c->bad = 1;
	return c->bad ? 0 : n;
}

size_t evp_thrift_list_begin(struct evp_cursor *c, int type, enum evp_thrift_type want)
{
	int element;
	size_t n;

	if (type != EVP_THRIFT_LIST) {
		c->bad = 1;
		return 0;
	}
	n = list_header(c, &element);
	if (n && element != (int)want) {
		c->bad = 1;
		return 0;
	}
	return n;
}

bool evp_thrift_is_struct(struct evp_cursor *c, int type)
{
	if (type != EVP_THRIFT_STRUCT)
		c->bad = 1;
	return !c->bad;
}

static void skip_nested(struct evp_cursor *c, int type, bool element, int depth);

static void skip_list(struct evp_cursor *c, int depth)
{
	int type;
	size_t n = list_header(c, &type);

	while (n-- && !c->bad)
		skip_nested(c, type, true, depth);
}

static void skip_map(struct evp_cursor *c, int depth)
{
	uint64_t n = evp_cursor_varint(c);
	uint8_t types = n ? take_byte(c) : 0;

	while (n-- && !c->bad) {
		skip_nested(c, types >> 4, true, depth);
		skip_nested(c, types & 15, true, depth);
	}
}

/* In a list a bool takes a byte of its own; as a field it is in the header. */
static void skip_nested(struct evp_cursor *c, int type, bool element, int depth)
{
	int last = 0, t;

	if (depth > MAX_NESTING)
		c->bad = 1;
	if (c->bad)
		return;
	switch (type) {
	case EVP_THRIFT_TRUE:
	case EVP_THRIFT_FALSE:
		if (element)
			take_byte(c);
		break;
	case EVP_THRIFT_BYTE:
		take_byte(c);
		break;
	case EVP_THRIFT_I16:
	case EVP_THRIFT_I32:
	case EVP_THRIFT_I64:
		evp_cursor_varint(c);
		break;
	case EVP_THRIFT_DOUBLE:
		evp_cursor_bytes(c, 8);
		break;
	case EVP_THRIFT_BINARY:
		evp_cursor_bytes(c, evp_cursor_varint(c));
		break;
	case EVP_THRIFT_LIST:
	case EVP_THRIFT_SET:
		skip_list(c, depth + 1);
		break;
	case EVP_THRIFT_MAP:
		skip_map(c, depth + 1);
		break;
	case EVP_THRIFT_STRUCT:
		while ((t = evp_thrift_field(c, &last)))
			skip_nested(c, t, false, depth + 1);
		break;
	default:
		c->bad = 1;
	}
}

void evp_thrift_skip(struct evp_cursor *c, int type)
{
	skip_nested(c, type, false, 0);
}
