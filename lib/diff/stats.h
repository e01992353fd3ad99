/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What changed between two profiles, and how surely: the statistics, and nothing else.
 *
 * In goes a table of functions by two sides (0 base, 1 new) with sample counts; out come one
 * factor that makes the sides comparable and, per function, the ratio new/base with a 95 %
 * interval, a p and a q value and a verdict. Names, streams and stacks are table.h's. Replicates
 * would enter here, as more columns a side and a dispersion per row in place of the assumed one.
 *
 * Model. A function's samples in `new`, given its m samples on both sides, are binomial with
 * share s / (1 + s), where s = new/base is expected of a function that did not change; the
 * variance is `dispersion` times the binomial's, since samples of one program come in bursts.
 * Test and interval are one thing, the Jeffreys (Beta) posterior on counts divided by
 * that dispersion: it needs no large counts, covers 0, and swapping the sides mirrors it.
 *
 * Normalisation. Shares of a total cannot all keep still: where one function takes three times
 * as long, every other share falls. So s is taken from the functions that agree with each other:
 * the s that leaves the fewest functions changed (least sum of min(z^2, 9)) is found among all
 * their ratios, the median included, then refined to the pooled ratio of the rows within 3
 * deviations of it, the reference. When that is everything, s is the ratio of totals. When another
 * choice of reference explains the table about as well, or the reference would be a minority,
 * shares cannot tell who moved: then the explanation stands under which both sides did the same
 * work (s within 10 % of 1), if there is one, and the ratio of totals otherwise. The uncertainty of s
 * enters every test: a row of m samples, c of which are in a reference of M, varies 1 + (m - 2c)/M
 * times as much as its own counts do.
 *
 * Effects are symmetric in the ratio: with min_effect 0.1 a change is material from 1.1 upwards
 * and from 1/1.1 downwards.
 */
#ifndef EVP_DIFF_STATS_H
#define EVP_DIFF_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct evp_diff_counts {
	int64_t flat[2], cum[2]; /* samples, >= 0; every sample is flat in exactly one row */
};

enum evp_diff_norm {
	EVP_NORM_AUTO,
	EVP_NORM_TOTALS, /* compare shares */
	EVP_NORM_NONE,	 /* compare counts: both sides did the same work */
};

struct evp_diff_opts {
	double dispersion;   /* >= 1 */
	double fdr;	     /* false discovery rate that Benjamini-Hochberg keeps, (0, 1) */
	double min_effect;   /* > 0; 0.1 is 10 % */
	int64_t min_samples; /* of both sides together, for a row to be tested */
	enum evp_diff_norm norm;
};

#define EVP_DIFF_DEFAULTS                                                                          \
	{                                                                                          \
		.dispersion = 4, .fdr = 0.05, .min_effect = 0.10, .min_samples = 20,               \
		.norm = EVP_NORM_AUTO                                                              \
	}

/*
 * REGRESSION, IMPROVEMENT: q <= fdr and a material ratio. NO_CHANGE: no material ratio, and the
 * interval holds 1 or stays within min_effect. INCONCLUSIVE: all between; `times` the samples
 * would settle it. UNTESTED: too few samples, or one side has none in all: it may not have run.
 */
enum evp_verdict {
	EVP_REGRESSION,
	EVP_IMPROVEMENT,
	EVP_INCONCLUSIVE,
	EVP_NO_CHANGE,
	EVP_UNTESTED,
};

struct evp_diff_test {
	double normal[2]; /* samples divided by the side's factor */
	double ratio;	  /* normal[1] / normal[0]; 1 for 0/0, infinite for x/0 */
	double low, high; /* its 95 % interval; untested rows: 0 and infinity */
	double p, q;	  /* untested rows: 1 */
	double times;	  /* INCONCLUSIVE: so many times the present samples; else 0 */
	enum evp_verdict verdict;
};

enum evp_diff_answer {
	EVP_DIFF_SAME,	     /* no regression shown */
	EVP_DIFF_REGRESSION, /* at least one row's flat verdict */
	EVP_DIFF_UNSURE,
};

struct evp_diff_stats {
	struct evp_diff_test *flat, *cum; /* by row */
	double factor[2];		  /* geometric mean 1: divide a side's counts by its own */
	enum evp_diff_norm norm;	  /* what was used; AUTO: the reference */
	size_t reference_rows; /* rows in the reference, and their share of all samples */
	double reference_share;
	size_t tested, untested; /* rows with samples */
	enum evp_diff_answer answer;
	size_t suspect; /* UNSURE for want of samples: the row that may have risen most; else SIZE_MAX */
};

/*
 * 0, or -EINVAL for options or counts out of range, -ENOMEM. The answer is UNSURE when a side is
 * empty; or, without a regression, when an untested or inconclusive row looks like a rise that
 * costs at least 1 % of all samples, or cumulative cost rose for sure though no single row's flat
 * cost did.
 */
int evp_diff_stats(struct evp_diff_stats *ret_s, const struct evp_diff_counts *row, size_t n,
		   const struct evp_diff_opts *opts, struct evp_err *err);
void evp_diff_stats_release(struct evp_diff_stats *s);

const char *evp_verdict_name(enum evp_verdict v);

/* Benjamini-Hochberg: q[i] for p[i]; order is n scratch entries. */
void evp_fdr_adjust(const double *p, double *ret_q, size_t *order, size_t n);

#endif
