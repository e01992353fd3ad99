/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folded texts, one after another, as frames: what each has in common with the one before it is
 * not split again. In a sorted table of stacks that is most of the work saved.
 *
 *	while (more texts)
 *		common = evp_frames_next(&f, &text, &rc);
 *		frames common .. f.depth are new: evp_frames_get(&f, i)
 */
#ifndef EVP_QUERY_FRAMES_H
#define EVP_QUERY_FRAMES_H

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

struct evp_frames {
	struct evp_str text; /* the last one, a copy */
	size_t *end;	     /* offset behind each frame */
	size_t depth, cap;
};

/*
 * Splits `text` (frames escaped, ';' between); an empty one has no frames. Returns how many of the
 * first frames it shares with the text before. *ret_rc is -ENOMEM when there is no memory, else 0.
 * What lies deeper than EVP_MAX_DEPTH is left out.
 */
size_t evp_frames_next(struct evp_frames *f, const struct evp_bytes *text, int *ret_rc);

static inline struct evp_bytes evp_frames_get(const struct evp_frames *f, size_t i)
{
	size_t start = i ? f->end[i - 1] + 1 : 0;

	return (struct evp_bytes){ f->text.buf + start, f->end[i] - start };
}

/* A root frame "[cut:why]": what a store's text makes of a cut location. */
static inline bool evp_frame_is_cut(const struct evp_bytes *b)
{
	return b->len > 6 && !memcmp(b->ptr, "[cut:", 5) && b->ptr[b->len - 1] == ']';
}

void evp_frames_forget(struct evp_frames *f); /* the next text shares nothing */
void evp_frames_release(struct evp_frames *f);

#endif
