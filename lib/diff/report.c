// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE /* qsort_r */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "diff/report.h"

/* What is said of a row, in the order of printing. */
enum word { REGRESSION, IMPROVEMENT, CALLER_UP, CALLER_DOWN, INCONCLUSIVE, NO_CHANGE, UNTESTED };

static const char *const words[] = { "regression",   "improvement", "caller up", "caller down",
				     "inconclusive", "no change",   "untested" };

struct report {
	const struct evp_diff_report *r;
	const struct evp_diff_table *t;
	const struct evp_diff_stats *s;
	const struct evp_diff_opts *o;
	size_t *order;
	size_t count[EVP_ARRAY_SIZE(words)];
	struct evp_str text;
};

static enum word word_of(const struct evp_diff_stats *s, size_t i)
{
	static const enum word of_verdict[] = { REGRESSION, IMPROVEMENT, INCONCLUSIVE, NO_CHANGE,
						UNTESTED };
	enum evp_verdict flat = s->flat[i].verdict, cum = s->cum[i].verdict;

	if (flat != EVP_REGRESSION && flat != EVP_IMPROVEMENT) {
		if (cum == EVP_REGRESSION)
			return CALLER_UP;
		if (cum == EVP_IMPROVEMENT)
			return CALLER_DOWN;
	}
	return of_verdict[flat];
}

/* The test that the word rests on. */
static const struct evp_diff_test *test_of(const struct evp_diff_stats *s, size_t i)
{
	enum word w = word_of(s, i);

	return w == CALLER_UP || w == CALLER_DOWN ? &s->cum[i] : &s->flat[i];
}

static double size_of(const struct evp_diff_stats *s, size_t i)
{
	const struct evp_diff_test *t = test_of(s, i);

	return fabs(t->normal[1] - t->normal[0]);
}

/* By word, then by how many samples it is about, then as the table is sorted: by name. */
static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct evp_diff_stats *s = arg;
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	enum word x = word_of(s, i), y = word_of(s, j);
	double p = size_of(s, i), q = size_of(s, j);

	if (x != y)
		return x < y ? -1 : 1;
	if (p != q)
		return p > q ? -1 : 1;
	return (i > j) - (i < j);
}

/* ---- text ---- */

static void put_change(struct evp_str *out, double ratio)
{
	double percent = 100 * (ratio - 1);

	if (isinf(ratio))
		evp_str_puts(out, "new");
	else if (fabs(percent) < 0.05)
		evp_str_puts(out, "0.0%");
	else if (percent >= 1e5)
		evp_str_printf(out, "x%.0f", ratio);
	else
		evp_str_printf(out, "%+.1f%%", percent);
}

static void put_limit(struct evp_str *out, double ratio)
{
	if (isinf(ratio))
		evp_str_puts(out, "any");
	else
		put_change(out, ratio);
}

static void cell(struct evp_table *t, struct evp_str *text)
{
	evp_table_text(t, text->buf ? text->buf : "", text->len);
	t->oom |= text->oom;
	evp_str_clear(text);
}

static void text_row(struct report *x, struct evp_table *t, size_t i)
{
	const struct evp_diff_test *test = test_of(x->s, i), *cum = &x->s->cum[i];
	const struct evp_diff_name *n = &x->t->name[i];
	struct evp_str *s = &x->text;
	enum word w = word_of(x->s, i);

	evp_table_cstring(t, words[w]);
	put_change(s, test->ratio);
	cell(t, s);
	if (w != UNTESTED) {
		put_limit(s, test->low);
		evp_str_puts(s, " to ");
		put_limit(s, test->high);
	}
	cell(t, s);
	if (w != UNTESTED)
		evp_str_printf(s,
			       test->q < 1e-9	 ? "<1e-9"
			       : test->q < 0.001 ? "%.0e"
						 : "%.3f",
			       test->q);
	cell(t, s);
	for (int side = 0; side < 2; side++) {
		evp_str_printf(s, "%.1f", test->normal[side]);
		cell(t, s);
	}
	put_change(s, cum->ratio);
	if (cum->verdict == EVP_REGRESSION || cum->verdict == EVP_IMPROVEMENT)
		evp_str_putc(s, '*');
	cell(t, s);
	if (test->times > 0)
		evp_str_printf(s, test->times >= 1000 ? ">%.0fx" : "%.1fx", test->times);
	cell(t, s);
	evp_table_text(t, n->module.ptr, n->module.len);
	evp_table_text(t, n->name.ptr, n->name.len);
}

