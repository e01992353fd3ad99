// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The profile as flame.js reads it: columns, gzip, base64. Text is varint length and UTF-8 bytes;
 * every other number is a varint.
 *
 *	unit, name of the value                 text
 *	number of strings, strings              text each; the first is empty
 *	number of frames, then columns          name, module (strings), flags
 *	number of nodes, then columns           levels closed before it, frame, self
 *
 * Nodes are in preorder, node 0 is everything; frames are numbered by how often they occur, so that
 * common ones take one byte. flags: kind, 256 inlined, 512 nameless.
 */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/varint.h"
#include "view/flame.h"
#include "base/table.h"

struct pack {
	const struct evp_profile *p;
	struct evp_profile_order order;
	uint32_t *uses, *rank, *by_rank; /* of frames; by_rank: rank -> frame */
	size_t nframes;			 /* that occur */
	struct evp_interner strings;
	struct evp_str out;
};

static void put(struct evp_str *out, uint64_t v)
{
	uint8_t b[EVP_VARINT_MAX];

	evp_str_add(out, b, evp_varint_put(b, v));
}

static void put_text(struct evp_str *out, const char *bytes, size_t len)
{
	put(out, len);
	evp_str_add(out, bytes, len);
}

static int compare_uses(const void *a, const void *b, void *arg)
{
	const struct pack *k = arg;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (k->uses[x] != k->uses[y])
		return k->uses[x] > k->uses[y] ? -1 : 1;
	return k->rank[x] < k->rank[y] ? -1 : 1; /* the first one to occur; no two are equal */
}

static int rank_frames(struct pack *k)
{
	const struct evp_profile *p = k->p;

	k->uses = calloc(p->nframes + 1, sizeof(*k->uses));
	k->rank = calloc(p->nframes + 1, sizeof(*k->rank));
	k->by_rank = calloc(p->nframes + 1, sizeof(*k->by_rank));
	if (!k->uses || !k->rank || !k->by_rank)
		return -ENOMEM;
	for (size_t i = 0; i < k->order.n; i++) {
		uint32_t f = p->frame[k->order.order[i]];

		if (k->uses[f]++ == 0) {
			k->rank[f] = (uint32_t)k->nframes;
			k->by_rank[k->nframes++] = f;
		}
	}
	qsort_r(k->by_rank, k->nframes, sizeof(*k->by_rank), compare_uses, k);
	for (size_t i = 0; i < k->nframes; i++)
		k->rank[k->by_rank[i]] = (uint32_t)i;
	return 0;
}

/* The profile's string as the page may show it, in the page's own table. */
static int page_string(struct pack *k, uint32_t id, uint32_t *ret_id)
{
	const struct evp_bytes *b = evp_profile_text(k->p, id);
	struct evp_str plain = { 0 };
	int rc;

	evp_plain_text(&plain, b->ptr, b->len);
	rc = plain.oom ? -ENOMEM
		       : evp_intern(&k->strings, plain.buf ? plain.buf : "", plain.len, ret_id);
	evp_str_release(&plain);
	return rc;
}

static int put_frames(struct pack *k)
{
	const struct evp_frame *frames = k->p->frames;
	struct evp_str column[3] = { 0 };
	uint32_t id;
	int rc = evp_intern(&k->strings, "", 0, &id);

	for (size_t i = 0; !rc && i < k->nframes; i++) {
		const struct evp_frame *f = &frames[k->by_rank[i]];

		rc = page_string(k, f->name, &id);
		put(&column[0], id);
		if (!rc)
			rc = page_string(k, f->module, &id);
		put(&column[1], id);
		put(&column[2], f->kind | (f->inlined ? 256u : 0) | (f->nameless ? 512u : 0));
	}
	put(&k->out, k->strings.n);
	for (size_t i = 0; i < k->strings.n; i++)
		put_text(&k->out, k->strings.item[i].ptr, k->strings.item[i].len);
	put(&k->out, k->nframes);
	for (size_t c = 0; c < EVP_ARRAY_SIZE(column); c++) {
		evp_str_add(&k->out, column[c].buf ? column[c].buf : "", column[c].len);
		k->out.oom |= column[c].oom;
		evp_str_release(&column[c]);
	}
	return rc;
}

