// SPDX-License-Identifier: GPL-2.0-or-later
// The statistics of evp-diff: fixed cases, symmetries, and alarm rates by simulation (fixed seeds).
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diff/ratio.h"
#include "diff/stats.h"
#include "tap.h"

#define ROWS 60

struct table {
	struct evp_diff_counts row[ROWS];
	size_t n;
};

static void add(struct table *t, int64_t base, int64_t new)
{
	t->row[t->n++] = (struct evp_diff_counts){ { base, new }, { base, new } };
}

static struct evp_diff_stats judge(const struct table *t, const struct evp_diff_opts *o)
{
	struct evp_diff_stats s = { 0 };
	struct evp_err err = { 0 };

	if (evp_diff_stats(&s, t->row, t->n, o, &err))
		printf("# %s\n", err.msg);
	return s;
}

static size_t count(const struct evp_diff_stats *s, size_t n, enum evp_verdict v)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		k += s->flat[i].verdict == v;
	return k;
}

/* Row `hot` is a regression, no other one is, and its ratio is within 15 % of `ratio`. */
static void names_only(const struct table *t, size_t hot, double ratio, const char *what)
{
	static const struct evp_diff_opts o = EVP_DIFF_DEFAULTS;
	struct evp_diff_stats s = judge(t, &o);
	bool good = s.answer == EVP_DIFF_REGRESSION && s.flat[hot].verdict == EVP_REGRESSION &&
		    count(&s, t->n, EVP_REGRESSION) == 1 &&
		    fabs(s.flat[hot].ratio / ratio - 1) < 0.15;

	ok(good, what);
	if (!good)
		printf("# ratio %g, q %g, norm %d, factors %g %g\n", s.flat[hot].ratio,
		       s.flat[hot].q, s.norm, s.factor[0], s.factor[1]);
	evp_diff_stats_release(&s);
}

static void test_three_times(void)
{
	struct table equal = { .n = 0 }, fixed_time = equal, dominant = equal, two = equal;
	struct table two_same = equal;

	for (int i = 0; i < 8; i++) {
		add(&equal, 250 + i, i == 3 ? 750 : 250 - i);
		add(&fixed_time, 250 + i, i == 3 ? 600 : 200 - i);
	}
	names_only(&equal, 3, 3, "three times as slow, same work on both sides");
	names_only(&fixed_time, 3, 3, "three times as slow, same time on both sides");
	add(&dominant, 1800, 1928);
	for (int i = 0; i < 30; i++)
		add(&dominant, 6 + i % 2, 2 + i % 2);
	names_only(&dominant, 0, 2.8, "a function with nine tenths of all samples");
	add(&two, 1000, 500);
	add(&two, 1000, 1500);
	for (int i = 0; i < 5; i++)
		add(&two, i, 2 * i % 5);
	add(&two_same, 200, 203);
	add(&two_same, 1800, 5400);
	names_only(&two_same, 1, 3, "two functions, and one did the same work as before");
	names_only(&two, 1, 1.5, "two functions: by shares, as nobody can tell who moved");
}

static void test_self(void)
{
	struct evp_diff_opts o = EVP_DIFF_DEFAULTS;
	struct table t = { .n = 0 }, empty = { .n = 0 };
	struct evp_diff_stats s;

	for (int i = 0; i < 20; i++)
		add(&t, i * i * i, i * i * i);
	s = judge(&t, &o);
	ok(s.answer == EVP_DIFF_SAME && count(&s, t.n, EVP_NO_CHANGE) == s.tested && s.tested == 17,
	   "a profile and itself: no change");
	ok(s.norm == EVP_NORM_TOTALS && s.factor[0] == 1 && s.reference_share == 1,
	   "normalised by totals where all agree");
	evp_diff_stats_release(&s);
	s = judge(&empty, &o);
	ok(s.answer == EVP_DIFF_UNSURE, "nothing against nothing: unsure");
	evp_diff_stats_release(&s);
	add(&empty, 5, 15);
	s = judge(&empty, &o);
	ok(s.answer == EVP_DIFF_SAME && s.tested == 1, "one function only: no share can change");
	evp_diff_stats_release(&s);
	add(&empty, 15, 5);
	s = judge(&empty, &o);
	ok(s.answer == EVP_DIFF_UNSURE && s.flat[0].times > 1,
	   "too few samples: unsure, and how many more");
	evp_diff_stats_release(&s);
}