static void say_norm(struct report *x)
{
	const struct evp_diff_stats *s = x->s;
	struct evp_str *out = &x->text;

	switch (s->norm) {
	case EVP_NORM_AUTO:
		evp_str_printf(
			out,
			"normalised by the %zu functions that agree with each other (%.1f%% of "
			"samples)",
			s->reference_rows, 100 * s->reference_share);
		break;
	case EVP_NORM_TOTALS:
		evp_str_puts(out, "normalised by totals");
		break;
	default:
		evp_str_puts(out, "not normalised");
	}
	evp_str_printf(out, ": base / %.4g, new / %.4g\n", s->factor[0], s->factor[1]);
}

static void say_head(struct report *x)
{
	const struct evp_diff_table *t = x->t;
	struct evp_str *out = &x->text;

	evp_str_printf(out, "%s: base %lld samples (", x->r->event ? x->r->event : "no samples",
		       (long long)t->total[0]);
	evp_plain_text(out, x->r->name[0], strlen(x->r->name[0]));
	evp_str_printf(out, "), new %lld samples (", (long long)t->total[1]);
	evp_plain_text(out, x->r->name[1], strlen(x->r->name[1]));
	evp_str_puts(out, ")\n");
	if (x->r->lost[0] || x->r->lost[1])
		evp_str_printf(out, "lost while recording: base %lld samples, new %lld samples\n",
			       (long long)x->r->lost[0], (long long)x->r->lost[1]);
	if (t->interrupts[0] || t->interrupts[1])
		evp_str_printf(out, "left out in interrupts: base %lld samples, new %lld samples\n",
			       (long long)t->interrupts[0], (long long)t->interrupts[1]);
	say_norm(x);
	evp_str_printf(out,
		       "dispersion %g (assumed), false discovery rate %g, minimum effect %g%%, "
		       "%zu functions tested",
		       x->o->dispersion, x->o->fdr, 100 * x->o->min_effect, x->s->tested);
	if (x->s->untested)
		evp_str_printf(out, ", %zu with under %lld samples not", x->s->untested,
			       (long long)x->o->min_samples);
	evp_str_puts(out, "\n\n");
}

static void say_suspect(struct report *x)
{
	size_t i = x->s->suspect;
	const struct evp_diff_test *t = &x->s->flat[i];
	struct evp_str *out = &x->text;

	evp_str_puts(out, "inconclusive: ");
	evp_plain_text(out, x->t->name[i].name.ptr, x->t->name[i].name.len);
	evp_str_puts(out, " may be a regression (");
	put_change(out, t->ratio);
	if (t->times > 0)
		evp_str_printf(
			out, "); %.1f times the samples, %.0f a side, would tell\n", t->times,
			ceil(t->times * ((double)x->t->total[0] + (double)x->t->total[1]) / 2));
	else
		evp_str_printf(out, ") but has under %lld samples\n", (long long)x->o->min_samples);
}

static void say_answer(struct report *x)
{
	struct evp_str *out = &x->text;

	if (x->r->incomplete)
		evp_str_puts(out, "inconclusive: the input is incomplete (see --allow-partial)\n");
	else if (x->s->answer == EVP_DIFF_REGRESSION)
		evp_str_printf(out, "%zu regression%s, %zu improvement%s\n", x->count[REGRESSION],
			       x->count[REGRESSION] == 1 ? "" : "s", x->count[IMPROVEMENT],
			       x->count[IMPROVEMENT] == 1 ? "" : "s");
	else if (x->s->answer == EVP_DIFF_SAME)
		evp_str_puts(out, "no regression shown\n");
	else if (!x->t->total[0] || !x->t->total[1])
		evp_str_puts(out, "inconclusive: a side has no samples\n");
	else if (x->s->suspect != SIZE_MAX)
		say_suspect(x);
	else
		evp_str_puts(
			out,
			"inconclusive: cumulative cost rose, but no function's own is shown to\n");
}

static void say_foot(struct report *x, size_t shown, size_t of)
{
	if (shown < of)
		evp_str_printf(&x->text, "... %zu of %zu rows shown, -n 0 for all\n", shown, of);
	evp_str_putc(&x->text, '\n');
	say_answer(x);
}

