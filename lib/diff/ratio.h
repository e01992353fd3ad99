/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two counts compared: a test of, and an interval for, the ratio new/base of their means.
 *
 * Conditional on x + y the new count y is binomial; the Jeffreys posterior of its share is
 * Beta(y + 1/2, x + 1/2). Its quantiles are the interval and its tail at the expected share is half
 * the p value (as the mid-p binomial test, but for real counts, which dispersed ones are). Large
 * counts take the normal limit on the logarithm of the ratio. A count of 0 gets a one-sided
 * interval.
 */
#ifndef EVP_DIFF_RATIO_H
#define EVP_DIFF_RATIO_H

struct evp_ratio {
	double p;	  /* two-sided, of ratio = expected */
	double low, high; /* 95 % interval of ratio / expected; low 0 for y = 0, high infinite for x
			     = 0 */
};

/* Counts x (base) and y (new), >= 0, not both 0; expected > 0. */
struct evp_ratio evp_ratio_test(double x, double y, double expected);

#endif
