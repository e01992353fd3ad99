/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folded stack texts ("root;...;leaf", evp-store(5) "ESCAPES") as stacks of a writer.
 *
 * Every distinct frame and every shared prefix is parsed and named once: texts become nodes of a
 * tree, nodes become stacks of the writer's current epoch when they are first asked for. The marks
 * of `evp-fold -a` are understood: "_[k]" a kernel frame, "_[j]" JIT code, "_[i]" inlined into the
 * frame before it (both are one location then). "[cut:REASON]" is a cut again.
 *
 * A zeroed struct is empty. Errors are -errno: ENOMEM, E2BIG (2^32 nodes), or the writer's.
 */
#ifndef EVP_FORMAT_STACKTEXT_H
#define EVP_FORMAT_STACKTEXT_H

#include "base/hash.h"
#include "stream/writer.h"

struct evp_stacktext {
	struct evp_interner frames; /* text of a frame with what was inlined into it */
	struct evp_map children;    /* parent node << 32 | frame -> node */
	struct evp_stacktext_node {
		uint32_t parent, frame;
		uint32_t stack, epoch; /* the writer's id, good in this epoch */
	} * node;		       /* 0: the empty stack */
	struct evp_stacktext_memo {
		uint32_t location, epoch;
	} * memo; /* by frame */
	size_t nnodes, cnodes, cmemo;
	uint32_t epoch;
	struct evp_str scratch;
	uint32_t *path;
	size_t cpath;
};

/* Frames in a text. */
size_t evp_stacktext_depth(const char *text, size_t len);

/* The node of this text; good until reset. */
int evp_stacktext_node(struct evp_stacktext *t, const char *text, size_t len, uint32_t *ret_node);
/* The node's stack in the writer's current epoch. */
int evp_stacktext_stack(struct evp_stacktext *t, struct evp_writer *w, uint32_t node,
			uint32_t *ret_stack);
/* The writer has started a new epoch. */
void evp_stacktext_epoch(struct evp_stacktext *t);
/* Roughly what it holds, and dropping it all (nodes too). */
size_t evp_stacktext_bytes(const struct evp_stacktext *t);
void evp_stacktext_reset(struct evp_stacktext *t);

#endif
