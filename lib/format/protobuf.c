// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/protobuf.h"

#include "base/varint.h"

#define MAX_GROUPS 16 /* nested ones, to be skipped */

enum { GROUP_START = 3, GROUP_END = 4 };

struct evp_pb evp_pb_from(const void *bytes, size_t len)
{
	const uint8_t *p = bytes ? bytes : (const uint8_t *)"";

	return (struct evp_pb){ p, p + len, false };
}

/* Unlike a stream's, these need not be the shortest spelling. */
static uint64_t varint(struct evp_pb *m)
{
	uint64_t v = 0;
	unsigned int shift;

	for (shift = 0; m->p < m->end && shift < 64; shift += 7) {
		uint8_t b = *m->p++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return v;
	}
	m->bad = true;
	return 0;
}

static const uint8_t *take(struct evp_pb *m, uint64_t len)
{
	const uint8_t *p = m->p;

	if (len > (size_t)(m->end - m->p)) {
		m->bad = true;
		return NULL;
	}
	m->p += len;
	return p;
}

static bool payload(struct evp_pb *m, struct evp_pb_field *f)
{
	const uint8_t *p;

	switch (f->wire) {
	case EVP_PB_VARINT:
		f->value = varint(m);
		break;
	case EVP_PB_FIXED64:
		p = take(m, 8);
		f->value = p ? evp_le64(p) : 0;
		break;
	case EVP_PB_FIXED32:
		p = take(m, 4);
		f->value = p ? evp_le32(p) : 0;
		break;
	case EVP_PB_LEN:
		f->len = varint(m);
		f->bytes = m->bad ? NULL : take(m, f->len);
		break;
	default:
		m->bad = true;
	}
	return !m->bad;
}

bool evp_pb_next(struct evp_pb *m, struct evp_pb_field *ret_f)
{
	unsigned int groups = 0;

	while (m->p < m->end && !m->bad) {
		uint64_t tag = varint(m);

		*ret_f = (struct evp_pb_field){ .number = (uint32_t)(tag >> 3), .wire = tag & 7 };
		if (m->bad || tag >> 3 == 0 || tag >> 3 >= 1u << 29)
			break;
		if ((tag & 7) == GROUP_START && groups < MAX_GROUPS) {
			groups++;
			continue;
		}
		if ((tag & 7) == GROUP_END && groups) {
			groups--;
			continue;
		}
		if (!payload(m, ret_f))
			break;
		if (!groups)
			return true;
	}
	m->bad |= m->p < m->end || groups;
	return false;
}

struct evp_pb evp_pb_inside(const struct evp_pb_field *f)
{
	return evp_pb_from(f->bytes, f->len);
}

struct evp_pb_values evp_pb_values(const struct evp_pb_field *f)
{
	return (struct evp_pb_values){
		.packed = evp_pb_from(f->bytes, f->len),
		.one = f->value,
		.has_one = f->wire != EVP_PB_LEN,
	};
}

bool evp_pb_value(struct evp_pb_values *v, uint64_t *ret_v)
{
	if (v->has_one) {
		*ret_v = v->one;
		v->has_one = false;
		return true;
	}
	if (v->packed.p >= v->packed.end || v->packed.bad)
		return false;
	*ret_v = varint(&v->packed);
	return !v->packed.bad;
}

void evp_pb_put_varint(struct evp_str *out, uint64_t v)
{
	uint8_t tmp[EVP_VARINT_MAX];

	evp_str_add(out, tmp, evp_varint_put(tmp, v));
}

void evp_pb_put_tag(struct evp_str *out, uint32_t number, enum evp_pb_wire wire)
{
	evp_pb_put_varint(out, (uint64_t)number << 3 | wire);
}

void evp_pb_put_u64(struct evp_str *out, uint32_t number, uint64_t v)
{
	if (!v)
		return;
	evp_pb_put_tag(out, number, EVP_PB_VARINT);
	evp_pb_put_varint(out, v);
}

void evp_pb_put_i64(struct evp_str *out, uint32_t number, int64_t v)
{
	evp_pb_put_u64(out, number, (uint64_t)v);
}

void evp_pb_put_fixed64(struct evp_str *out, uint32_t number, uint64_t v)
{
	uint8_t tmp[8];

	if (!v)
		return;
	evp_put_le64(tmp, v);
	evp_pb_put_tag(out, number, EVP_PB_FIXED64);
	evp_str_add(out, tmp, sizeof(tmp));
}

void evp_pb_put_bytes(struct evp_str *out, uint32_t number, const void *bytes, size_t len)
{
	evp_pb_put_tag(out, number, EVP_PB_LEN);
	evp_pb_put_varint(out, len);
	evp_str_add(out, bytes, len);
}
