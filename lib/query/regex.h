/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Regular expressions from users: PCRE2 with limits, so that no pattern can hang a query.
 *
 * Patterns are UTF-8 and '.' matches a newline. Bytes that are not UTF-8 in a subject match
 * nothing, and are no error. A pattern may be 4 KiB long; a single match may take 10^6 steps and
 * 4 MiB of memory, past which evp_regex_test fails and names the pattern.
 *
 * A struct evp_regex holds its match workspace: one thread at a time.
 */
#ifndef EVP_QUERY_REGEX_H
#define EVP_QUERY_REGEX_H

#include <stddef.h>

#include "base/err.h"

#define EVP_REGEX_MAX 4096 /* bytes of a pattern */

enum {
	EVP_REGEX_WHOLE = 1, /* anchored at both ends: the whole subject must match */
	EVP_REGEX_JIT = 2,   /* worth compiling to machine code: thousands of subjects follow */
};

struct evp_regex;

/*
 * 0, or -EINVAL with the reason in `err` and, unless NULL, the byte of the pattern where it is
 * wrong in *ret_offset.
 */
int evp_regex_new(struct evp_regex **ret_re, const char *pattern, size_t len, unsigned int flags,
		  size_t *ret_offset, struct evp_err *err);
/* The same for an option's value: unanchored, JIT, a caret under the place in the message. */
int evp_regex_new_shown(struct evp_regex **ret_re, const char *pattern, struct evp_err *err);
const char *evp_regex_pattern(const struct evp_regex *re); /* as given */
void evp_regex_free(struct evp_regex *re);

/* 1: matches, 0: does not, -E2BIG: gave up at a limit, -ENOMEM. */
int evp_regex_test(struct evp_regex *re, const char *text, size_t len, struct evp_err *err);

#endif
