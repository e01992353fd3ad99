// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers, times and the escape: unescape(escape(x)) = x, and an escaped text is one line. */
#include <stdlib.h>
#include <string.h>

#include "../../lib/base/text.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void parse_all(const char *text)
{
	uint64_t u;
	int64_t i;

	evp_parse_u64(text, &u);
	evp_parse_i64(text, &i);
	evp_parse_size(text, &u);
	if (!evp_parse_duration(text, &i) && i < 0)
		abort();
	evp_parse_time(text, 1000000000LL * EVP_NSEC, &i, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct evp_str text = { 0 }, escaped = { 0 }, back = { 0 };

	evp_str_add(&text, data, len);
	evp_escape(&escaped, (const char *)data, len);
	if (escaped.len && memchr(escaped.buf, '\n', escaped.len))
		abort();
	evp_unescape(&back, escaped.buf ? escaped.buf : "", escaped.len);
	if (back.len != len || (len && memcmp(back.buf, data, len)))
		abort();
	if (text.buf)
		parse_all(text.buf);
	evp_str_release(&text);
	evp_str_release(&escaped);
	evp_str_release(&back);
	return 0;
}
