/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Regular expressions from users: PCRE2 with limits, so that no pattern can hang a program.
 *
 * Patterns are UTF-8 and '.' matches a newline. Bytes that are not UTF-8 in a subject match
 * nothing, and are no error. A pattern may be 4 KiB long; a single match may take 10^6 steps and
 * 4 MiB of memory, past which evp_regex_test fails and names the pattern.
 *
 * A struct evp_regex holds its match workspace: one thread at a time.
 */
#ifndef EVP_BASE_REGEX_H
#define EVP_BASE_REGEX_H

#include <stddef.h>

#include "base/err.h"

#define EVP_REGEX_MAX 4096 /* bytes of a pattern */

enum {
	EVP_REGEX_WHOLE = 1, /* anchored at both ends: the whole subject must match */
	EVP_REGEX_JIT = 2,   /* worth compiling to machine code: thousands of subjects follow */
	EVP_REGEX_BYTES = 4, /* pattern and subject are bytes, not UTF-8; '.' is any of them */
};

struct evp_regex;

/*
 * 0, or -EINVAL with the reason in `err` and, unless NULL, the byte of the pattern where it is
 * wrong in *ret_offset.
 */
int evp_regex_new(struct evp_regex **ret_re, const char *pattern, size_t len, unsigned int flags,
		  size_t *ret_offset, struct evp_err *err);
const char *evp_regex_pattern(const struct evp_regex *re); /* as given */
void evp_regex_free(struct evp_regex *re);

/* 1: matches, 0: does not, -E2BIG: gave up at a limit, -ENOMEM. */
int evp_regex_test(struct evp_regex *re, const char *text, size_t len, struct evp_err *err);
/*
 * The same, and what its groups matched: span[0] the whole, span[i] group i, begin and end in
 * bytes; begin SIZE_MAX: took no part. Groups past n are left out, spans past the groups are unset.
 */
int evp_regex_match(struct evp_regex *re, const char *text, size_t len, size_t (*span)[2], size_t n,
		    struct evp_err *err);
/* The number of the group of this name, 0: there is none. */
unsigned int evp_regex_group(const struct evp_regex *re, const char *name);

#endif
