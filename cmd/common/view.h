/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What evp-top, evp-flame and evp-diff do alike: a list of labels, streams read into a profile.
 */
#ifndef EVP_CMD_COMMON_VIEW_H
#define EVP_CMD_COMMON_VIEW_H

#include "view/origin.h"

/* "a,b" in parts; lives as long as the program. */
struct evp_labels {
	const char **name;
	size_t n;
};

/* 0, or EVP_TROUBLE (said) for what is no label's name. NULL and "" give an empty list. */
int evp_labels_split(struct evp_labels *l, const char *option, const char *text);

/*
 * For evp_each_input, with a struct evp_origin: reads the stream behind fd, says what is wrong
 * with it. The exit status: EVP_DONE, EVP_INCOMPLETE when cut or damaged, EVP_TROUBLE.
 */
int evp_origin_add(int fd, const char *name, void *origin);

/* An origin whose inputs may be folded text too, its first frames being these labels. */
struct evp_any {
	struct evp_origin origin;
	struct evp_labels by;
};

/* For evp_each_input, with a struct evp_any: as evp_origin_add, of a stream or of folded text. */
int evp_any_add(int fd, const char *name, void *any);

#endif
