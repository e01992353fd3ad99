// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE /* qsort_r */
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "diff/factor.h"
#include "diff/ratio.h"
#include "diff/stats.h"

#define Z_INTERVAL 1.959964 /* 95 %, two-sided */
#define Z_POWER	   0.841621 /* 80 % */
#define MIN_SPREAD 1e-3	    /* a row that is nearly its whole reference still varies a little */
#define MATERIAL   0.01	    /* share of all samples that an unsure rise must cost to count */
#define MAX_TIMES  1000.0

/* What the rows of one family, flat or cumulative, share. */
struct family {
	const struct evp_diff_opts *opts;
	const struct evp_diff_factor *f;
	const double *factor;
	double *p, *q; /* of the tested rows */
	size_t *row, *order;
	size_t n;
	bool one_sided; /* a side has no samples: nothing to compare with */
};

const char *evp_verdict_name(enum evp_verdict v)
{
	static const char *const name[] = { "regression", "improvement", "inconclusive",
					    "no change", "untested" };

	return name[v];
}

static int compare_p(const void *a, const void *b, void *arg)
{
	const double *p = arg;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;

	if (p[i] != p[j])
		return p[i] < p[j] ? -1 : 1;
	return (i > j) - (i < j);
}

void evp_fdr_adjust(const double *p, double *ret_q, size_t *order, size_t n)
{
	double q = 1;

	for (size_t i = 0; i < n; i++)
		order[i] = i;
	qsort_r(order, n, sizeof(*order), compare_p, (void *)p);
	for (size_t rank = n; rank-- > 0;) {
		q = fmin(q, p[order[rank]] * (double)n / (double)(rank + 1));
		ret_q[order[rank]] = q;
	}
}

/*
 * How much the variance of a row of m samples differs from that of its own counts, as the factor is
 * an estimate from a reference that `shared` of them are in.
 */
static double spread(const struct evp_diff_factor *f, double m, double shared)
{
	if (f->samples == 0)
		return 1;
	return fmax(1 + (m - 2 * shared) / f->samples, MIN_SPREAD);
}

static bool is_tested(const int64_t *count, const struct family *y)
{
	return !y->one_sided && count[0] + count[1] >= y->opts->min_samples;
}

static void test_row(struct evp_diff_test *t, const int64_t *count, double k,
		     const struct family *y)
{
	double x0 = (double)count[0], x1 = (double)count[1];
	double phi = y->opts->dispersion * k;
	struct evp_ratio r;

	t->normal[0] = x0 / y->factor[0];
	t->normal[1] = x1 / y->factor[1];
	t->ratio = x0 + x1 == 0 ? 1 : x1 / x0 / y->f->s;
	t->low = 0;
	t->high = INFINITY;
	t->p = t->q = 1;
	t->times = 0;
	t->verdict = EVP_UNTESTED;
	if (!is_tested(count, y))
		return;
	r = evp_ratio_test(x0 / phi, x1 / phi, y->f->s);
	t->low = r.low;
	t->high = r.high;
	t->p = r.p;
}

/*
 * How many times the samples would settle it. A change that looks material must reach the p
 * that the last accepted row needed (Benjamini-Hochberg's line) with a power of 80 %; one that
 * does not must have an interval that ends before min_effect. Both shrink with the square root.
 */
static double times_needed(const struct evp_diff_test *t, const struct family *y, double limit_p)
{
	double low = t->low > 0 ? log(t->low) : -INFINITY, high = log(t->high);
	double effect = log1p(y->opts->min_effect), size = fabs(log(t->ratio)), sd, need;

	sd = fmin(high - log(t->ratio), log(t->ratio) - low) / Z_INTERVAL;
	if (!isfinite(size)) { /* 0 samples on a side: how far the other end reaches */
		size = t->ratio > 1 ? fmax(low, effect) : fmax(-high, effect);
		sd = size / gsl_cdf_ugaussian_Qinv(t->p / 2);
	}
	if (size >= effect)
		need = (gsl_cdf_ugaussian_Qinv(limit_p / 2) + Z_POWER) * sd / size;
	else
		need = Z_INTERVAL * sd / (effect - size);
	return fmin(fmax(need * need, 1.1), MAX_TIMES);
}

static bool material(double ratio, double effect)
{
	return ratio >= 1 + effect || ratio <= 1 / (1 + effect);
}

static enum evp_verdict judge(const struct evp_diff_test *t, const struct evp_diff_opts *o)
{
	bool big = material(t->ratio, o->min_effect);

	if (t->q <= o->fdr && big)
		return t->ratio > 1 ? EVP_REGRESSION : EVP_IMPROVEMENT;
	if (!material(t->low, o->min_effect) && !material(t->high, o->min_effect))
		return EVP_NO_CHANGE;
	return big || t->low > 1 || t->high < 1 ? EVP_INCONCLUSIVE : EVP_NO_CHANGE;
}

/* Adjusts the p values of one family and passes its verdicts. */
static void judge_family(struct evp_diff_test *test, struct family *y)
{
	size_t accepted = 0;

	evp_fdr_adjust(y->p, y->q, y->order, y->n);
	for (size_t i = 0; i < y->n; i++)
		accepted += y->q[i] <= y->opts->fdr;
	for (size_t i = 0; i < y->n; i++) {
		struct evp_diff_test *t = &test[y->row[i]];

		t->q = y->q[i];
		t->verdict = judge(t, y->opts);
		if (t->verdict == EVP_INCONCLUSIVE)
			t->times = times_needed(
				t, y, y->opts->fdr * (double)(accepted + 1) / (double)(y->n + 1));
	}
}

