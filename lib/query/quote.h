/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two small things that a reader of user-written text needs: quoted strings, and a caret under
 * the place where the text is wrong.
 */
#ifndef EVP_QUERY_QUOTE_H
#define EVP_QUERY_QUOTE_H

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * Decodes the quoted string that starts at text[0] (one of " ' `) and appends it to `out`, but at
 * most `limit` bytes of it. Go's escapes in " and ': \a \b \f \n \r \t \v \\ \" \' \xHH \OOO \uXXXX
 * \UXXXXXXXX; none in `. Returns the bytes of text taken, closing quote included, or -EINVAL with
 * the reason in `err` and the place in *ret_at. With a limit other than SIZE_MAX it is the bytes
 * taken up to there, closing quote excluded.
 */
long evp_unquote(const char *text, size_t limit, struct evp_str *out, size_t *ret_at,
		 struct evp_err *err);

/* The reverse: in double quotes, on one line; what is not printable as an escape. */
void evp_quote(struct evp_str *out, const char *bytes, size_t len);

/*
 * Adds to err's message the text on a line of its own, or the part around byte `at` when it is
 * long, and a caret below that byte. Returns -err->code.
 */
int evp_fail_caret(struct evp_err *err, const char *text, size_t at);

/* evp_regex_new for an option's value: unanchored, JIT, a caret under the place in the message. */
struct evp_regex;
int evp_regex_new_shown(struct evp_regex **ret_re, const char *pattern, struct evp_err *err);

#endif
