/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a viewer shows: a profile and what is known about where it came from.
 */
#ifndef EVP_VIEW_SOURCE_H
#define EVP_VIEW_SOURCE_H

#include "profile/profile.h"

/* `profile` is the caller's, from evp_profile_new; the rest starts zeroed. */
struct evp_source {
	struct evp_profile *profile;
	struct evp_interner nodes;  /* names of the hosts that samples came from */
	struct evp_interner events; /* of any loss record, and how much: lost[id] */
	int64_t *lost;
	size_t clost;
	uint64_t epochs;
};

/* Everything up to the reader's end. 0, or -errno; damage is the reader's to tell. */
int evp_source_read(struct evp_source *s, struct evp_reader *r, struct evp_err *err);
/* After the last read: puts the loss of the profile's event into profile->lost_samples. */
void evp_source_finish(struct evp_source *s);
void evp_source_release(struct evp_source *s); /* the profile stays */

/* "host1", "host1, host2", "host1 and 12 more"; nothing where no node is known. */
void evp_source_nodes(const struct evp_source *s, struct evp_str *out);

#endif
