// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/gzip.h"

#include <limits.h>
#include <zlib.h>

#define GZIP  (15 + 16) /* zlib's windowBits for a gzip header */
#define CHUNK (256u << 10)

static uInt avail(size_t left)
{
	return left > UINT_MAX ? UINT_MAX : (uInt)left;
}

int evp_gzip(const void *bytes, size_t len, struct evp_str *out, struct evp_err *err)
{
	z_stream z = { 0 };
	size_t left = len;
	int rc;

	if (deflateInit2(&z, 6, Z_DEFLATED, GZIP, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return evp_fail_oom(err);
	z.next_in = (Bytef *)(uintptr_t)bytes;
	do {
		char *p = evp_str_reserve(out, CHUNK);

		if (!p)
			break;
		if (!z.avail_in) {
			z.avail_in = avail(left);
			left -= z.avail_in;
		}
		z.next_out = (Bytef *)p;
		z.avail_out = CHUNK;
		rc = deflate(&z, left ? Z_NO_FLUSH : Z_FINISH);
		out->len += CHUNK - z.avail_out;
	} while (rc == Z_OK || rc == Z_BUF_ERROR);
	deflateEnd(&z);
	return out->oom ? evp_fail_oom(err) : 0;
}

/* One step: Z_OK, Z_STREAM_END (of a member), or the error. */
static int step(z_stream *z, struct evp_str *out, size_t room)
{
	size_t n = room < CHUNK ? room : CHUNK;
	char *p = evp_str_reserve(out, n);
	int rc;

	if (!p)
		return Z_MEM_ERROR;
	z->next_out = (Bytef *)p;
	z->avail_out = (uInt)n;
	rc = inflate(z, Z_NO_FLUSH);
	out->len += n - z->avail_out;
	p[n - z->avail_out] = '\0';
	return rc;
}

int evp_gunzip(const void *bytes, size_t len, size_t limit, const char *name, struct evp_str *out,
	       struct evp_err *err)
{
	size_t left = len, before = out->len;
	z_stream z = { .next_in = (Bytef *)(uintptr_t)bytes };
	int rc = inflateInit2(&z, GZIP);

	while (rc == Z_OK) {
		if (!z.avail_in) {
			z.avail_in = avail(left);
			left -= z.avail_in;
		}
		rc = step(&z, out, limit + 1 - (out->len - before));
		if (out->len - before > limit) {
			inflateEnd(&z);
			return evp_fail(err, EFBIG, "'%s' holds more than %zu MiB", name,
					limit >> 20);
		}
		if (rc == Z_STREAM_END && (z.avail_in || left))
			rc = inflateReset(&z);
	}
	inflateEnd(&z);
	if (rc == Z_STREAM_END)
		return 0;
	if (rc == Z_MEM_ERROR)
		return evp_fail_oom(err);
	if (rc == Z_BUF_ERROR)
		return evp_fail(err, ENODATA, "'%s' is cut short", name);
	return evp_fail(err, EBADMSG, "'%s' is damaged (gzip%s%s)", name, z.msg ? ": " : "",
			z.msg ? z.msg : "");
}
