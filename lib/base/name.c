// SPDX-License-Identifier: GPL-2.0-or-later
/* Names for people: nothing that could do harm, and long C++ and Rust ones in a narrow column. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/table.h"

#define DOTS	 "..."
#define DOTS_LEN 3

static uint32_t code_point(const char *p, size_t len)
{
	uint32_t v = len == 1 ? (uint8_t)p[0] : (uint8_t)p[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++)
		v = v << 6 | ((uint8_t)p[i] & 0x3f);
	return v;
}

/* Controls of both sets, and what reorders text: marks, embeddings, overrides, isolates. */
static bool is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void evp_plain_text(struct evp_str *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t n = evp_utf8_len(bytes + i, len - i), bad = n ? n : 1;

		if (n && !is_harmful(code_point(bytes + i, n))) {
			evp_str_add(out, bytes + i, n);
			i += n;
			continue;
		}
		for (; bad; bad--, i++)
			evp_str_printf(out, "\\x%02x", (uint8_t)bytes[i]);
	}
}

size_t evp_address_name(const char *name, size_t len)
{
	size_t i = len;

	while (i > 0 && evp_hex_digit(name[i - 1]) >= 0)
		i--;
	if (i == len || i < 4 || memcmp(name + i - 3, "+0x", 3) != 0)
		return 0;
	return i - 3;
}

/* Brackets of `operator<`, `operator()`, `->` and the like are not brackets. */
static bool is_operator(const char *s, size_t i)
{
	static const char word[] = "operator";
	size_t n = sizeof(word) - 1;

	while (i > 0 && strchr("<>-=()", s[i - 1]))
		i--;
	return i >= n && memcmp(s + i - n, word, n) == 0;
}

static bool is_bracket(const char *s, size_t i)
{
	if (!strchr("<>()", s[i]) || s[i] == '\0')
		return false;
	return !(s[i] == '>' && i > 0 && s[i - 1] == '-') && !is_operator(s, i);
}

/*
 * Copies `name`, and of every group of `open`..`close` that is `depth` deep only its brackets and
 * dots. False, with out restored, where the brackets do not match.
 */
static bool collapse(struct evp_str *out, const char *s, size_t len, char open, char close,
		     int depth)
{
	size_t start = out->len;
	int level = 0;

	for (size_t i = 0; i < len; i++) {
		bool bracket = (s[i] == open || s[i] == close) && is_bracket(s, i);

		if (bracket && s[i] == close && --level == depth - 1)
			evp_str_puts(out, DOTS);
		if (level < 0)
			break;
		if (level < depth)
			evp_str_putc(out, s[i]);
		if (bracket && s[i] == open)
			level++;
	}
	if (level == 0)
		return true;
	out->len = start;
	return false;
}

/* The argument list at the end: "f(int, char) const" -> "f(...) const". */
static bool collapse_arguments(struct evp_str *out, const char *s, size_t len)
{
	size_t close = len, open;
	int level = 0;

	while (close > 0 && s[close - 1] != ')')
		close--;
	for (open = close; open > 0; open--) {
		level += s[open - 1] == ')' ? 1 : s[open - 1] == '(' ? -1 : 0;
		if (level == 0)
			break;
	}
	/* "()", "ns::(anonymous namespace)" and "operator()" stay. */
	if (open < 2 || close - open < DOTS_LEN + 1 || s[open - 2] == ':' ||
	    (open > 8 && memcmp(s + open - 9, "operator", 8) == 0))
		return false;
	evp_str_add(out, s, open);
	evp_str_puts(out, DOTS);
	evp_str_add(out, s + close - 1, len - close + 1);
	return true;
}

static void cut_middle(struct evp_str *out, const char *s, size_t len, size_t width)
{
	size_t keep = width - DOTS_LEN, head = keep / 3, n = 0, i = 0;

	for (; i < len && (n < head || ((unsigned char)s[i] & 0xc0) == 0x80); i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	evp_str_add(out, s, i);
	evp_str_puts(out, DOTS);
	for (i = len, n = 0; i > 0 && n < keep - head; i--)
		n += ((unsigned char)s[i - 1] & 0xc0) != 0x80;
	evp_str_add(out, s + i, len - i);
}

void evp_shorten_name(struct evp_str *out, const char *name, size_t len, size_t width)
{
	struct evp_str now = { 0 }, next = { 0 };

	width = width < 8 ? 8 : width;
	evp_str_add(&now, name, len);
	for (int step = 0; step < 4 && evp_text_columns(now.buf, now.len) > width && !now.oom;
	     step++) {
		bool changed;

		evp_str_clear(&next);
		if (step == 0)
			changed = collapse_arguments(&next, now.buf, now.len);
		else
			changed = collapse(&next, now.buf, now.len, '<', '>', 4 - step);
		if (changed && next.len < now.len) {
			struct evp_str swap = now;

			now = next;
			next = swap;
		}
	}
	if (now.oom || next.oom)
		out->oom = true;
	else if (evp_text_columns(now.buf, now.len) > width)
		cut_middle(out, now.buf, now.len, width);
	else
		evp_str_add(out, now.buf ? now.buf : "", now.len);
	evp_str_release(&now);
	evp_str_release(&next);
}
