// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/stacktext.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define CUT "[cut:"

size_t evp_stacktext_depth(const char *text, size_t len)
{
	const char *end = text + len, *rest = text;
	size_t n = 0;

	while (rest && len) {
		evp_folded_frame(rest, (size_t)(end - rest), &rest);
		n++;
	}
	return n;
}

static bool marked(const char *frame, size_t len, char kind)
{
	return len >= 4 && frame[len - 1] == ']' && frame[len - 2] == kind &&
	       frame[len - 3] == '[' && frame[len - 4] == '_';
}

static int child(struct evp_stacktext *t, uint32_t parent, const char *text, size_t len,
		 uint32_t *ret_node)
{
	uint32_t frame;
	uint64_t *at;
	int rc, isnew;

	rc = evp_intern(&t->frames, text, len, &frame);
	if (rc)
		return rc;
	at = evp_map_at(&t->children, (uint64_t)parent << 32 | frame, &isnew);
	if (!at)
		return -ENOMEM;
	if (isnew) {
		if (t->nnodes >= UINT32_MAX)
			return -E2BIG;
		if (evp_grow(&t->node, &t->cnodes, t->nnodes + 1, sizeof(*t->node)))
			return -ENOMEM;
		t->node[t->nnodes] = (struct evp_stacktext_node){ parent, frame, 0, 0 };
		*at = t->nnodes++;
	}
	*ret_node = (uint32_t)*at;
	return 0;
}

int evp_stacktext_node(struct evp_stacktext *t, const char *text, size_t len, uint32_t *ret_node)
{
	const char *end = text + len, *group = text, *group_end, *at, *rest;
	uint32_t node = 0;
	size_t n, inlined = 0;
	int rc;

	if (!t->nnodes) {
		if (evp_grow(&t->node, &t->cnodes, 1, sizeof(*t->node)))
			return -ENOMEM;
		t->node[0] = (struct evp_stacktext_node){ 0 };
		t->nnodes = 1;
	}
	*ret_node = 0;
	if (!len)
		return 0;
	group_end = group + evp_folded_frame(group, len, &rest);
	while ((at = rest)) {
		n = evp_folded_frame(at, (size_t)(end - at), &rest);
		if (!marked(at, n, 'i') || ++inlined == EVP_MAX_LINES) {
			rc = child(t, node, group, (size_t)(group_end - group), &node);
			if (rc)
				return rc;
			group = at;
			inlined = 0;
		}
		group_end = at + n;
	}
	return child(t, node, group, (size_t)(group_end - group), ret_node);
}

/* One line of a location: the frame's text without mark and escapes. */
static int line_of(struct evp_stacktext *t, struct evp_writer *w, const char *text, size_t len,
		   struct evp_line *line)
{
	struct evp_function f = { 0 };
	int rc;

	evp_str_clear(&t->scratch);
	evp_unescape(&t->scratch, text, len);
	if (t->scratch.oom)
		return -ENOMEM;
	rc = evp_writer_string(w, t->scratch.buf ? t->scratch.buf : "", t->scratch.len, &f.name);
	if (rc)
		return rc;
	*line = (struct evp_line){ 0 };
	return evp_writer_function(w, &f, &line->function);
}

static int cut_location(struct evp_writer *w, const char *text, size_t len, uint32_t *ret_id)
{
	struct evp_location l = { .kind = EVP_LOC_CUT };
	int rc = evp_writer_string(w, text + strlen(CUT), len - strlen(CUT) - 1, &l.text);

	return rc ? rc : evp_writer_location(w, &l, ret_id);
}

static uint8_t take_kind(const char *text, size_t *len)
{
	uint8_t kind = marked(text, *len, 'k')	 ? EVP_LOC_KERNEL
		       : marked(text, *len, 'j') ? EVP_LOC_JIT
						 : EVP_LOC_NONE;

	if (kind != EVP_LOC_NONE || marked(text, *len, 'i'))
		*len -= 4;
	return kind;
}

/* The frame comes first in the text, what was inlined into it behind; a location has it last. */
static int make_location(struct evp_stacktext *t, struct evp_writer *w, uint32_t frame,
			 uint32_t *ret_id)
{
	const struct evp_bytes *b = &t->frames.item[frame];
	const char *at = b->ptr, *end = b->ptr + b->len;
	struct evp_line lines[EVP_MAX_LINES];
	struct evp_location l = { .source = EVP_SRC_TEXT };
	uint32_t n = EVP_MAX_LINES;
	size_t len;
	int rc;

	if (b->len > strlen(CUT) && !memcmp(b->ptr, CUT, strlen(CUT)) && end[-1] == ']')
		return cut_location(w, b->ptr, b->len, ret_id);
	while (at && n) {
		const char *text = at;

		len = evp_folded_frame(text, (size_t)(end - text), &at);
		if (text == b->ptr)
			l.kind = take_kind(text, &len);
		else
			len -= 4;
		rc = line_of(t, w, text, len, &lines[--n]);
		if (rc)
			return rc;
	}
	l.lines = lines + n;
	l.nlines = EVP_MAX_LINES - n;
	return evp_writer_location(w, &l, ret_id);
}

static int location(struct evp_stacktext *t, struct evp_writer *w, uint32_t frame, uint32_t *ret_id)
{
	size_t had = t->cmemo;
	int rc;

	if (evp_grow(&t->memo, &t->cmemo, (size_t)frame + 1, sizeof(*t->memo)))
		return -ENOMEM;
	if (t->cmemo > had)
		memset(t->memo + had, 0, (t->cmemo - had) * sizeof(*t->memo));
	if (t->memo[frame].epoch != t->epoch + 1) {
		rc = make_location(t, w, frame, &t->memo[frame].location);
		if (rc)
			return rc;
		t->memo[frame].epoch = t->epoch + 1;
	}
	*ret_id = t->memo[frame].location;
	return 0;
}

int evp_stacktext_stack(struct evp_stacktext *t, struct evp_writer *w, uint32_t node,
			uint32_t *ret_stack)
{
	uint32_t stack = 0, loc;
	size_t n = 0;
	int rc;

	/* Up to the first ancestor that this epoch knows, then down again. */
	for (; node && t->node[node].epoch != t->epoch + 1; node = t->node[node].parent) {
		if (evp_grow(&t->path, &t->cpath, n + 1, sizeof(*t->path)))
			return -ENOMEM;
		t->path[n++] = node;
	}
	if (node)
		stack = t->node[node].stack;
	while (n) {
		struct evp_stacktext_node *at = &t->node[t->path[--n]];

		rc = location(t, w, at->frame, &loc);
		if (!rc)
			rc = evp_writer_stack(w, stack, loc, &stack);
		if (rc)
			return rc;
		at->stack = stack;
		at->epoch = t->epoch + 1;
	}
	*ret_stack = stack;
	return 0;
}

void evp_stacktext_epoch(struct evp_stacktext *t)
{
	t->epoch++;
}

size_t evp_stacktext_bytes(const struct evp_stacktext *t)
{
	return t->frames.arena.bytes + t->frames.n * 40 + t->cnodes * sizeof(*t->node) +
	       t->children.nslots * sizeof(*t->children.slot);
}

void evp_stacktext_reset(struct evp_stacktext *t)
{
	evp_interner_release(&t->frames);
	evp_map_release(&t->children);
	evp_str_release(&t->scratch);
	free(t->node);
	free(t->memo);
	free(t->path);
	*t = (struct evp_stacktext){ 0 };
}
