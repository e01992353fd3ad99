/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Selectors: which samples a query is about, spelled as PromQL spells it.
 *
 *	cpu                                        everything of a type
 *	cpu{comm="nginx",unit=~"web.*"}            labels: = != and, anchored regexes, =~ !~
 *	{pod!=""}                                  no type named: the caller's default
 *
 * A label that a sample does not have equals "". A label may be named more than once: all its
 * matchers must hold. Values are in double or single quotes with Go's escapes (\n, \", \x41,
 * \101, \u00e9, ...) or raw in backquotes; blanks may stand between any two tokens.
 *
 * A syntax error's message has three lines: what is wrong, the selector (or the part around the
 * place, when it is long), and a caret below the place.
 */
#ifndef EVP_QUERY_MATCHER_H
#define EVP_QUERY_MATCHER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/regex.h"

#define EVP_SELECTOR_MAX      (16u << 10) /* bytes of text */
#define EVP_SELECTOR_MATCHERS 64

enum evp_match_op {
	EVP_MATCH_EQUAL,     /* =  */
	EVP_MATCH_NOT_EQUAL, /* != */
	EVP_MATCH_REGEX,     /* =~ */
	EVP_MATCH_NOT_REGEX, /* !~ */
};

struct evp_matcher {
	char *label; /* [a-zA-Z_][a-zA-Z0-9_]* */
	enum evp_match_op op;
	char *value; /* unquoted; may hold NULs, and has one behind it */
	size_t value_len;
	struct evp_regex *regex; /* of the last two operators */
};

struct evp_selector {
	char *type; /* [a-z][a-z0-9_]*, NULL: not named */
	struct evp_matcher *matchers;
	size_t n;
};

/* 0, or -EINVAL with a caret. */
int evp_selector_parse(struct evp_selector **ret_s, const char *text, struct evp_err *err);
void evp_selector_free(struct evp_selector *s);

/* Does a label of this value ("" for an absent one) pass? 1, 0, or -errno at a regex's limit. */
int evp_matcher_test(const struct evp_matcher *m, const char *value, size_t len,
		     struct evp_err *err);

#endif
