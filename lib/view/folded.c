// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/folded.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void evp_folded_frame_text(const struct evp_profile *p, const struct evp_frame *f,
			   unsigned int flags, struct evp_str *out)
{
	const struct evp_bytes *name = evp_profile_text(p, f->name);
	const struct evp_bytes *module = evp_profile_text(p, f->module);

	/* A nameless frame shows its module already. */
	if ((flags & EVP_FOLDED_MODULES) && module->len && !f->nameless) {
		evp_escape(out, module->ptr, module->len);
		evp_str_putc(out, '`');
	}
	evp_escape(out, name->ptr, name->len);
	if (!name->len)
		evp_str_puts(out, "[none]");
	if ((flags & EVP_FOLDED_LINES) && f->line)
		evp_str_printf(out, ":%d", f->line);
	if (!(flags & EVP_FOLDED_ANNOTATE))
		return;
	if (f->kind == EVP_LOC_KERNEL || f->kind == EVP_LOC_MODULE || f->kind == EVP_LOC_BPF)
		evp_str_puts(out, "_[k]");
	else if (f->kind == EVP_LOC_JIT)
		evp_str_puts(out, "_[j]");
	else if (f->inlined)
		evp_str_puts(out, "_[i]");
}

/*
 * A node is written as a line of its own ("a;b 5") and as the beginning of the lines below it
 * ("a;b;"). In sorted text the two need not be neighbours ("a;b 5", "a;b-c 1", "a;b;d 2"), so each
 * frame gets two ranks: that of its text with a blank behind it, and with a ';'.
 */
struct entry {
	uint32_t rank, node;
	uint32_t path_len; /* of the text in front of it */
	bool line;
};

struct folder {
	const struct evp_profile *p;
	size_t type;
	struct evp_bytes *text; /* by frame */
	uint32_t *line_rank, *tree_rank;
	struct evp_arena arena;
	uint32_t *first, *next; /* children of a node, as lists */
	bool *lines_below;	/* whether any line goes on below the node */
};

struct key {
	const struct evp_bytes *text;
	uint32_t frame;
	char behind;
};

static int compare_keys(const void *va, const void *vb)
{
	const struct key *a = va, *b = vb;
	size_t n = a->text->len < b->text->len ? a->text->len : b->text->len;
	int c = n ? memcmp(a->text->ptr, b->text->ptr, n) : 0;

	if (c)
		return c;
	return (a->text->len == n ? (unsigned char)a->behind : (unsigned char)a->text->ptr[n]) -
	       (b->text->len == n ? (unsigned char)b->behind : (unsigned char)b->text->ptr[n]);
}

static int rank_texts(struct folder *f)
{
	size_t n = f->p->nframes, i;
	struct key *keys = calloc(2 * n + 1, sizeof(*keys));

	f->line_rank = calloc(n + 1, sizeof(*f->line_rank));
	f->tree_rank = calloc(n + 1, sizeof(*f->tree_rank));
	if (!keys || !f->line_rank || !f->tree_rank) {
		free(keys);
		return -ENOMEM;
	}
	for (i = 0; i < n; i++) {
		keys[2 * i] = (struct key){ &f->text[i], (uint32_t)i, ' ' };
		keys[2 * i + 1] = (struct key){ &f->text[i], (uint32_t)i, ';' };
	}
	qsort(keys, 2 * n, sizeof(*keys), compare_keys);
	for (i = 0; i < 2 * n; i++)
		(keys[i].behind == ' ' ? f->line_rank : f->tree_rank)[keys[i].frame] = (uint32_t)i;
	free(keys);
	return 0;
}

static int render_texts(struct folder *f, unsigned int flags)
{
	struct evp_str s = { 0 };
	size_t i;

	f->text = calloc(f->p->nframes + 1, sizeof(*f->text));
	if (!f->text)
		return -ENOMEM;
	for (i = 0; i < f->p->nframes; i++) {
		evp_str_clear(&s);
		evp_folded_frame_text(f->p, &f->p->frames[i], flags, &s);
		f->text[i].len = s.len;
		f->text[i].ptr = s.oom ? NULL : evp_arena_dup(&f->arena, s.buf, s.len);
		if (!f->text[i].ptr) {
			evp_str_release(&s);
			return -ENOMEM;
		}
	}
	evp_str_release(&s);
	return 0;
}

static int text_frame(void *arg, struct evp_profile *to, const struct evp_profile *from,
		      uint32_t frame, struct evp_frame *ret_f)
{
	const struct evp_bytes *text = &((const struct folder *)arg)->text[frame];

	(void)from;
	*ret_f = (struct evp_frame){ 0 };
	return evp_profile_string(to, text->ptr, text->len, &ret_f->name);
}

/*
 * What tells frames apart need not show: a kernel function and a module's of one name are both
 * "f_[k]". Such frames become one, in *ret_p; NULL: there are none. Texts stay by frame.
 */
