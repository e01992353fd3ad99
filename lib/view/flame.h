/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evp-flame: a profile as one HTML page that needs nothing else, no network least of all.
 *
 * The page holds every frame, packed (flame_pack.c), a canvas that draws those wider than half a
 * pixel (flame.js), and a table of the top functions for those without script or eyes. Names are
 * hostile: in markup they are escaped, in the packed data they are never markup, and the page's own
 * content policy forbids it to load or to send anything. Same profile, same bytes.
 */
#ifndef EVP_VIEW_FLAME_H
#define EVP_VIEW_FLAME_H

#include "base/io.h"
#include "view/origin.h"

struct evp_flame_opts {
	const char *title; /* NULL: made from the event */
	const char *value; /* value type; NULL: samples where there are such */
};

/* 0 or -errno. */
int evp_flame(const struct evp_origin *s, const struct evp_flame_opts *o, struct evp_out *out,
	      struct evp_err *err);

/* The columns of `p`, compressed, as base64 text appended to ret_text. 0 or -errno. */
int evp_flame_pack(const struct evp_profile *p, size_t type, struct evp_str *ret_text,
		   struct evp_err *err);

#endif
