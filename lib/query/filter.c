// SPDX-License-Identifier: GPL-2.0-or-later
#include "query/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "query/frames.h"

static int test_frames(struct evp_frames *f, size_t common, struct evp_regex *regex, uint8_t **hit,
		       size_t *cap, struct evp_err *err)
{
	struct evp_str name = { 0 };
	int rc = 0;
	size_t i;

	if (evp_grow(hit, cap, f->depth + 1, 1))
		return evp_fail_oom(err);
	(*hit)[0] = 0;
	/* hit[i]: one of the first i frames matches. */
	for (i = common; i < f->depth && rc >= 0; i++) {
		struct evp_bytes b = evp_frames_get(f, i);

		if ((*hit)[i]) {
			(*hit)[i + 1] = 1;
			continue;
		}
		if (memchr(b.ptr, '\\', b.len)) {
			evp_str_clear(&name);
			evp_unescape(&name, b.ptr, b.len);
			b = (struct evp_bytes){ name.buf, name.len };
		}
		rc = name.oom ? evp_fail_oom(err) : evp_regex_test(regex, b.ptr, b.len, err);
		(*hit)[i + 1] = rc > 0;
	}
	evp_str_release(&name);
	return rc < 0 ? rc : (*hit)[f->depth];
}

/* Clears keep[i] of the stacks that this filter leaves out. */
static int apply_filter(const struct evp_stack_filter *filter, const struct evp_bytes *stacks,
			size_t n, uint8_t *keep, struct evp_err *err)
{
	struct evp_frames frames = { 0 };
	uint8_t *hit = NULL;
	size_t cap = 0, i, common;
	int rc = 0;

	for (i = 0; i < n && rc >= 0; i++) {
		const struct evp_bytes *b = &stacks[i];

		if (!keep[i])
			continue;
		if (filter->frames) {
			common = evp_frames_next(&frames, b, &rc);
			rc = rc ? evp_fail_oom(err)
				: test_frames(&frames, common, filter->regex, &hit, &cap, err);
		} else {
			rc = evp_regex_test(filter->regex, b->ptr, b->len, err);
		}
		keep[i] = rc >= 0 && (rc > 0) != filter->negate;
	}
	evp_frames_release(&frames);
	free(hit);
	return rc < 0 ? rc : 0;
}

int evp_filter_stacks(const struct evp_query *q, const struct evp_bytes *stacks, size_t n,
		      uint8_t *keep, struct evp_err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < q->nfilters; i++)
		rc = apply_filter(&q->filters[i], stacks, n, keep, err);
	return rc;
}

int evp_filter_text(const struct evp_query *q, const struct evp_bytes *text, struct evp_err *err)
{
	size_t i;
	int rc = 1;

	for (i = 0; i < q->nfilters && rc == 1; i++) {
		if (q->filters[i].frames)
			continue;
		rc = evp_regex_test(q->filters[i].regex, text->ptr, text->len, err);
		if (rc >= 0)
			rc = rc != q->filters[i].negate;
	}
	return rc;
}

/* Which of the tree's names match. */
static int test_names(const struct evp_tree *t, struct evp_regex *regex, uint8_t *match,
		      struct evp_err *err)
{
	struct evp_str name = { 0 };
	size_t i;
	int rc = 0;

	for (i = 0; i < t->names.n && rc >= 0; i++) {
		evp_str_clear(&name);
		evp_unescape(&name, t->names.item[i].ptr, t->names.item[i].len);
		rc = name.oom ? evp_fail_oom(err) : evp_regex_test(regex, name.buf, name.len, err);
		match[i] = rc > 0;
	}
	evp_str_release(&name);
	return rc < 0 ? rc : 0;
}

int evp_filter_tree(const struct evp_query *q, const struct evp_tree *t, uint8_t *keep,
		    struct evp_err *err)
{
	uint8_t *match = calloc(t->names.n + 1, 1), *hit = calloc(t->n + 1, 1);
	size_t i, k;
	int rc = match && hit ? 0 : evp_fail_oom(err);

	for (i = 0; i < q->nfilters && !rc; i++) {
		if (!q->filters[i].frames)
			continue;
		rc = test_names(t, q->filters[i].regex, match, err);
		for (k = 1; k < t->n && !rc; k++)
			hit[k] = hit[t->parent[k]] || match[t->frame[k]];
		for (k = 0; k < t->n && !rc; k++)
			if (hit[k] == q->filters[i].negate)
				keep[k] = 0;
	}
	free(match);
	free(hit);
	return rc;
}
