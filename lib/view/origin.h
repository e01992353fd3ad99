/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a viewer shows: a profile and what is known about where it came from.
 */
#ifndef EVP_VIEW_ORIGIN_H
#define EVP_VIEW_ORIGIN_H

#include "profile/profile.h"

/* `profile` is the caller's, from evp_profile_new; the rest starts zeroed. */
struct evp_origin {
	struct evp_profile *profile;
	struct evp_interner nodes;  /* names of the hosts that samples came from */
	struct evp_interner events; /* of any loss record, and how much: lost[id] */
	int64_t *lost;
	size_t clost;
	uint64_t epochs;
	bool symbolized; /* names were looked for already, or are all that a store has */
};

/* Everything up to the reader's end. 0, or -errno; damage is the reader's to tell. */
int evp_origin_read(struct evp_origin *s, struct evp_reader *r, struct evp_err *err);
/* Samples of the profile's event that the streams report as lost. */
int64_t evp_origin_lost(const struct evp_origin *s);
/*
 * After the last read: puts the loss of the profile's event into profile->lost_samples, and a
 * profile in `profile`'s place whose code without symbols is joined (view/nameless.h). 0 or -errno.
 */
int evp_origin_finish(struct evp_origin *s, struct evp_err *err);
void evp_origin_release(struct evp_origin *s); /* the profile stays */

/* "host1", "host1, host2", "host1 and 12 more"; nothing where no node is known. */
void evp_origin_nodes(const struct evp_origin *s, struct evp_str *out);

#endif