static int join_same_texts(struct folder *f, struct evp_profile **ret_p, struct evp_err *err)
{
	struct evp_interner seen[2] = { 0 }; /* labels never stand beside functions */
	struct evp_profile *p = NULL;
	uint32_t id;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < f->p->nframes; i++)
		rc = evp_intern(&seen[f->p->frames[i].kind == EVP_FRAME_LABEL], f->text[i].ptr,
				f->text[i].len, &id);
	if (!rc && seen[0].n + seen[1].n < f->p->nframes)
		rc = evp_profile_regroup(&p, f->p, text_frame, f, err);
	evp_interner_release(&seen[0]);
	evp_interner_release(&seen[1]);
	for (i = 0; p && i < p->nframes; i++)
		f->text[i] = *evp_profile_text(p, p->frames[i].name);
	f->p = p ? p : f->p;
	*ret_p = p;
	return rc;
}

static bool has_line(const struct folder *f, uint32_t node)
{
	return f->p->self[node * f->p->ntypes + f->type] != 0;
}

static int link_children(struct folder *f)
{
	const struct evp_profile *p = f->p;
	uint32_t i;

	f->first = calloc(p->nnodes, sizeof(*f->first));
	f->next = calloc(p->nnodes, sizeof(*f->next));
	f->lines_below = calloc(p->nnodes, sizeof(*f->lines_below));
	if (!f->first || !f->next || !f->lines_below)
		return -ENOMEM;
	for (i = (uint32_t)p->nnodes; i-- > 1;) {
		f->next[i] = f->first[p->parent[i]];
		f->first[p->parent[i]] = i;
		if (f->lines_below[i] || has_line(f, i))
			f->lines_below[p->parent[i]] = true;
	}
	return 0;
}

static int compare_entries(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

/* Children were often made in order: looking is cheaper than sorting. */
static void sort_entries(struct entry *e, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++)
		if (compare_entries(&e[i - 1], &e[i]) > 0) {
			qsort(e, n, sizeof(*e), compare_entries);
			return;
		}
}

/* The walk's stack: entries still to do. */
struct todo {
	struct entry *entry;
	size_t n, cap;
};

/* Pushes the children of a node so that the first in order is popped first. */
static int push_children(struct folder *f, uint32_t node, uint32_t path_len, struct todo *todo)
{
	size_t from = todo->n, i, j;
	uint32_t c;

	for (c = f->first[node]; c; c = f->next[c]) {
		uint32_t frame = f->p->frame[c];

		if (evp_grow(&todo->entry, &todo->cap, todo->n + 2, sizeof(*todo->entry)))
			return -ENOMEM;
		if (has_line(f, c))
			todo->entry[todo->n++] = (struct entry){ f->line_rank[frame], c, path_len,
								 true };
		if (f->lines_below[c])
			todo->entry[todo->n++] = (struct entry){ f->tree_rank[frame], c, path_len,
								 false };
	}
	sort_entries(todo->entry + from, todo->n - from);
	for (i = from, j = todo->n; i + 1 < j; i++) {
		struct entry swap = todo->entry[i];

		todo->entry[i] = todo->entry[--j];
		todo->entry[j] = swap;
	}
	return 0;
}

static int walk(struct folder *f, struct evp_out *out)
{
	const struct evp_profile *p = f->p;
	struct evp_str path = { 0 };
	struct todo todo = { 0 };
	int rc = push_children(f, 0, 0, &todo);

	while (!rc && todo.n && !path.oom && !out->error) {
		struct entry e = todo.entry[--todo.n];
		const struct evp_bytes *text = &f->text[p->frame[e.node]];

		path.len = e.path_len;
		evp_str_add(&path, text->ptr, text->len);
		if (e.line) {
			evp_str_putc(&path, ' ');
			evp_str_i64(&path, p->self[e.node * p->ntypes + f->type]);
			evp_str_putc(&path, '\n');
			evp_out_write(out, path.buf, path.len);
			continue;
		}
		evp_str_putc(&path, ';');
		rc = path.len < UINT32_MAX / 2 ? push_children(f, e.node, (uint32_t)path.len, &todo)
					       : -E2BIG;
	}
	if (path.oom)
		rc = -ENOMEM;
	free(todo.entry);
	evp_str_release(&path);
	return rc;
}

int evp_folded_write(const struct evp_profile *p, size_t type, unsigned int flags,
		     struct evp_out *out, struct evp_err *err)
{
	struct folder f = { .p = p, .type = type };
	struct evp_profile *joined = NULL;
	int rc = 0;

	if (p->nnodes > 1) {
		rc = render_texts(&f, flags);
		if (!rc)
			rc = join_same_texts(&f, &joined, err);
		if (!rc)
			rc = rank_texts(&f);
		if (!rc)
			rc = link_children(&f);
		if (!rc)
			rc = walk(&f, out);
	}
	free(f.text);
	free(f.line_rank);
	free(f.tree_rank);
	free(f.first);
	free(f.next);
	free(f.lines_below);
	evp_arena_release(&f.arena);
	evp_profile_free(joined);
	return rc ? evp_fail_errno(err, -rc, "cannot fold the profile") : 0;
}