static bool near(double a, double b)
{
	return a == b || fabs(a - b) <= 1e-6 * fmax(fabs(a), fabs(b));
}

static bool mirrored(const struct evp_diff_test *a, const struct evp_diff_test *b)
{
	static const enum evp_verdict swap[] = { EVP_IMPROVEMENT, EVP_REGRESSION, EVP_INCONCLUSIVE,
						 EVP_NO_CHANGE, EVP_UNTESTED };

	return b->verdict == swap[a->verdict] && near(b->ratio, 1 / a->ratio) &&
	       near(b->low, 1 / a->high) && near(b->high, 1 / a->low) && near(b->q, a->q) &&
	       near(b->times, a->times) && near(b->normal[0], a->normal[1]);
}

static void test_symmetry(gsl_rng *rng)
{
	struct evp_diff_opts o = EVP_DIFF_DEFAULTS;
	bool mirror = true, order = true;

	for (int trial = 0; trial < 200; trial++) {
		struct table t = { .n = 0 }, swapped = t, reversed = t;
		struct evp_diff_stats s, w, r;

		for (int i = 0; i < ROWS; i++) {
			double mean = pow(10, gsl_ran_flat(rng, -1, 4));

			add(&t, gsl_ran_poisson(rng, mean),
			    gsl_ran_poisson(rng, mean * (i % 9 ? 1.3 : gsl_ran_flat(rng, 0, 5))));
			add(&swapped, t.row[i].flat[1], t.row[i].flat[0]);
		}
		for (int i = ROWS; i-- > 0;)
			add(&reversed, t.row[i].flat[0], t.row[i].flat[1]);
		s = judge(&t, &o);
		w = judge(&swapped, &o);
		r = judge(&reversed, &o);
		for (int i = 0; i < ROWS; i++) {
			mirror &= mirrored(&s.flat[i], &w.flat[i]) &&
				  mirrored(&s.cum[i], &w.cum[i]);
			order &= near(s.flat[i].q, r.flat[ROWS - 1 - i].q) && s.answer == r.answer;
		}
		evp_diff_stats_release(&s);
		evp_diff_stats_release(&w);
		evp_diff_stats_release(&r);
	}
	ok(mirror, "swapping the sides mirrors ratio, interval, q and verdict");
	ok(order, "the order of rows does not matter");
}

/* Sides of `total` samples on average over Zipf shares; clumps of `clump` samples: variance x
 * clump. */
static void draw(struct table *t, gsl_rng *rng, double total, int clump, double hot)
{
	double sum = 0;

	for (int i = 0; i < ROWS; i++)
		sum += 1 / (i + 1.5);
	t->n = 0;
	for (int i = 0; i < ROWS; i++) {
		double mean = total / (i + 1.5) / sum / clump;

		add(t, (int64_t)clump * gsl_ran_poisson(rng, mean),
		    (int64_t)clump * gsl_ran_poisson(rng, mean * (i == 2 ? hot : 1)));
	}
}

/* Per cent of trials with at least one alarm outside row 2. */
static double alarms(gsl_rng *rng, double total, int clump, double hot,
		     const struct evp_diff_opts *o)
{
	int bad = 0, trials = 400;

	for (int trial = 0; trial < trials; trial++) {
		struct table t;
		struct evp_diff_stats s;
		bool alarm = false;

		draw(&t, rng, total, clump, hot);
		s = judge(&t, o);
		for (size_t i = 0; i < t.n; i++)
			alarm |= i != 2 && s.flat[i].verdict <= EVP_IMPROVEMENT;
		bad += alarm;
		evp_diff_stats_release(&s);
	}
	return 100.0 * bad / trials;
}

