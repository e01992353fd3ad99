/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One side of a diff: a stream, or what a store answers.
 */
#ifndef EVP_CMD_DIFF_SIDE_H
#define EVP_CMD_DIFF_SIDE_H

#include "profile/profile.h"

struct evp_side {
	struct evp_profile *profile; /* the caller's, made before */
	const char *name;	     /* for people; lives as long as the program */
	int64_t lost;
};

/* "-" is standard input. EVP_DONE, EVP_INCOMPLETE, EVP_TROUBLE; the latter two are said. */
int evp_side_stream(struct evp_side *s, const char *path);

/*
 * store: a directory, NULL the default one; matcher: NULL all of cpu; range: "FROM..TO", either end may be
 * missing, NULL all of time. As above; damaged segments make it EVP_INCOMPLETE.
 */
int evp_side_query(struct evp_side *s, const char *store, const char *matcher, const char *range);

#endif
