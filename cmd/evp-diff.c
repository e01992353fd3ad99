// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-diff: what changed between two profiles, and how surely.
 *
 *	evp-diff base.evp new.evp || echo "status $?"
 *	evp-diff -s prof.d 'cpu{service="web"}' --base yesterday..today --new today..
 *	evp-diff --fold base.evp new.evp | flamegraph.pl > diff.svg
 */
#include <string.h>

#include "cmd/common/cmd.h"
#include "cmd/common/input.h"
#include "cmd/common/labels.h"
#include "cmd/diff/side.h"
#include "diff/fold.h"
#include "diff/report.h"

static struct {
	const char *output, *store, *base, *new, *by, *event, *norm;
	struct evp_diff_opts stats;
	double min_effect;
	uint64_t limit, min_samples;
	bool fold, json, tsv, allow_partial, interrupts;
} o = { .by = "comm",
	.stats = EVP_DIFF_DEFAULTS,
	.min_effect = 10,
	.limit = EVP_ROWS_DEFAULT,
	.min_samples = 20 };

static const struct evp_opt opts[] = {
	{ 's', "store", EVP_TEXT, &o.store, "DIR",
	  "compare what two matchers select in this store" },
	{ 0, "base", EVP_TEXT, &o.base, "FROM..TO", "compare two times in the store: this one" },
	{ 0, "new", EVP_TEXT, &o.new, "FROM..TO", "... with this one" },
	{ 'n', "rows", EVP_U64, &o.limit, "N",
	  "at most N rows; 0: all (default 40; JSON, TSV: all)" },
	{ 0, "min-effect", EVP_F64, &o.min_effect, "PERCENT",
	  "smaller changes are none (default 10)", 0.001, 1e6 },
	{ 0, "fdr", EVP_F64, &o.stats.fdr, "RATE",
	  "false discoveries among the named (default 0.05)", 1e-9, 0.5 },
	{ 0, "dispersion", EVP_F64, &o.stats.dispersion, "D",
	  "variance of counts over the binomial one, assumed (default 4)", 1, 1e6 },
	{ 0, "min-samples", EVP_U64, &o.min_samples, "N",
	  "test functions with so many (default 20)", 1, 1e9 },
	{ 0, "normalise", EVP_TEXT, &o.norm, "auto|totals|none",
	  "how to make the sides comparable" },
	{ 0, "interrupts", EVP_FLAG, &o.interrupts, NULL, "compare samples in interrupts too" },
	{ 0, "type", EVP_TEXT, &o.event, "EVENT", "the event to compare (default the first)" },
	{ 0, "fold", EVP_FLAG, &o.fold, NULL,
	  "no table: folded text with two counts, base and new" },
	{ 'L', "by", EVP_TEXT, &o.by, "LABEL,...",
	  "--fold: labels as leading frames (default comm)" },
	{ 0, "json", EVP_FLAG, &o.json, NULL, "JSON" },
	{ 0, "tsv", EVP_FLAG, &o.tsv, NULL, "tab-separated, with a header line" },
	{ 0, "allow-partial", EVP_FLAG, &o.allow_partial, NULL, "judge cut or damaged input too" },
	EVP_OPT_OUTPUT(o.output),
	EVP_OPT_END,
};

static const struct evp_cmd cmd = {
	.name = "evp-diff",
	.synopsis = "[options] BASE NEW | -s DIR MATCHER MATCHER | "
		    "[-s DIR] --base FROM..TO --new FROM..TO [MATCHER]",
	.summary = "What changed between two profiles, and how surely.",
	.detail = "Status: 0 no regression shown, 1 regression, 125 inconclusive or incomplete "
		  "input, 2 trouble.",
	.opts = opts,
	.formats = EVP_STREAM_FORMATS,
};

static int check(void)
{
	static const char *const norm[] = { "auto", "totals", "none" };

	if (o.json + o.tsv + o.fold > 1)
		return evp_error("--json, --tsv and --fold exclude each other");
	o.stats.min_effect = o.min_effect / 100;
	o.stats.min_samples = (int64_t)o.min_samples;
	for (size_t i = 0; o.norm && i < EVP_ARRAY_SIZE(norm); i++) {
		if (strcmp(o.norm, norm[i]) == 0) {
			o.stats.norm = (enum evp_diff_norm)i;
			o.norm = NULL;
		}
	}
	return o.norm ? evp_error("--normalise: '%s' is none of auto, totals, none", o.norm)
		      : EVP_DONE;
}

