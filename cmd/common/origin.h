/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams read into what a viewer shows, and the view that two programs have. */
#ifndef EVP_CMD_COMMON_ORIGIN_H
#define EVP_CMD_COMMON_ORIGIN_H

#include "view/origin.h"
#include "view/top.h"

/*
 * For evp_each_input, with a struct evp_origin: reads the stream behind fd, says what is wrong
 * with it. The exit status: EVP_DONE, EVP_INCOMPLETE when cut or damaged, EVP_TROUBLE.
 */
int evp_origin_add(int fd, const char *name, void *origin);

/* evp-top's table to an output of its own; t->style is set here. The worse of `status` and its own. */
int evp_output_top(const struct evp_origin *s, struct evp_top_opts *t, const char *path,
		   int status);

#endif
