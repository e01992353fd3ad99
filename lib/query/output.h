/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the two ways to write a stream out of a store share: folded texts as stacks of the writer's
 * epoch. Private to the room. A zeroed struct with `w` set is ready.
 */
#ifndef EVP_QUERY_OUTPUT_H
#define EVP_QUERY_OUTPUT_H

#include "query/frames.h"
#include "query/query.h"

struct evp_output {
	struct evp_writer *w;
	struct evp_frames frames;
	struct evp_interner names; /* escaped frame texts of this epoch */
	uint32_t *location;	   /* of each */
	uint32_t *stack;	   /* of the first i frames of the current text; [0] is 0 */
	size_t clocation, cstack;
	struct evp_str text;
};

/* All return 0 or -errno. */

/* The location of one frame's text, escaped. `root`: it is a stack's first frame. */
int evp_output_location(struct evp_output *o, const struct evp_bytes *frame, bool root,
			uint32_t *ret_id);

/*
 * The stack of a folded text. Frames become locations without address (EVP_LOC_NONE, named by
 * text); a root frame "[cut:why]" becomes the cut that it was. Each text should be near the one
 * before it.
 */
int evp_output_stack(struct evp_output *o, const struct evp_bytes *text, uint32_t *ret_stack);

/*
 * Starts a new epoch when the tables are nearly full; every id but the event's is void then. The
 * answer to a query is no recording: its samples are not in the order of time, so that the hour
 * that evp_writer_epoch_due also looks at would only define the same stacks over and over.
 */
int evp_output_epoch(struct evp_output *o, bool *ret_new);

int evp_output_event(struct evp_output *o, const struct evp_query_info *info, uint32_t *ret_event);
int evp_output_label(struct evp_output *o, const char *key, size_t key_len,
		     const struct evp_bytes *value, struct evp_label *ret_label);
int evp_output_loss(struct evp_output *o, const struct evp_query_info *info, uint32_t event);

void evp_output_release(struct evp_output *o);

#endif