static void test_alarm_rate(gsl_rng *rng)
{
	struct evp_diff_opts o = EVP_DIFF_DEFAULTS;
	char what[120];

	o.min_effect = 0.001; /* nothing but the statistics may hold back an alarm */
	for (double total = 1e3; total <= 1e6; total *= 10) {
		for (int clump = 1; clump <= 4; clump += 3) {
			double rate;

			o.dispersion = clump;
			rate = alarms(rng, total, clump, 1, &o);
			/* 5 % and three standard errors of 400 trials */
			snprintf(what, sizeof(what),
				 "A/A, %g samples, dispersion %d: %.1f %% alarms", total, clump,
				 rate);
			ok(rate <= 8.3, what);
		}
	}
	o.dispersion = 1;
	for (double total = 1e4; total <= 1e6; total *= 10) {
		double rate = alarms(rng, total, 1, 1.3, &o);

		snprintf(what, sizeof(what),
			 "+30 %% in one of %g samples: %.1f %% with another one blamed", total,
			 rate);
		ok(rate <= 25, what);
	}
}

static void test_interval(gsl_rng *rng)
{
	static const double mean[] = { 5, 20, 100, 3000 };

	for (size_t m = 0; m < sizeof(mean) / sizeof(*mean); m++) {
		int inside = 0, small = 0, trials = 4000;
		char what[120];

		for (int i = 0; i < trials; i++) {
			double x = gsl_ran_poisson(rng, mean[m]),
			       y = gsl_ran_poisson(rng, 2 * mean[m]);
			struct evp_ratio r = { 1, 0, INFINITY }, e = { 1, 0, 0 };

			if (x + y > 0) {
				r = evp_ratio_test(x, y, 1);
				e = evp_ratio_test(x, y, 2);
			}
			inside += r.low <= 2 && 2 <= r.high;
			small += e.p <= 0.05;
		}
		snprintf(what, sizeof(what),
			 "mean %g: interval covers %.1f %%, p <= 0.05 in %.1f %%", mean[m],
			 100.0 * inside / trials, 100.0 * small / trials);
		ok(fabs(100.0 * inside / trials - 95) < 1.8 &&
			   fabs(100.0 * small / trials - 5) < 1.8,
		   what);
	}
}

static void test_ratio(void)
{
	struct evp_ratio r = evp_ratio_test(0, 10, 1), big = evp_ratio_test(3e6, 3.1e6, 1);

	ok(r.high == INFINITY && r.low > 1.5 && r.p < 0.002, "0 against 10: no upper end");
	r = evp_ratio_test(10, 0, 1);
	ok(r.low == 0 && r.high < 0.7, "10 against 0: no lower end");
	ok(big.low > 1.031 && big.high < 1.036 && big.p < 1e-100, "millions against millions");
	r = evp_ratio_test(2e9, 40, 1e-8);
	ok(r.p < 0.01 && r.low > 1.3 && r.high < 2.8, "a small count beside a huge one");
	r = evp_ratio_test(12, 30, 1); /* the Beta tail by quadrature; mid-p: 0.0054 */
	ok(fabs(r.p - 0.0048464) < 1e-7, "close to the mid-p binomial test");
}

static void test_fdr(void)
{
	double p[] = { 0.01, 0.8, 0.02, 0.03, 0.5 }, q[5];
	size_t order[5];

	evp_fdr_adjust(p, q, order, 5);
	ok(near(q[0], 0.05) && near(q[2], 0.05) && near(q[3], 0.05) && near(q[4], 0.625) &&
		   near(q[1], 0.8),
	   "Benjamini-Hochberg by hand");
}

static void test_bad_options(void)
{
	struct table t = { .n = 0 };
	struct evp_diff_opts o = EVP_DIFF_DEFAULTS;
	struct evp_diff_stats s = { 0 };
	struct evp_err err;

	o.dispersion = 0.5;
	ok(evp_diff_stats(&s, t.row, 0, &o, &err) == -EINVAL, "a dispersion below 1 is refused");
	o.dispersion = 1;
	add(&t, -1, 4);
	ok(evp_diff_stats(&s, t.row, 1, &o, &err) == -EINVAL, "a negative count is refused");
}

int main(void)
{
	gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);

	gsl_rng_set(rng, 20261121);
	test_fdr();
	test_ratio();
	test_bad_options();
	test_self();
	test_three_times();
	test_symmetry(rng);
	test_interval(rng);
	test_alarm_rate(rng);
	gsl_rng_free(rng);
	return done_testing();
}
