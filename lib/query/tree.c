// SPDX-License-Identifier: GPL-2.0-or-later
#include "query/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int map_children(struct evp_tree *t)
{
	uint64_t *at;
	size_t i;

	if (t->mapped)
		return 0;
	t->mapped = true;
	for (i = 1; i < t->n; i++) {
		at = evp_map_at(&t->children, (uint64_t)t->parent[i] << 32 | t->frame[i], NULL);
		if (!at)
			return -ENOMEM;
		*at = i;
	}
	return 0;
}

int evp_tree_begin(struct evp_tree *t)
{
	evp_frames_forget(&t->frames);
	if (t->n) {
		t->disordered = true;
		return map_children(t);
	}
	if (evp_grow(&t->parent, &t->cparent, 1, sizeof(*t->parent)) ||
	    evp_grow(&t->frame, &t->cframe, 1, sizeof(*t->frame)) ||
	    evp_grow(&t->node, &t->cnode, 1, sizeof(*t->node)))
		return -ENOMEM;
	t->parent[0] = t->frame[0] = t->node[0] = 0;
	t->n = 1;
	return 0;
}

void evp_tree_release(struct evp_tree *t)
{
	evp_interner_release(&t->names);
	evp_frames_release(&t->frames);
	evp_map_release(&t->children);
	free(t->parent);
	free(t->frame);
	free(t->node);
	*t = (struct evp_tree){ 0 };
}

static int new_node(struct evp_tree *t, uint32_t parent, uint32_t frame, uint32_t *ret_node)
{
	if (t->n >= UINT32_MAX - 1)
		return -E2BIG;
	if (evp_grow(&t->parent, &t->cparent, t->n + 1, sizeof(*t->parent)) ||
	    evp_grow(&t->frame, &t->cframe, t->n + 1, sizeof(*t->frame)))
		return -ENOMEM;
	t->parent[t->n] = parent;
	t->frame[t->n] = frame;
	*ret_node = (uint32_t)t->n++;
	return 0;
}

static int child(struct evp_tree *t, uint32_t parent, struct evp_bytes name, uint32_t *ret_node)
{
	uint32_t frame;
	uint64_t *at;
	int rc = evp_intern(&t->names, name.ptr, name.len, &frame), fresh;

	if (rc)
		return rc;
	if (!t->mapped)
		return new_node(t, parent, frame, ret_node);
	at = evp_map_at(&t->children, (uint64_t)parent << 32 | frame, &fresh);
	if (!at)
		return -ENOMEM;
	if (fresh) {
		*at = t->n;
		return new_node(t, parent, frame, ret_node);
	}
	*ret_node = (uint32_t)*at;
	return 0;
}

static int compare(struct evp_bytes a, const struct evp_bytes *b)
{
	int c = memcmp(a.ptr, b->ptr, a.len < b->len ? a.len : b->len);

	return c ? c : (a.len > b->len) - (a.len < b->len);
}

/*
 * Does the current text, which shares `common` frames with the one before it, come behind that?
 * t->node still has the old one's nodes.
 */
static bool rises(const struct evp_tree *t, size_t common, size_t old_depth)
{
	if (common == old_depth)
		return true;
	if (common == t->frames.depth)
		return false;
	return compare(evp_frames_get(&t->frames, common), evp_tree_name(t, t->node[common + 1])) >
	       0;
}

int evp_tree_add(struct evp_tree *t, const struct evp_bytes *text, uint32_t *ret_node)
{
	size_t old_depth = t->frames.depth, i;
	int rc;

	i = evp_frames_next(&t->frames, text, &rc);
	if (rc || evp_grow(&t->node, &t->cnode, t->frames.depth + 1, sizeof(*t->node)))
		return -ENOMEM;
	if (!t->mapped && !rises(t, i, old_depth)) {
		t->disordered = true;
		rc = map_children(t);
	}
	for (; i < t->frames.depth && !rc; i++)
		rc = child(t, t->node[i], evp_frames_get(&t->frames, i), &t->node[i + 1]);
	*ret_node = t->node[t->frames.depth];
	return rc;
}

/* ---- the order of stacks ---- */

static int compare_names(const void *va, const void *vb)
{
	const struct evp_bytes *const *a = va, *const *b = vb;

	return compare(**a, *b);
}

/* The place of each name among all of them. */
static int rank_names(const struct evp_tree *t, uint32_t *rank)
{
	const struct evp_bytes **order = malloc((t->names.n + 1) * sizeof(*order));
	size_t i;

	if (!order)
		return -ENOMEM;
	for (i = 0; i < t->names.n; i++)
		order[i] = &t->names.item[i];
	qsort(order, t->names.n, sizeof(*order), compare_names);
	for (i = 0; i < t->names.n; i++)
		rank[order[i] - t->names.item] = (uint32_t)i;
	free(order);
	return 0;
}

/* Chains each node's children in the order of their names: first[node], next[child]; 0 ends. */
static int chain_children(const struct evp_tree *t, const uint32_t *name_rank, uint32_t *first,
			  uint32_t *next)
{
	uint32_t *start = calloc(t->names.n + 1, sizeof(*start)), *order;
	size_t i;

	order = malloc(t->n * sizeof(*order));
	if (!start || !order) {
		free(start);
		free(order);
		return -ENOMEM;
	}
	for (i = 1; i < t->n; i++)
		start[name_rank[t->frame[i]] + 1]++;
	for (i = 1; i <= t->names.n; i++)
		start[i] += start[i - 1];
	for (i = 1; i < t->n; i++)
		order[start[name_rank[t->frame[i]]]++] = (uint32_t)i;
	/* From the last name on, each goes in front of its siblings. */
	for (i = t->n - 1; i-- > 0;) {
		uint32_t node = order[i];

		next[node] = first[t->parent[node]];
		first[t->parent[node]] = node;
	}
	free(start);
	free(order);
	return 0;
}

static void preorder(const struct evp_tree *t, const uint32_t *first, const uint32_t *next,
		     uint32_t *rank)
{
	uint32_t node = 0, at = 0;

	for (;;) {
		rank[node] = at++;
		if (first[node]) {
			node = first[node];
			continue;
		}
		while (node && !next[node])
			node = t->parent[node];
		if (!node)
			return;
		node = next[node];
	}
}

int evp_tree_rank(const struct evp_tree *t, uint32_t **ret_rank)
{
	uint32_t *rank = calloc(t->n + 1, sizeof(*rank));
	uint32_t *name_rank = calloc(t->names.n + 1, sizeof(*name_rank));
	uint32_t *first = calloc(t->n + 1, sizeof(*first)), *next = calloc(t->n + 1, sizeof(*next));
	int rc = -ENOMEM;

	if (rank && name_rank && first && next && t->n) {
		rc = rank_names(t, name_rank);
		if (!rc)
			rc = chain_children(t, name_rank, first, next);
		if (!rc)
			preorder(t, first, next, rank);
	}
	free(name_rank);
	free(first);
	free(next);
	if (rc)
		free(rank);
	else
		*ret_rank = rank;
	return rc;
}
