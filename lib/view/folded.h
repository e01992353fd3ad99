/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folded text: one line a stack, root first, ';' between frames (escaped as base/text.h says), a
 * blank, the value. What flamegraph.pl, inferno and speedscope read.
 */
#ifndef EVP_VIEW_FOLDED_H
#define EVP_VIEW_FOLDED_H

#include "base/io.h"
#include "profile/profile.h"

enum {
	EVP_FOLDED_ANNOTATE = 1, /* _[k] kernel, _[j] JIT, _[i] inlined; wants EVP_PROFILE_KINDS */
	EVP_FOLDED_MODULES = 2,	 /* "module`function"; wants EVP_PROFILE_MODULES */
	EVP_FOLDED_LINES = 4,	 /* "function:line"; wants EVP_PROFILE_LINES */
};

/* The text of one frame, escaped. */
void evp_folded_frame_text(const struct evp_profile *p, const struct evp_frame *f,
			   unsigned int flags, struct evp_str *out);

/*
 * All stacks with a value of `type` other than 0, sorted by their text as LC_ALL=C sort would.
 * Errors of `out` stay in it (evp_out_finish tells).
 */
int evp_folded_write(const struct evp_profile *p, size_t type, unsigned int flags,
		     struct evp_out *out, struct evp_err *err);

#endif
