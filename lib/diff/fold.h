/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two profiles as one text of stacks with two counts, "a;b 12 15": base, then new. What
 * difffolded.pl makes and flamegraph.pl draws as a differential flame graph; the counts are the
 * profiles' own, not scaled.
 */
#ifndef EVP_DIFF_FOLD_H
#define EVP_DIFF_FOLD_H

#include "base/io.h"
#include "profile/profile.h"

/*
 * Lines sorted as LC_ALL=C sort would, names escaped as in folded text. 0, -EINVAL for profiles of
 * different events, -ENOMEM. Errors of `out` stay in it.
 */
int evp_diff_fold(const struct evp_profile *const side[2], struct evp_out *out,
		  struct evp_err *err);

#endif
