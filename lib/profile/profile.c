// SPDX-License-Identifier: GPL-2.0-or-later
#include "profile/profile_private.h"

#include <stdlib.h>
#include <string.h>

int evp_profile_new(struct evp_profile **ret_p, const struct evp_profile_opts *opts,
		    struct evp_err *err)
{
	struct evp_profile *p = calloc(1, sizeof(*p));
	struct evp_profile_private *v = calloc(1, sizeof(*v));
	uint32_t none;
	size_t i;

	if (!p || !v) {
		free(p);
		free(v);
		return evp_fail_oom(err);
	}
	p->priv = v;
	p->samples_type = p->value_type = SIZE_MAX;
	p->from_ns = INT64_MAX;
	p->to_ns = INT64_MIN;
	evp_profile_begin_stream(p);
	v->flags = opts->flags;
	v->by = calloc(opts->nby + 1, sizeof(*v->by));
	if (!v->by || evp_intern(&p->strings, "", 0, &none) ||
	    evp_grow(&p->parent, &v->parent_cap, 1, sizeof(*p->parent)) ||
	    evp_grow(&p->frame, &v->frame_cap, 1, sizeof(*p->frame)))
		goto oom;
	for (i = 0; i < opts->nby; i++)
		if (!(v->by[v->nby++] = strdup(opts->by[i])))
			goto oom;
	if (opts->event && !(v->wanted_event = strdup(opts->event)))
		goto oom;
	if (opts->value && !(v->wanted_value = strdup(opts->value)))
		goto oom;
	p->parent[0] = p->frame[0] = 0;
	p->nnodes = 1;
	*ret_p = p;
	return 0;
oom:
	evp_profile_free(p);
	return evp_fail_oom(err);
}

void evp_profile_free(struct evp_profile *p)
{
	struct evp_profile_private *v;
	size_t i;

	if (!p)
		return;
	v = p->priv;
	for (i = 0; i < v->nby; i++)
		free(v->by[i]);
	free(v->by);
	free(v->wanted_event);
	free(v->wanted_value);
	evp_interner_release(&v->frame_keys);
	free(v->plain.frame);
	free(v->other.frame);
	free(v->children);
	evp_str_release(&v->text);
	evp_profile_memo_release(&v->memo);
	free(v);
	for (i = 0; i < p->ntypes; i++) {
		free(p->types[i].type);
		free(p->types[i].unit);
	}
	free(p->event);
	evp_interner_release(&p->strings);
	free(p->frames);
	free(p->parent);
	free(p->frame);
	free(p->self);
	free(p);
}

/* ---- the tree ---- */

int evp_profile_string(struct evp_profile *p, const void *bytes, size_t len, uint32_t *ret_id)
{
	return evp_intern(&p->strings, bytes, len, ret_id);
}

static int add_new_frame(struct evp_profile *p, const struct evp_frame *f)
{
	if (p->nframes >= UINT32_MAX - 1 ||
	    evp_grow(&p->frames, &p->priv->frames_cap, p->nframes + 1, sizeof(*p->frames)))
		return -ENOMEM;
	p->frames[p->nframes++] = *f;
	return 0;
}

/*
 * A table of frame numbers (+ 1, 0 none) by the number of a key. Folded by function, nearly every
 * frame is but a name, and the name's number is its key: found without hashing.
 */
static uint32_t *numbered(struct frame_numbers *t, size_t key)
{
	size_t before = t->n;

	if (key >= t->n) {
		if (evp_grow(&t->frame, &t->cap, key + 1, sizeof(*t->frame)))
			return NULL;
		t->n = key + 1;
		memset(t->frame + before, 0, (t->n - before) * sizeof(*t->frame));
	}
	return &t->frame[key];
}

int evp_profile_frame_id(struct evp_profile *p, const struct evp_frame *f, uint32_t *ret_id)
{
	const struct evp_frame plain = { .name = f->name };
	struct evp_profile_private *v = p->priv;
	uint32_t key = f->name, *at;
	bool is_plain = !memcmp(f, &plain, sizeof(plain));
	int rc = 0;

	if (!is_plain)
		rc = evp_intern(&v->frame_keys, f, sizeof(*f), &key);
	if (rc)
		return rc;
	at = numbered(is_plain ? &v->plain : &v->other, key);
	if (!at)
		return -ENOMEM;
	if (!*at) {
		rc = add_new_frame(p, f);
		if (rc)
			return rc;
		*at = (uint32_t)p->nframes;
	}
	*ret_id = *at - 1;
	return 0;
}

