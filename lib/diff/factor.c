// SPDX-License-Identifier: GPL-2.0-or-later
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "diff/factor.h"

#define OUTLIER_Z2     9.0 /* beyond 3 deviations a row has changed, by however much */
#define RIVAL_MARGIN   4.0 /* explanations closer than this are as good as each other */
#define SAME_WORK      0.1 /* log of the factor: counts as good as equal */
#define MAX_CANDIDATES 512

struct search {
	const struct evp_diff_counts *row;
	size_t n;
	double dispersion;
	int64_t min_samples;
	double *candidate;
	size_t ncandidates;
};

static double pooled(const struct evp_diff_counts *c)
{
	return (double)c->flat[0] + (double)c->flat[1];
}

/* Squared score statistic of a row against the factor s. */
static double row_z2(const struct search *x, size_t i, double s)
{
	double m = pooled(&x->row[i]), share = s / (1 + s);
	double d = (double)x->row[i].flat[1] - m * share;

	return m > 0 ? d * d / (x->dispersion * m * share * (1 - share)) : 0;
}

static double loss(const struct search *x, double s)
{
	double sum = 0;

	for (size_t i = 0; i < x->n; i++)
		sum += fmin(row_z2(x, i, s), OUTLIER_Z2);
	return sum;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Ratios worth trying: of every row with enough samples (of evenly spaced ones in sorted order
 * where there are too many, which keeps the median), and of all the small rows together.
 */
static void candidates(struct search *x)
{
	double small[2] = { 0, 0 }, *c = x->candidate;
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		const int64_t *v = x->row[i].flat;

		if (v[0] + v[1] < x->min_samples) {
			small[0] += (double)v[0];
			small[1] += (double)v[1];
		} else if (v[0] && v[1]) {
			c[n++] = (double)v[1] / (double)v[0];
		}
	}
	qsort(c, n, sizeof(*c), compare_double);
	if (n > MAX_CANDIDATES) {
		for (size_t k = 0; k < MAX_CANDIDATES; k++)
			c[k] = c[(2 * k + 1) * n / (2 * MAX_CANDIDATES)];
		n = MAX_CANDIDATES;
	}
	if (small[0] > 0 && small[1] > 0)
		c[n++] = small[1] / small[0];
	x->ncandidates = n;
}

static double pool_reference(struct evp_diff_factor *f, const struct search *x, double s)
{
	double sum[2] = { 0, 0 };

	f->rows = 0;
	for (size_t i = 0; i < x->n; i++) {
		f->in_reference[i] = row_z2(x, i, s) <= OUTLIER_Z2;
		if (!f->in_reference[i] || pooled(&x->row[i]) == 0)
			continue;
		f->rows++;
		sum[0] += (double)x->row[i].flat[0];
		sum[1] += (double)x->row[i].flat[1];
	}
	f->samples = sum[0] + sum[1];
	return sum[0] > 0 && sum[1] > 0 ? sum[1] / sum[0] : 0;
}

/* Does some other factor explain the table as well while blaming a row that s clears? */
static bool has_rival(const struct evp_diff_factor *f, const struct search *x, double s)
{
	double limit = loss(x, s) + RIVAL_MARGIN;

	for (size_t c = 0; c < x->ncandidates; c++) {
		if (loss(x, x->candidate[c]) >= limit)
			continue;
		for (size_t i = 0; i < x->n; i++)
			if (f->in_reference[i] && pooled(&x->row[i]) >= (double)x->min_samples &&
			    row_z2(x, i, x->candidate[c]) > OUTLIER_Z2)
				return true;
	}
	return false;
}

/* Takes s to the pooled ratio of the rows that agree with it; 0 where none do. */
static double refine(struct evp_diff_factor *f, const struct search *x, double s)
{
	for (int round = 0; round < 20; round++) {
		double next = pool_reference(f, x, s);

		if (next == 0 || fabs(log(next / s)) < 1e-12)
			return next;
		s = next;
	}
	return s;
}

/*
 * Several explanations are about as good: one under which both sides did the same work, if there
 * is such, else none.
 */
static double same_work(struct evp_diff_factor *f, const struct search *x, double limit)
{
	double s = 0;

	for (size_t c = 0; c < x->ncandidates; c++) {
		double d = fabs(log(x->candidate[c]));

		if (d <= SAME_WORK && (s == 0 || d < fabs(log(s))) &&
		    loss(x, x->candidate[c]) < limit)
			s = x->candidate[c];
	}
	if (s != 0)
		s = refine(f, x, s);
	return s != 0 && fabs(log(s)) <= SAME_WORK ? s : 0;
}

/* The factor of the best explanation; 0 where only the totals are left. */
static double agreed_factor(struct evp_diff_factor *f, const struct search *x, double totals,
			    size_t nonempty)
{
	double s = totals, of_totals = loss(x, totals), best = of_totals;

	for (size_t c = 0; c < x->ncandidates; c++) {
		double l = loss(x, x->candidate[c]);

		if (l < best) {
			best = l;
			s = x->candidate[c];
		}
	}
	s = refine(f, x, s);
	if (s == 0 || f->rows == nonempty)
		return 0;
	if (2 * f->rows > nonempty && loss(x, s) < of_totals && !has_rival(f, x, s))
		return s;
	return same_work(f, x, fmin(of_totals, best + RIVAL_MARGIN));
}

static void use_all_rows(struct evp_diff_factor *f, size_t n, size_t nonempty, const double *total)
{
	memset(f->in_reference, true, n * sizeof(*f->in_reference));
	f->norm = EVP_NORM_TOTALS;
	f->s = total[1] / total[0];
	f->rows = nonempty;
	f->samples = total[0] + total[1];
}

int evp_diff_factor(struct evp_diff_factor *f, const struct evp_diff_counts *row, size_t n,
		    const struct evp_diff_opts *opts)
{
	struct search x = { row, n, opts->dispersion, opts->min_samples, NULL, 0 };
	double total[2] = { 0, 0 }, s;
	size_t nonempty = 0;

	for (size_t i = 0; i < n; i++) {
		total[0] += (double)row[i].flat[0];
		total[1] += (double)row[i].flat[1];
		nonempty += row[i].flat[0] + row[i].flat[1] > 0;
	}
	if (opts->norm == EVP_NORM_NONE || total[0] == 0 || total[1] == 0) {
		memset(f->in_reference, false, n * sizeof(*f->in_reference));
		f->norm = EVP_NORM_NONE;
		f->s = 1;
		f->rows = 0;
		f->samples = 0;
		return 0;
	}
	if (opts->norm == EVP_NORM_TOTALS) {
		use_all_rows(f, n, nonempty, total);
		return 0;
	}
	x.candidate = malloc((n + 1) * sizeof(*x.candidate));
	if (!x.candidate)
		return -ENOMEM;
	candidates(&x);
	s = agreed_factor(f, &x, total[1] / total[0], nonempty);
	if (s == 0 || f->rows == nonempty) {
		use_all_rows(f, n, nonempty, total);
	} else {
		f->norm = EVP_NORM_AUTO;
		f->s = s;
	}
	free(x.candidate);
	return 0;
}