/* A negative value (of a difference) has no width: it is shown as 0. */
static uint64_t width_of(int64_t v)
{
	return v > 0 ? (uint64_t)v : 0;
}

static int put_nodes(struct pack *k, size_t type)
{
	const struct evp_profile_order *o = &k->order;
	const struct evp_profile *p = k->p;
	uint32_t *level = calloc(p->nnodes + 1, sizeof(*level)), last = 0;

	if (!level)
		return -ENOMEM;
	put(&k->out, o->n + 1);
	put(&k->out, 0);
	for (size_t i = 0; i < o->n; i++) {
		uint32_t v = o->order[i];

		level[v] = level[p->parent[v]] + 1;
		put(&k->out, last + 1 - level[v]);
		last = level[v];
	}
	put(&k->out, 0);
	for (size_t i = 0; i < o->n; i++)
		put(&k->out, k->rank[p->frame[o->order[i]]]);
	put(&k->out, type < p->ntypes ? width_of(p->self[type]) : 0);
	for (size_t i = 0; i < o->n; i++)
		put(&k->out, width_of(p->self[o->order[i] * p->ntypes + type]));
	free(level);
	return 0;
}

/* gzip without a time: the same bytes every time. Its best level takes 2 % off for twice the CPU. */
static int compress_text(const struct evp_str *in, struct evp_str *ret_out)
{
	z_stream z = { .next_in = (Bytef *)in->buf, .avail_in = 0 };
	size_t left = in->len;
	int rc;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return -ENOMEM;
	do {
		uInt part = left > 1 << 30 ? 1 << 30 : (uInt)left;
		size_t room = 1 << 16;

		if (z.avail_in == 0) {
			z.avail_in = part;
			left -= part;
		}
		z.next_out = (Bytef *)evp_str_reserve(ret_out, room);
		if (!z.next_out) {
			deflateEnd(&z);
			return -ENOMEM;
		}
		z.avail_out = (uInt)room;
		rc = deflate(&z, left ? Z_NO_FLUSH : Z_FINISH);
		ret_out->len += room - z.avail_out;
	} while (rc == Z_OK);
	deflateEnd(&z);
	return rc == Z_STREAM_END ? 0 : -EIO;
}

static void base64(const struct evp_str *in, struct evp_str *out)
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *b = (const uint8_t *)in->buf;

	for (size_t i = 0; i < in->len; i += 3) {
		size_t n = in->len - i < 3 ? in->len - i : 3;
		uint32_t v = (uint32_t)b[i] << 16 | (n > 1 ? (uint32_t)b[i + 1] << 8 : 0) |
			     (n > 2 ? b[i + 2] : 0);
		char q[4] = { digit[v >> 18], digit[v >> 12 & 63], n > 1 ? digit[v >> 6 & 63] : '=',
			      n > 2 ? digit[v & 63] : '=' };

		evp_str_add(out, q, sizeof(q));
	}
}

int evp_flame_pack(const struct evp_profile *p, size_t type, struct evp_str *ret_text,
		   struct evp_err *err)
{
	struct pack k = { .p = p };
	struct evp_str packed = { 0 };
	const char *unit = type < p->ntypes ? p->types[type].unit : "";
	const char *value = type < p->ntypes ? p->types[type].type : "";
	int rc = 0;

	put_text(&k.out, unit, strlen(unit));
	put_text(&k.out, value, strlen(value));
	if (type < p->ntypes)
		rc = evp_profile_order(p, type, &k.order, err);
	if (rc)
		goto out;
	rc = rank_frames(&k);
	if (!rc)
		rc = put_frames(&k);
	if (!rc)
		rc = put_nodes(&k, type);
	if (!rc && k.out.oom)
		rc = -ENOMEM;
	if (!rc)
		rc = compress_text(&k.out, &packed);
	if (!rc)
		base64(&packed, ret_text);
	if (!rc && ret_text->oom)
		rc = -ENOMEM;
	if (rc)
		rc = evp_fail_errno(err, -rc, "cannot pack the profile");
out:
	if (type < p->ntypes)
		evp_profile_order_release(&k.order);
	evp_interner_release(&k.strings);
	evp_str_release(&k.out);
	evp_str_release(&packed);
	free(k.uses);
	free(k.rank);
	free(k.by_rank);
	return rc;
}
