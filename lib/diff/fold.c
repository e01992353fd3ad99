// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "diff/fold.h"

struct fold {
	struct evp_interner
		stacks; /* folded text, a blank behind it: as in the line, for sorting */
	int64_t (*count)[2];
	size_t cap;
	struct evp_str path;
	size_t *len; /* of the path, by node: behind its frame */
};

static int add_stack(struct fold *f, int side, int64_t n)
{
	size_t before = f->stacks.n, end = f->path.len;
	uint32_t id;
	int rc;

	evp_str_putc(&f->path, ' ');
	if (f->path.oom)
		return -ENOMEM;
	rc = evp_intern(&f->stacks, f->path.buf, f->path.len, &id);
	f->path.len = end;
	if (!rc)
		rc = evp_grow(&f->count, &f->cap, f->stacks.n, sizeof(*f->count));
	if (rc)
		return rc;
	if (id == before)
		memset(f->count[id], 0, sizeof(f->count[id]));
	f->count[id][side] += n;
	return 0;
}

/* A preorder walk with one path that grows and is cut back. */
static int add_side(struct fold *f, const struct evp_profile *p, int side, size_t type,
		    struct evp_err *err)
{
	struct evp_profile_order o;
	int rc = evp_profile_order(p, type, &o, err);

	if (rc)
		return rc;
	f->len = calloc(p->nnodes + 1, sizeof(*f->len));
	rc = f->len ? 0 : -ENOMEM;
	for (size_t i = 0; !rc && i < o.n; i++) {
		uint32_t v = o.order[i];
		const struct evp_bytes *name = evp_profile_text(p, p->frames[p->frame[v]].name);
		int64_t self = p->self[v * p->ntypes + type];

		f->path.len = f->len[p->parent[v]];
		if (p->parent[v])
			evp_str_putc(&f->path, ';');
		evp_escape(&f->path, name->ptr, name->len);
		if (!name->len)
			evp_str_puts(&f->path, "[none]");
		f->len[v] = f->path.len;
		if (self)
			rc = add_stack(f, side, self);
	}
	free(f->len);
	evp_profile_order_release(&o);
	return rc ? evp_fail_oom(err) : 0;
}

static int compare_stacks(const void *a, const void *b, void *arg)
{
	const struct fold *f = arg;

	return evp_bytes_compare(&f->stacks.item[*(const size_t *)a],
				 &f->stacks.item[*(const size_t *)b]);
}

static int write_lines(const struct fold *f, struct evp_out *out, struct evp_err *err)
{
	size_t *order = calloc(f->stacks.n + 1, sizeof(*order));
	struct evp_str line = { 0 };
	int rc;

	if (!order)
		return evp_fail_oom(err);
	for (size_t i = 0; i < f->stacks.n; i++)
		order[i] = i;
	if (f->stacks.n)
		qsort_r(order, f->stacks.n, sizeof(*order), compare_stacks, (void *)f);
	for (size_t i = 0; i < f->stacks.n && !line.oom; i++) {
		const struct evp_bytes *text = &f->stacks.item[order[i]];

		evp_str_clear(&line);
		evp_str_add(&line, text->ptr, text->len);
		evp_str_i64(&line, f->count[order[i]][0]);
		evp_str_putc(&line, ' ');
		evp_str_i64(&line, f->count[order[i]][1]);
		evp_str_putc(&line, '\n');
		evp_out_write(out, line.buf, line.len);
	}
	rc = line.oom ? evp_fail_oom(err) : 0;
	free(order);
	evp_str_release(&line);
	return rc;
}

int evp_diff_fold(const struct evp_profile *const side[2], struct evp_out *out, struct evp_err *err)
{
	struct fold f = { 0 };
	int rc = 0;

	if (side[0]->event && side[1]->event && strcmp(side[0]->event, side[1]->event) != 0)
		return evp_fail(err, EINVAL, "the base is of event '%s', the new profile of '%s'",
				side[0]->event, side[1]->event);
	for (int s = 0; !rc && s < 2; s++) {
		if (side[s]->event)
			rc = add_side(&f, side[s], s, evp_profile_default_type(side[s]), err);
		evp_str_clear(&f.path);
	}
	if (!rc)
		rc = write_lines(&f, out, err);
	evp_interner_release(&f.stacks);
	evp_str_release(&f.path);
	free(f.count);
	return rc;
}
