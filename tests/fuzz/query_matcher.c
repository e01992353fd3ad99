// SPDX-License-Identifier: GPL-2.0-or-later
/* Selectors from anyone: first line the selector, the rest a value to test. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "query/matcher.c"
#include "query/quote.c"
#include "base/regex.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cut = memchr(data, '\0', size);
	size_t n = cut ? (size_t)(cut - data) : size, i;
	struct evp_selector *s = NULL;
	struct evp_err err = { 0 };
	char *text = malloc(n + 1);

	if (!text)
		return 0;
	memcpy(text, data, n);
	text[n] = 0;
	if (!evp_selector_parse(&s, text, &err))
		for (i = 0; i < s->n; i++)
			evp_matcher_test(&s->matchers[i], (const char *)data + n, size - n, &err);
	else if (!err.msg[0])
		abort();
	evp_selector_free(s);
	free(text);
	return 0;
}
