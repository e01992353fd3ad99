// SPDX-License-Identifier: GPL-2.0-or-later
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>
#include <math.h>

#include "diff/ratio.h"

#define TAIL   0.025
#define Z_TAIL 1.959963985
#define NORMAL 1000.0 /* both counts from here on: the normal limit is good to three digits */
#define MANY   1e5    /* beside a small count a larger one than this adds no information */

static double share_of(double t)
{
	return 1 / (1 + exp(-t));
}

/* log(odds) at which the Beta(a, b) distribution reaches `p`: Newton's steps kept in a bracket. */
static double log_odds_at(double p, double a, double b, double z)
{
	double t = log(a / b) + z * sqrt(1 / a + 1 / b), low = -50, high = 50;

	for (int i = 0; i < 100; i++) {
		double x = share_of(t), d = gsl_cdf_beta_P(x, a, b) - p;
		double slope = gsl_ran_beta_pdf(x, a, b) * x * (1 - x), next;

		if (d > 0)
			high = t;
		else
			low = t;
		next = t - d / slope;
		if (!(next > low && next < high)) /* also NaN, from a slope of 0 */
			next = (low + high) / 2;
		if (fabs(next - t) < 1e-10)
			return next;
		t = next;
	}
	return t;
}

static struct evp_ratio normal_limit(double x, double y, double expected)
{
	double d = log(y / x / expected), sd = sqrt(1 / x + 1 / y);

	return (struct evp_ratio){
		.p = 2 * gsl_cdf_ugaussian_Q(fabs(d) / sd),
		.low = exp(d - Z_TAIL * sd),
		.high = exp(d + Z_TAIL * sd),
	};
}

struct evp_ratio evp_ratio_test(double x, double y, double expected)
{
	gsl_error_handler_t *handler;
	double a, b, share;
	struct evp_ratio r;

	if (x >= NORMAL && y >= NORMAL)
		return normal_limit(x, y, expected);
	if (x > MANY) {
		expected *= x / MANY;
		x = MANY;
	} else if (y > MANY) {
		expected *= MANY / y;
		y = MANY;
	}
	a = y + 0.5;
	b = x + 0.5;
	share = expected / (1 + expected);
	handler = gsl_set_error_handler_off(); /* it would abort on an underflow */
	r.p = fmin(1, 2 * fmin(gsl_cdf_beta_P(share, a, b), gsl_cdf_beta_Q(share, a, b)));
	r.low = y > 0 ? exp(log_odds_at(TAIL, a, b, -Z_TAIL)) / expected : 0;
	r.high = x > 0 ? exp(log_odds_at(1 - TAIL, a, b, Z_TAIL)) / expected : INFINITY;
	gsl_set_error_handler(handler);
	return r;
}
