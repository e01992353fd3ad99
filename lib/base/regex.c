// SPDX-License-Identifier: GPL-2.0-or-later
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MATCH_LIMIT    1000000
#define HEAP_LIMIT_KIB 4096

struct evp_regex {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	char *pattern;
};

static int compile(struct evp_regex *re, const char *pattern, size_t len, unsigned int flags,
		   size_t *ret_offset, struct evp_err *err)
{
	uint32_t options = PCRE2_DOTALL | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C;
	PCRE2_UCHAR words[120];
	PCRE2_SIZE offset = 0;
	int code;

	if (!(flags & EVP_REGEX_BYTES))
		options |= PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
	if (flags & EVP_REGEX_WHOLE)
		options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
	if (len > EVP_REGEX_MAX) {
		if (ret_offset)
			*ret_offset = EVP_REGEX_MAX;
		return evp_fail(err, EINVAL, "regular expression is longer than %d bytes",
				EVP_REGEX_MAX);
	}
	re->code = pcre2_compile((PCRE2_SPTR)pattern, len, options, &code, &offset, NULL);
	if (re->code)
		return 0;
	if (code == PCRE2_ERROR_NOMEMORY)
		return evp_fail_oom(err);
	pcre2_get_error_message(code, words, sizeof(words));
	if (ret_offset)
		*ret_offset = offset <= len ? offset : len;
	return evp_fail(err, EINVAL, "bad regular expression: %s", (char *)words);
}

int evp_regex_new(struct evp_regex **ret_re, const char *pattern, size_t len, unsigned int flags,
		  size_t *ret_offset, struct evp_err *err)
{
	struct evp_regex *re = calloc(1, sizeof(*re));
	int rc;

	if (!re || !(re->pattern = strndup(pattern, len))) {
		free(re);
		return evp_fail_oom(err);
	}
	rc = compile(re, pattern, len, flags, ret_offset, err);
	if (rc)
		goto out;
	rc = -ENOMEM;
	re->context = pcre2_match_context_create(NULL);
	re->data = pcre2_match_data_create(1, NULL);
	if (!re->context || !re->data) {
		evp_fail_oom(err);
		goto out;
	}
	pcre2_set_match_limit(re->context, MATCH_LIMIT);
	pcre2_set_heap_limit(re->context, HEAP_LIMIT_KIB);
	if (flags & EVP_REGEX_JIT)
		pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE); /* without it, it is only slower */
	*ret_re = re;
	return 0;
out:
	evp_regex_free(re);
	return rc;
}

const char *evp_regex_pattern(const struct evp_regex *re)
{
	return re->pattern;
}

void evp_regex_free(struct evp_regex *re)
{
	if (!re)
		return;
	pcre2_match_data_free(re->data);
	pcre2_match_context_free(re->context);
	pcre2_code_free(re->code);
	free(re->pattern);
	free(re);
}

static int match(struct evp_regex *re, const char *text, size_t len, pcre2_match_data *data,
		 struct evp_err *err)
{
	PCRE2_UCHAR words[120];
	int rc = pcre2_match(re->code, (PCRE2_SPTR)(text ? text : ""), len, 0, 0, data,
			     re->context);

	if (rc >= 0)
		return 1;
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	if (rc == PCRE2_ERROR_NOMEMORY)
		return evp_fail_oom(err);
	pcre2_get_error_message(rc, words, sizeof(words));
	return evp_fail(err, E2BIG, "regular expression '%.64s' gave up: %s", re->pattern,
			(char *)words);
}

int evp_regex_test(struct evp_regex *re, const char *text, size_t len, struct evp_err *err)
{
	return match(re, text, len, re->data, err);
}

int evp_regex_match(struct evp_regex *re, const char *text, size_t len, size_t (*span)[2], size_t n,
		    struct evp_err *err)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(re->code, NULL);
	const PCRE2_SIZE *found;
	int rc;

	if (!data)
		return evp_fail_oom(err);
	rc = match(re, text, len, data, err);
	found = pcre2_get_ovector_pointer(data);
	for (size_t i = 0; rc == 1 && i < n; i++) {
		bool set = i < pcre2_get_ovector_count(data) && found[2 * i] != PCRE2_UNSET;

		span[i][0] = set ? found[2 * i] : SIZE_MAX;
		span[i][1] = set ? found[2 * i + 1] : SIZE_MAX;
	}
	pcre2_match_data_free(data);
	return rc;
}

unsigned int evp_regex_group(const struct evp_regex *re, const char *name)
{
	int n = pcre2_substring_number_from_name(re->code, (PCRE2_SPTR)name);

	return n > 0 ? (unsigned int)n : 0;
}
