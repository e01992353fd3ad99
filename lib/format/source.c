// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define BUFFER (1u << 20)

int evp_source_open(struct evp_source *s, int fd, const char *name, struct XXH3_state_s *hash,
		    struct evp_err *err)
{
	*s = (struct evp_source){ .fd = fd, .name = name, .hash = hash };
	s->buf = malloc(BUFFER);
	if (!s->buf)
		return evp_fail_oom(err);
	s->cap = BUFFER;
	return 0;
}

void evp_source_close(struct evp_source *s)
{
	free(s->buf);
	*s = (struct evp_source){ .fd = -1 };
}

int evp_source_fail(const struct evp_source *s, struct evp_err *err, int code, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return evp_fail(err, code, "'%s', line %llu: %s", s->name, (unsigned long long)s->line,
			text);
}

/* More bytes behind those that are there. 1, 0 at the end, -errno. */
static int fill(struct evp_source *s, struct evp_err *err)
{
	ssize_t n;

	if (s->eof)
		return 0;
	if (s->at) {
		memmove(s->buf, s->buf + s->at, s->len - s->at);
		s->len -= s->at;
		s->at = 0;
	}
	if (s->len == s->cap && evp_grow(&s->buf, &s->cap, s->cap + 1, 1))
		return evp_fail_oom(err);
	do
		n = read(s->fd, s->buf + s->len, s->cap - s->len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return evp_fail_errno(err, errno, "cannot read '%s'", s->name);
	if (n && s->hash)
		XXH3_128bits_update(s->hash, s->buf + s->len, (size_t)n);
	s->len += (size_t)n;
	s->eof = !n;
	return n > 0;
}

int evp_source_peek(struct evp_source *s, const char **ret_bytes, size_t *ret_len,
		    struct evp_err *err)
{
	int rc = 1;

	while (rc > 0 && s->len - s->at < EVP_SOURCE_PEEK &&
	       !memchr(s->buf + s->at, '\n', s->len - s->at))
		rc = fill(s, err);
	if (rc < 0)
		return rc;
	*ret_bytes = s->buf + s->at;
	*ret_len = s->len - s->at;
	if (*ret_len > EVP_SOURCE_PEEK)
		*ret_len = EVP_SOURCE_PEEK;
	return 0;
}

int evp_source_line(struct evp_source *s, char **ret_line, size_t *ret_len, struct evp_err *err)
{
	size_t seen = 0, n;
	char *nl;
	int rc;

	while (!(nl = memchr(s->buf + s->at + seen, '\n', s->len - s->at - seen))) {
		seen = s->len - s->at;
		if (seen > EVP_SOURCE_LINE_MAX) {
			s->line++;
			return evp_source_fail(s, err, EFBIG, "longer than %u MiB",
					       EVP_SOURCE_LINE_MAX >> 20);
		}
		rc = fill(s, err);
		if (rc < 0)
			return rc;
		if (!rc)
			break;
	}
	if (!nl && s->at == s->len)
		return 0;
	*ret_line = s->buf + s->at;
	n = nl ? (size_t)(nl - *ret_line) : s->len - s->at;
	s->at += n + (nl ? 1 : 0);
	*ret_len = n - (n && (*ret_line)[n - 1] == '\r');
	s->line++;
	return 1;
}

int evp_source_rest(struct evp_source *s, size_t limit, struct evp_str *out, struct evp_err *err)
{
	int rc;

	do {
		evp_str_add(out, s->buf + s->at, s->len - s->at);
		s->at = s->len;
		if (out->oom)
			return evp_fail_oom(err);
		if (out->len > limit)
			return evp_fail(err, EFBIG, "'%s' is larger than %zu MiB", s->name,
					limit >> 20);
		rc = fill(s, err);
	} while (rc > 0);
	return rc;
}