static int flush(struct report *x, struct evp_out *out)
{
	int rc = x->text.oom ? -ENOMEM
			     : evp_out_write(out, x->text.buf ? x->text.buf : "", x->text.len);

	evp_str_clear(&x->text);
	return rc;
}

static int write_text(struct report *x, struct evp_out *out)
{
	static const struct evp_column column[] = {
		{ "verdict", "VERDICT", EVP_COL_TEXT },
		{ "change", "CHANGE", EVP_COL_RIGHT },
		{ "interval", "95% INTERVAL", EVP_COL_RIGHT },
		{ "q", "Q", EVP_COL_RIGHT },
		{ "base", "BASE", EVP_COL_RIGHT },
		{ "new", "NEW", EVP_COL_RIGHT },
		{ "cum", "CUM", EVP_COL_RIGHT },
		{ "more", "NEEDS", EVP_COL_RIGHT },
		{ "module", "MODULE", EVP_COL_TEXT },
		{ "function", "FUNCTION", EVP_COL_NAME },
	};
	struct evp_table t = { .column = column, .ncolumns = EVP_ARRAY_SIZE(column) };
	size_t rows = x->t->n - x->count[UNTESTED], n = rows;
	int rc;

	if (x->r->limit && x->r->limit < n)
		n = x->r->limit;
	say_head(x);
	rc = flush(x, out);
	for (size_t i = 0; !rc && i < n; i++)
		text_row(x, &t, x->order[i]);
	if (!rc)
		rc = evp_table_print(&t, out, &x->r->style);
	say_foot(x, n, rows);
	if (!rc)
		rc = flush(x, out);
	evp_table_release(&t);
	return rc;
}

/* ---- TSV ---- */

static void tsv_number(struct evp_str *out, double v)
{
	if (isinf(v))
		evp_str_puts(out, v > 0 ? "\tinf" : "\t-inf");
	else
		evp_str_printf(out, "\t%.9g", v);
}

static void tsv_test(struct evp_str *out, const struct evp_diff_test *t, const int64_t *count)
{
	evp_str_printf(out, "\t%lld\t%lld", (long long)count[0], (long long)count[1]);
	tsv_number(out, t->normal[0]);
	tsv_number(out, t->normal[1]);
	tsv_number(out, t->ratio);
	tsv_number(out, t->low);
	tsv_number(out, t->high);
	tsv_number(out, t->p);
	tsv_number(out, t->q);
	tsv_number(out, t->times);
}

static int write_tsv(struct report *x, struct evp_out *out)
{
	static const char *const field[] = { "base", "new",  "base_normal", "new_normal", "ratio",
					     "low",  "high", "p",	    "q",	  "times" };
	size_t n = x->r->limit && x->r->limit < x->t->n ? x->r->limit : x->t->n;
	struct evp_str *s = &x->text;

	evp_str_puts(s, "verdict");
	for (int family = 0; family < 2; family++)
		for (size_t f = 0; f < EVP_ARRAY_SIZE(field); f++)
			evp_str_printf(s, "\t%s_%s", family ? "cum" : "flat", field[f]);
	evp_str_puts(s, "\tmodule\tfile\tfunction\n");
	for (size_t k = 0; k < n; k++) {
		size_t i = x->order[k];
		const struct evp_diff_name *name = &x->t->name[i];

		evp_str_puts(s, words[word_of(x->s, i)]);
		tsv_test(s, &x->s->flat[i], x->t->counts[i].flat);
		tsv_test(s, &x->s->cum[i], x->t->counts[i].cum);
		evp_str_putc(s, '\t');
		evp_escape(s, name->module.ptr, name->module.len);
		evp_str_putc(s, '\t');
		evp_escape(s, name->file.ptr, name->file.len);
		evp_str_putc(s, '\t');
		evp_escape(s, name->name.ptr, name->name.len);
		evp_str_putc(s, '\n');
	}
	return flush(x, out);
}

/* ---- JSON ---- */