static void test_family(struct evp_diff_test *test, const struct evp_diff_counts *row, size_t n,
			double outside, bool cumulative, struct family *y)
{
	y->n = 0;
	for (size_t i = 0; i < n; i++) {
		const int64_t *count = cumulative ? row[i].cum : row[i].flat;
		double m = (double)count[0] + (double)count[1];
		/* Which leaves are below a cumulative row is not known here: at least so many. */
		double shared = cumulative ? fmax(m - outside, 0) : y->f->in_reference[i] ? m : 0;

		test_row(&test[i], count, spread(y->f, m, shared), y);
		if (!is_tested(count, y))
			continue;
		y->p[y->n] = test[i].p;
		y->row[y->n++] = i;
	}
	judge_family(test, y);
}

/* Not shown to have risen, but it looks as if, and by enough to matter. */
static bool is_suspect(const struct evp_diff_test *t, double limit, const struct evp_diff_opts *o)
{
	return (t->verdict == EVP_INCONCLUSIVE || t->verdict == EVP_UNTESTED) &&
	       t->ratio >= 1 + o->min_effect && t->normal[1] - t->normal[0] >= limit;
}

static void answer(struct evp_diff_stats *s, size_t n, const double *total,
		   const struct evp_diff_opts *o)
{
	double limit = MATERIAL * (total[0] / s->factor[0] + total[1] / s->factor[1]) / 2;
	bool regression = false, unsure = total[0] == 0 || total[1] == 0;
	double most = 0;

	s->suspect = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		const struct evp_diff_test *t = &s->flat[i];

		regression |= t->verdict == EVP_REGRESSION;
		unsure |= s->cum[i].verdict == EVP_REGRESSION;
		if (is_suspect(t, limit, o) && t->normal[1] - t->normal[0] > most) {
			most = t->normal[1] - t->normal[0];
			s->suspect = i;
		}
	}
	unsure |= s->suspect != SIZE_MAX;
	s->answer = regression ? EVP_DIFF_REGRESSION : unsure ? EVP_DIFF_UNSURE : EVP_DIFF_SAME;
}

static int check(const struct evp_diff_counts *row, size_t n, const struct evp_diff_opts *o,
		 double *total, struct evp_err *err)
{
	if (!(o->dispersion >= 1 && o->dispersion <= 1e6))
		return evp_fail(err, EINVAL, "dispersion must be at least 1");
	if (!(o->fdr > 0 && o->fdr < 1))
		return evp_fail(err, EINVAL, "false discovery rate must be between 0 and 1");
	if (!(o->min_effect > 0 && o->min_effect <= 1e6))
		return evp_fail(err, EINVAL, "minimum effect must be more than 0");
	for (size_t i = 0; i < n; i++) {
		for (int side = 0; side < 2; side++) {
			if (row[i].flat[side] < 0 || row[i].cum[side] < 0 ||
			    row[i].cum[side] > INT64_MAX / 4 || row[i].flat[side] > INT64_MAX / 4)
				return evp_fail(err, EINVAL,
						"sample count is negative or too large");
			total[side] += (double)row[i].flat[side];
		}
	}
	return 0;
}

static void count_tested(struct evp_diff_stats *s, const struct evp_diff_counts *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s->flat[i].verdict != EVP_UNTESTED)
			s->tested++;
		else
			s->untested += row[i].flat[0] + row[i].flat[1] > 0;
	}
}

static void describe_factor(struct evp_diff_stats *s, const struct evp_diff_factor *f,
			    const double *total)
{
	s->factor[0] = 1 / sqrt(f->s);
	s->factor[1] = sqrt(f->s);
	s->norm = f->norm;
	s->reference_rows = f->rows;
	s->reference_share = f->samples > 0 ? f->samples / (total[0] + total[1]) : 0;
}

int evp_diff_stats(struct evp_diff_stats *ret_s, const struct evp_diff_counts *row, size_t n,
		   const struct evp_diff_opts *opts, struct evp_err *err)
{
	struct evp_diff_stats s = { 0 };
	struct evp_diff_factor f = { 0 };
	struct family y = { .opts = opts, .f = &f, .factor = s.factor };
	double total[2] = { 0, 0 };
	int rc = check(row, n, opts, total, err);

	if (rc)
		return rc;
	s.flat = calloc(n + 1, sizeof(*s.flat));
	s.cum = calloc(n + 1, sizeof(*s.cum));
	f.in_reference = calloc(n + 1, sizeof(*f.in_reference));
	y.p = calloc(n + 1, sizeof(*y.p));
	y.q = calloc(n + 1, sizeof(*y.q));
	y.row = calloc(n + 1, sizeof(*y.row));
	y.order = calloc(n + 1, sizeof(*y.order));
	if (!s.flat || !s.cum || !f.in_reference || !y.p || !y.q || !y.row || !y.order)
		rc = evp_fail_oom(err);
	if (!rc && evp_diff_factor(&f, row, n, opts))
		rc = evp_fail_oom(err);
	if (rc)
		goto out;
	describe_factor(&s, &f, total);
	y.one_sided = total[0] == 0 || total[1] == 0;
	test_family(s.flat, row, n, 0, false, &y);
	test_family(s.cum, row, n, total[0] + total[1] - f.samples, true, &y);
	count_tested(&s, row, n);
	answer(&s, n, total, opts);
	*ret_s = s;
	s = (struct evp_diff_stats){ 0 };
out:
	evp_diff_stats_release(&s);
	free(f.in_reference);
	free(y.p);
	free(y.q);
	free(y.row);
	free(y.order);
	return rc;
}

void evp_diff_stats_release(struct evp_diff_stats *s)
{
	free(s->flat);
	free(s->cum);
	*s = (struct evp_diff_stats){ 0 };
}
