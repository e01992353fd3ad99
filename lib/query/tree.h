/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stacks of an answer as one calling-context tree, made from stack dictionaries.
 *
 * A dictionary is sorted, so that the texts of one are the tree in preorder: what a text has in
 * common with the one before it is there already, and what it has not is new. No look-up is needed
 * and no text is kept; nodes come out in the order of stacks. Only a second dictionary, or one that
 * is out of order, needs a hash of children, made then.
 *
 * Invariants: node 0 is the root, without a frame; a parent's number is below its children's; two
 * children of a node never have the same frame.
 */
#ifndef EVP_QUERY_TREE_H
#define EVP_QUERY_TREE_H

#include "base/hash.h"
#include "query/frames.h"

struct evp_tree {
	struct evp_interner names; /* frame id -> text, escaped */
	uint32_t *parent, *frame;  /* by node */
	size_t n, cparent, cframe;
	bool disordered; /* numbers are not in the order of stacks: evp_tree_rank() */

	struct evp_frames frames; /* of the last text; node[i]: its first i frames */
	uint32_t *node;
	size_t cnode;
	bool mapped;		 /* `children` has every node */
	struct evp_map children; /* parent << 32 | frame -> node */
};

/* A zeroed struct is good for evp_tree_begin, before the first text of each dictionary. */
int evp_tree_begin(struct evp_tree *t);
/* The node of a folded text. */
int evp_tree_add(struct evp_tree *t, const struct evp_bytes *text, uint32_t *ret_node);
void evp_tree_release(struct evp_tree *t);

/*
 * The place of every node in the order of stacks: preorder, the children of a node by the bytes of
 * their names. *ret_rank is the caller's, n of them. Without t->disordered it is the number itself.
 */
int evp_tree_rank(const struct evp_tree *t, uint32_t **ret_rank);

static inline const struct evp_bytes *evp_tree_name(const struct evp_tree *t, uint32_t node)
{
	return &t->names.item[t->frame[node]];
}

#endif