static json_t *number(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

static json_t *test_json(const struct evp_diff_test *t, const int64_t *count)
{
	json_t *j = json_object();

	json_object_set_new(j, "verdict", json_string(evp_verdict_name(t->verdict)));
	json_object_set_new(j, "base", json_integer(count[0]));
	json_object_set_new(j, "new", json_integer(count[1]));
	json_object_set_new(j, "base_normal", number(t->normal[0]));
	json_object_set_new(j, "new_normal", number(t->normal[1]));
	json_object_set_new(j, "ratio", number(t->ratio));
	json_object_set_new(j, "low", number(t->low));
	json_object_set_new(j, "high", number(t->high));
	json_object_set_new(j, "p", number(t->p));
	json_object_set_new(j, "q", number(t->q));
	if (t->times > 0)
		json_object_set_new(j, "times", number(t->times));
	return j;
}

static json_t *row_json(const struct report *x, size_t i)
{
	const struct evp_diff_name *n = &x->t->name[i];
	json_t *j = json_object();

	json_object_set_new(j, "function", evp_json_text(n->name.ptr, n->name.len));
	json_object_set_new(j, "module", evp_json_text(n->module.ptr, n->module.len));
	json_object_set_new(j, "file", evp_json_text(n->file.ptr, n->file.len));
	json_object_set_new(j, "verdict", json_string(words[word_of(x->s, i)]));
	json_object_set_new(j, "flat", test_json(&x->s->flat[i], x->t->counts[i].flat));
	json_object_set_new(j, "cum", test_json(&x->s->cum[i], x->t->counts[i].cum));
	return j;
}

static json_t *side_json(const struct report *x, int side)
{
	json_t *j = json_object();

	json_object_set_new(j, "name", evp_json_text(x->r->name[side], strlen(x->r->name[side])));
	json_object_set_new(j, "samples", json_integer(x->t->total[side]));
	json_object_set_new(j, "lost", json_integer(x->r->lost[side]));
	json_object_set_new(j, "interrupts", json_integer(x->t->interrupts[side]));
	json_object_set_new(j, "factor", number(x->s->factor[side]));
	return j;
}

static json_t *norm_json(const struct evp_diff_stats *s)
{
	static const char *const name[] = { "reference", "totals", "none" };
	json_t *j = json_object();

	json_object_set_new(j, "by", json_string(name[s->norm]));
	json_object_set_new(j, "functions", json_integer((json_int_t)s->reference_rows));
	json_object_set_new(j, "share", number(s->reference_share));
	return j;
}

static int write_json(struct report *x, struct evp_out *out)
{
	static const char *const answer[] = { "no regression", "regression", "inconclusive" };
	size_t n = x->r->limit && x->r->limit < x->t->n ? x->r->limit : x->t->n;
	json_t *j = json_object(), *rows = json_array();

	json_object_set_new(j, "answer", json_string(answer[x->s->answer]));
	json_object_set_new(j, "incomplete", json_boolean(x->r->incomplete));
	json_object_set_new(j, "event", x->r->event ? json_string(x->r->event) : json_null());
	json_object_set_new(j, "base", side_json(x, 0));
	json_object_set_new(j, "new", side_json(x, 1));
	json_object_set_new(j, "normalisation", norm_json(x->s));
	json_object_set_new(j, "dispersion", number(x->o->dispersion));
	json_object_set_new(j, "dispersion_assumed", json_true());
	json_object_set_new(j, "fdr", number(x->o->fdr));
	json_object_set_new(j, "min_effect", number(x->o->min_effect));
	json_object_set_new(j, "tested", json_integer((json_int_t)x->s->tested));
	json_object_set_new(j, "untested", json_integer((json_int_t)x->s->untested));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows, row_json(x, x->order[i]));
	if (json_object_set_new(j, "functions", rows) || json_array_size(rows) != n) {
		json_decref(j);
		return -ENOMEM;
	}
	return evp_json_print(j, out);
}

int evp_diff_report(const struct evp_diff_report *r, const struct evp_diff_table *t,
		    const struct evp_diff_stats *s, const struct evp_diff_opts *o,
		    struct evp_out *out, struct evp_err *err)
{
	struct report x = { .r = r, .t = t, .s = s, .o = o };
	int rc;

	x.order = calloc(t->n + 1, sizeof(*x.order));
	if (!x.order)
		return evp_fail_oom(err);
	for (size_t i = 0; i < t->n; i++) {
		x.order[i] = i;
		x.count[word_of(s, i)]++;
	}
	if (t->n)
		qsort_r(x.order, t->n, sizeof(*x.order), compare_rows, (void *)s);
	rc = r->format == EVP_TABLE_JSON  ? write_json(&x, out)
	     : r->format == EVP_TABLE_TSV ? write_tsv(&x, out)
					  : write_text(&x, out);
	free(x.order);
	evp_str_release(&x.text);
	return rc ? evp_fail_errno(err, -rc, "cannot write") : 0;
}
