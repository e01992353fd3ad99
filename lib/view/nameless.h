/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Code without symbols, for people: its addresses are no functions, and a thousand of them side by
 * side hide that they are one library. Here they become one frame a module, "[libc.so.6]". Those
 * of no known module stay as they are, and so does everything in evp-fold.
 */
#ifndef EVP_VIEW_NAMELESS_H
#define EVP_VIEW_NAMELESS_H

#include "profile/profile.h"

/* A new profile, the caller's. 0 or -errno. */
int evp_profile_join_nameless(struct evp_profile **ret_p, const struct evp_profile *p,
			      struct evp_err *err);

#endif
