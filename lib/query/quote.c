// SPDX-License-Identifier: GPL-2.0-or-later
#include "query/quote.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/regex.h"
#include "base/text.h"

static void utf8_put(struct evp_str *out, uint32_t c)
{
	if (c < 0x80) {
		evp_str_putc(out, (char)c);
	} else if (c < 0x800) {
		evp_str_putc(out, (char)(0xc0 | c >> 6));
		evp_str_putc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		evp_str_putc(out, (char)(0xe0 | c >> 12));
		evp_str_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		evp_str_putc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		evp_str_putc(out, (char)(0xf0 | c >> 18));
		evp_str_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		evp_str_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		evp_str_putc(out, (char)(0x80 | (c & 0x3f)));
	}
}

/* `digits` digits of base 8 or 16 at p; the bytes taken, or 0. */
static size_t number(const char *p, size_t digits, unsigned int base, uint32_t *ret_v)
{
	uint32_t v = 0;
	size_t i;

	for (i = 0; i < digits; i++) {
		int d = evp_hex_digit((char)tolower((unsigned char)p[i]));

		if (d < 0 || (unsigned int)d >= base)
			return 0;
		v = v * base + (uint32_t)d;
	}
	*ret_v = v;
	return digits;
}

/* The escape behind a backslash; the bytes taken, 0 when it is none. */
static size_t escape(const char *p, struct evp_str *out)
{
	static const char plain[] = "abfnrtv\\\"'", meaning[] = "\a\b\f\n\r\t\v\\\"'";
	const char *at = *p ? strchr(plain, *p) : NULL;
	uint32_t v;
	size_t n;

	if (at) {
		evp_str_putc(out, meaning[at - plain]);
		return 1;
	}
	if (*p == 'x' || (*p >= '0' && *p <= '7')) {
		n = *p == 'x' ? number(p + 1, 2, 16, &v) : number(p, 3, 8, &v);
		if (!n || v > 0xff)
			return 0;
		evp_str_putc(out, (char)v);
		return n + (*p == 'x');
	}
	if (*p != 'u' && *p != 'U')
		return 0;
	n = number(p + 1, *p == 'u' ? 4 : 8, 16, &v);
	if (!n || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 0;
	utf8_put(out, v);
	return n + 1;
}

long evp_unquote(const char *text, size_t limit, struct evp_str *out, size_t *ret_at,
		 struct evp_err *err)
{
	size_t at = 1, start = out->len, n;
	char quote = text[0];

	while (text[at] != quote && out->len - start < limit) {
		if (!text[at] || (text[at] == '\n' && quote != '`')) {
			*ret_at = 0;
			return evp_fail(err, EINVAL, "this string is never closed");
		}
		if (text[at] != '\\' || quote == '`') {
			evp_str_putc(out, text[at++]);
			continue;
		}
		n = escape(text + at + 1, out);
		if (!n) {
			*ret_at = at;
			return evp_fail(err, EINVAL, "not an escape (a backslash is written \\\\)");
		}
		at += 1 + n;
	}
	return (long)at + (text[at] == quote && limit == SIZE_MAX);
}

void evp_quote(struct evp_str *out, const char *bytes, size_t len)
{
	size_t i, n;

	evp_str_putc(out, '"');
	for (i = 0; i < len; i += n ? n : 1) {
		unsigned char c = (unsigned char)bytes[i];

		n = evp_utf8_len(bytes + i, len - i);
		if (c == '\n')
			evp_str_puts(out, "\\n");
		else if (c == '"' || c == '\\')
			evp_str_printf(out, "\\%c", c);
		else if (!n || c < 0x20 || c == 0x7f)
			evp_str_printf(out, "\\x%02x", c);
		else
			evp_str_add(out, bytes + i, n);
	}
	evp_str_putc(out, '"');
}

#define SHOWN 72 /* columns of text in a caret message */

/* One column: control bytes and stray bytes as '?'. Returns the bytes taken. */
static size_t column(struct evp_str *out, const char *p, size_t avail)
{
	size_t n = evp_utf8_len(p, avail);

	if (n > 1 || (n == 1 && (unsigned char)*p >= 0x20 && *p != 0x7f))
		evp_str_add(out, p, n);
	else
		evp_str_putc(out, '?');
	return n ? n : 1;
}

int evp_fail_caret(struct evp_err *err, const char *text, size_t at)
{
	size_t len = strlen(text), i, from = at > SHOWN / 2 ? at - SHOWN / 2 : 0, col = 0,
	       caret = 0;
	struct evp_str s = { 0 };
	size_t used;

	if (!err)
		return -EINVAL;
	if (len <= SHOWN)
		from = 0;
	while (from && ((unsigned char)text[from] & 0xc0) == 0x80)
		from--;
	evp_str_puts(&s, from ? "\n  ..." : "\n  ");
	for (i = from; i < len && col < SHOWN; col++) {
		if (i <= at)
			caret = col;
		i += column(&s, text + i, len - i);
	}
	if (at >= len)
		caret = col;
	evp_str_printf(&s, "%s\n%*s^", i < len ? "..." : "", (int)(caret + (from ? 5 : 2)), "");
	used = strlen(err->msg);
	if (!s.oom && used + s.len < sizeof(err->msg))
		memcpy(err->msg + used, s.buf, s.len + 1);
	evp_str_release(&s);
	return -err->code;
}

int evp_regex_new_shown(struct evp_regex **ret_re, const char *pattern, struct evp_err *err)
{
	size_t at = 0;
	int rc = evp_regex_new(ret_re, pattern, strlen(pattern), EVP_REGEX_JIT, &at, err);

	return rc == -EINVAL ? evp_fail_caret(err, pattern, at) : rc;
}