/* Where the child of (parent, frame) is in the table, or the free slot where it would go. */
static size_t find_child(const struct evp_profile *p, uint32_t parent, uint32_t frame)
{
	const struct evp_profile_private *v = p->priv;
	size_t at = evp_hash_u64((uint64_t)parent << 32 | frame) & (v->nchildren - 1);

	while (v->children[at] &&
	       (p->frame[v->children[at]] != frame || p->parent[v->children[at]] != parent))
		at = (at + 1) & (v->nchildren - 1);
	return at;
}

static int grow_children(struct evp_profile *p)
{
	struct evp_profile_private *v = p->priv;
	size_t n = v->nchildren ? v->nchildren * 2 : 256, i;
	uint32_t *slots;

	if (p->nnodes < v->nchildren / 2)
		return 0;
	slots = calloc(n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(v->children);
	v->children = slots;
	v->nchildren = n;
	for (i = 1; i < p->nnodes; i++)
		slots[find_child(p, p->parent[i], p->frame[i])] = (uint32_t)i;
	return 0;
}

int evp_profile_child_of(struct evp_profile *p, uint32_t parent, uint32_t frame, uint32_t *ret_node)
{
	struct evp_profile_private *v = p->priv;
	size_t at = (size_t)parent + 1;

	/* A stack's nodes were mostly made in one go: the likely child is the next number. */
	if (at < p->nnodes && p->parent[at] == parent && p->frame[at] == frame) {
		*ret_node = (uint32_t)at;
		return 0;
	}
	if (grow_children(p))
		return -ENOMEM;
	at = find_child(p, parent, frame);
	if (v->children[at]) {
		*ret_node = v->children[at];
		return 0;
	}
	if (p->nnodes >= CUT_BIT ||
	    evp_grow(&p->parent, &v->parent_cap, p->nnodes + 1, sizeof(*p->parent)) ||
	    evp_grow(&p->frame, &v->frame_cap, p->nnodes + 1, sizeof(*p->frame)) ||
	    evp_grow(&p->self, &v->self_cap, (p->nnodes + 1) * p->ntypes, sizeof(*p->self)))
		return -ENOMEM;
	p->parent[p->nnodes] = parent;
	p->frame[p->nnodes] = frame;
	memset(p->self + p->nnodes * p->ntypes, 0, p->ntypes * sizeof(*p->self));
	v->children[at] = *ret_node = (uint32_t)p->nnodes++;
	return 0;
}

int evp_profile_child(struct evp_profile *p, uint32_t parent, const struct evp_frame *f,
		      uint32_t *ret_node)
{
	uint32_t frame;
	int rc = evp_profile_frame_id(p, f, &frame);

	return rc ? rc : evp_profile_child_of(p, parent, frame, ret_node);
}

int evp_profile_declare(struct evp_profile *p, const char *event,
			const struct evp_profile_type *types, size_t ntypes, size_t samples_type,
			size_t value_type)
{
	size_t i;

	if (p->event || !ntypes || ntypes > EVP_MAX_TYPES)
		return -EINVAL;
	p->event = strdup(event);
	for (i = 0; i < ntypes; i++) {
		p->types[i].type = strdup(types[i].type);
		p->types[i].unit = strdup(types[i].unit);
		p->ntypes++;
		if (!p->types[i].type || !p->types[i].unit)
			return -ENOMEM;
	}
	if (!p->event || evp_grow(&p->self, &p->priv->self_cap, ntypes, sizeof(*p->self)))
		return -ENOMEM;
	memset(p->self, 0, ntypes * sizeof(*p->self));
	p->samples_type = samples_type;
	p->value_type = value_type;
	return 0;
}

/* While the sum of magnitudes fits, so does every sum of a part of it. */
int evp_profile_weigh(struct evp_profile *p, size_t type, int64_t value)
{
	int64_t *grand = &p->priv->grand[type];

	if (value == INT64_MIN || __builtin_add_overflow(*grand, llabs(value), grand))
		return -EOVERFLOW;
	return 0;
}

/* ---- questions ---- */

size_t evp_profile_type_index(const struct evp_profile *p, const char *name)
{
	const char *colon = strchr(name, ':');
	size_t len = colon ? (size_t)(colon - name) : strlen(name), i;

	for (i = 0; i < p->ntypes; i++)
		if (strlen(p->types[i].type) == len && !memcmp(p->types[i].type, name, len) &&
		    (!colon || !strcmp(p->types[i].unit, colon + 1)))
			return i;
	return SIZE_MAX;
}

size_t evp_profile_default_type(const struct evp_profile *p)
{
	if (p->samples_type != SIZE_MAX)
		return p->samples_type;
	return p->value_type != SIZE_MAX ? p->value_type : 0;
}
