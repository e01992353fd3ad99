/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The factor between two sides of a count table; what it means and why it is found this way is
 * told in stats.h under "Normalisation".
 */
#ifndef EVP_DIFF_FACTOR_H
#define EVP_DIFF_FACTOR_H

#include "diff/stats.h"

struct evp_diff_factor {
	double s; /* new/base expected of a row that did not change */
	enum evp_diff_norm norm;
	bool *in_reference; /* by row; the caller's array of n */
	size_t rows;	    /* in the reference, of those with samples */
	double samples;	    /* of both sides, in the reference */
};

/*
 * in: f->in_reference. 0, or -ENOMEM. With an empty side, or EVP_NORM_NONE, s is 1 and the
 * reference is empty.
 */
int evp_diff_factor(struct evp_diff_factor *f, const struct evp_diff_counts *row, size_t n,
		    const struct evp_diff_opts *opts);

#endif
