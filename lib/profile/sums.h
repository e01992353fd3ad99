/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Flat and cumulative sums of a profile by any key of its nodes: a function, a function within a
 * group, a function as two profiles share it. evp_profile_rows is the everyday case.
 */
#ifndef EVP_PROFILE_SUMS_H
#define EVP_PROFILE_SUMS_H

#include "profile/profile.h"

#define EVP_NO_KEY UINT32_MAX

/*
 * key[node] is below nkeys, or EVP_NO_KEY for a node that counts nowhere (what is below it still
 * does). Adds, for one value type, to flat[key] what the key's nodes have themselves, and to
 * cum[key] what they have together with everything below them; a key that recurs on a path counts once.
 * Either array may be NULL. 0, or -ENOMEM.
 */
int evp_profile_sums(const struct evp_profile *p, size_t type, const uint32_t *key, size_t nkeys,
		     int64_t *flat, int64_t *cum, struct evp_err *err);

#endif