static bool is_store(void)
{
	return o.store || o.base || o.new;
}

static int check_operands(void)
{
	bool ranges = o.base || o.new;

	if (!is_store() && evp_noperands != 2)
		return evp_error("two streams are wanted, BASE and NEW");
	if (!is_store() && !strcmp(evp_operand[0], "-") && !strcmp(evp_operand[1], "-"))
		return evp_error("only one of the two can be standard input");
	if (ranges && !(o.base && o.new))
		return evp_error("--base and --new go together");
	if (ranges && evp_noperands > 1)
		return evp_error("--base and --new want one matcher at most (is it in quotes?)");
	if (is_store() && !ranges && evp_noperands != 2)
		return evp_error("two matchers are wanted, or --base and --new");
	return EVP_DONE;
}

static int read_side(struct evp_side *s, int side, const struct evp_label_list *by)
{
	struct evp_profile_opts po = { .event = o.event, .flags = EVP_DIFF_PROFILE_FLAGS };
	bool ranges = o.base || o.new;
	struct evp_err err = { 0 };

	if (o.fold)
		po = (struct evp_profile_opts){ .by = by->name, .nby = by->n, .event = o.event };
	if (evp_profile_new(&s->profile, &po, &err))
		return evp_error_from(&err);
	if (!is_store())
		return evp_side_stream(s, evp_operand[side]);
	return evp_side_query(s, o.store, evp_noperands ? evp_operand[ranges ? 0 : side] : NULL,
			      !ranges ? NULL
			      : side  ? o.new
				      : o.base);
}

/* Writes the report, or the folded text; the status that the statistics ask for. */
static int compare(const struct evp_side side[2], bool incomplete, struct evp_out *out)
{
	const struct evp_profile *const p[2] = { side[0].profile, side[1].profile };
	static const int status_of[] = { EVP_DONE, EVP_NO, EVP_UNSURE };
	struct evp_diff_report r = { .name = { side[0].name, side[1].name },
				     .lost = { side[0].lost, side[1].lost },
				     .event = p[0]->event ? p[0]->event : p[1]->event,
				     .style = evp_table_style_of(out->fd),
				     .incomplete = incomplete,
				     .format = o.json  ? EVP_TABLE_JSON
					       : o.tsv ? EVP_TABLE_TSV
						       : EVP_TABLE_TEXT };
	struct evp_diff_table table = { 0 };
	struct evp_diff_stats stats = { 0 };
	struct evp_err err = { 0 };
	int status = EVP_TROUBLE;

	r.limit = evp_output_rows(o.limit, r.format);
	if (o.fold && !evp_diff_fold(p, out, &err))
		status = EVP_DONE;
	if (!o.fold && !evp_diff_table(&table, p, o.interrupts, &err) &&
	    !evp_diff_stats(&stats, table.counts, table.n, &o.stats, &err) &&
	    !evp_diff_report(&r, &table, &stats, &o.stats, out, &err))
		status = status_of[stats.answer];
	if (status == EVP_TROUBLE)
		evp_error_from(&err);
	else if (incomplete)
		status = EVP_UNSURE;
	evp_diff_stats_release(&stats);
	evp_diff_table_release(&table);
	return status;
}

static int run(void)
{
	struct evp_side side[2] = { 0 };
	struct evp_label_list by = { 0 };
	struct evp_out out;
	int status = check(), input = EVP_DONE;

	if (status || (status = check_operands()) || (status = evp_labels_split(&by, "--by", o.by)))
		return status;
	for (int s = 0; s < 2 && input != EVP_TROUBLE; s++)
		input = evp_worse(input, read_side(&side[s], s, &by));
	if (input == EVP_TROUBLE) {
		status = input;
	} else if (evp_output_open(&out, o.output, 0)) {
		status = EVP_TROUBLE;
	} else {
		status = compare(side, input == EVP_INCOMPLETE && !o.allow_partial, &out);
		if (status == EVP_TROUBLE)
			evp_out_drop(&out);
		else if (evp_finish(&out))
			status = EVP_TROUBLE;
	}
	evp_profile_free(side[0].profile);
	evp_profile_free(side[1].profile);
	return status;
}

int main(int argc, char **argv)
{
	int status = evp_cmd_parse(&cmd, argc, argv);

	return status >= 0 ? status : run();
}
