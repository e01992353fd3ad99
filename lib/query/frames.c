// SPDX-License-Identifier: GPL-2.0-or-later
#include "query/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stream/stream.h"

/* Length of the common prefix, eight bytes at a time. */
static size_t common_bytes(const struct evp_str *a, const struct evp_bytes *b)
{
	size_t n = a->len < b->len ? a->len : b->len, i = 0;
	uint64_t x, y;

	for (; i + 8 <= n; i += 8) {
		memcpy(&x, a->buf + i, 8);
		memcpy(&y, b->ptr + i, 8);
		if (x != y)
			break;
	}
	while (i < n && a->buf[i] == b->ptr[i])
		i++;
	return i;
}

/* Where the frame that starts at `from` ends: at an unescaped ';' or the end of the text. */
static size_t frame_end(const struct evp_str *text, size_t from)
{
	size_t at = from, back;

	for (;;) {
		const char *p = memchr(text->buf + at, ';', text->len - at);

		if (!p)
			return text->len;
		at = (size_t)(p - text->buf);
		for (back = at; back > from && text->buf[back - 1] == '\\';)
			back--;
		if ((at - back) % 2 == 0)
			return at;
		at++;
	}
}

size_t evp_frames_next(struct evp_frames *f, const struct evp_bytes *text, int *ret_rc)
{
	size_t shared = common_bytes(&f->text, text), common = f->depth, at;

	*ret_rc = 0;
	while (common && (f->end[common - 1] > shared ||
			  (f->end[common - 1] < text->len && text->ptr[f->end[common - 1]] != ';')))
		common--;
	f->text.len = shared;
	evp_str_add(&f->text, text->ptr + shared, text->len - shared);
	if (f->text.oom)
		*ret_rc = -ENOMEM;
	f->depth = common;
	at = common ? f->end[common - 1] + 1 : 0;
	while (!*ret_rc && f->depth < EVP_MAX_DEPTH &&
	       (at < text->len || (at == text->len && f->depth))) {
		if (evp_grow(&f->end, &f->cap, f->depth + 1, sizeof(*f->end))) {
			*ret_rc = -ENOMEM;
			return common;
		}
		at = f->end[f->depth++] = frame_end(&f->text, at);
		at++;
	}
	return common;
}

void evp_frames_forget(struct evp_frames *f)
{
	f->depth = 0;
	f->text.len = 0;
}

void evp_frames_release(struct evp_frames *f)
{
	evp_str_release(&f->text);
	free(f->end);
	*f = (struct evp_frames){ 0 };
}
