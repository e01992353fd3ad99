/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of one input of an import: a look at its beginning, then line by line or all of it.
 *
 * Everything that is read goes into a hash that several sources may share, from which the stream's
 * id is made: importing the same bytes twice gives the same stream, and adding it to a store a
 * second time adds nothing.
 */
#ifndef EVP_FORMAT_SOURCE_H
#define EVP_FORMAT_SOURCE_H

#include "base/err.h"
#include "base/mem.h"

#define EVP_SOURCE_LINE_MAX (16u << 20) /* bytes of the longest line taken */
#define EVP_SOURCE_PEEK	    (64u << 10)

struct XXH3_state_s;

struct evp_source {
	int fd; /* the caller's */
	const char *name;
	struct XXH3_state_s *hash; /* may be NULL */
	char *buf;
	size_t at, len, cap; /* unread: buf[at] to buf[len] */
	int eof;
	uint64_t line; /* number of the line that evp_source_line gave last; first is 1 */
};

int evp_source_open(struct evp_source *s, int fd, const char *name, struct XXH3_state_s *hash,
		    struct evp_err *err);
void evp_source_close(struct evp_source *s);

/* The first bytes, up to EVP_SOURCE_PEEK of them but at least a line of text; nothing is consumed.
 */
int evp_source_peek(struct evp_source *s, const char **ret_bytes, size_t *ret_len,
		    struct evp_err *err);

/*
 * The next line without its "\n" or "\r\n"; the last one needs none. 1, 0 at the end, -errno. The
 * bytes may be written to and are good until the next call.
 */
int evp_source_line(struct evp_source *s, char **ret_line, size_t *ret_len, struct evp_err *err);

/* Everything that is left, at most `limit` bytes (EFBIG), appended to `out`. */
int evp_source_rest(struct evp_source *s, size_t limit, struct evp_str *out, struct evp_err *err);

/* "'<name>', line <n>: <text>" with this code; returns -code. */
__attribute__((format(printf, 4, 5))) int
evp_source_fail(const struct evp_source *s, struct evp_err *err, int code, const char *fmt, ...);

#endif
