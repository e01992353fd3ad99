// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-diff: what changed between two profiles, and how surely.
 *
 *	evp-diff base.evp new.evp || echo "status $?"
 *	evp-diff --fold base.evp new.evp | flamegraph.pl > diff.svg
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "diff/fold.h"
#include "diff/report.h"
#include "input.h"
#include "view.h"

static struct {
	const char *output, *by, *event, *norm;
	struct evp_diff_opts stats;
	double min_effect;
	uint64_t limit, min_samples;
	bool fold, json, tsv, allow_partial;
} o = { .by = "comm",
	.stats = EVP_DIFF_DEFAULTS,
	.min_effect = 10,
	.limit = UINT64_MAX,
	.min_samples = 20 };

static const struct evp_opt opts[] = {
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
	.synopsis = "[-n N] [--min-effect PERCENT] [--fdr RATE] [--dispersion D] [--json | --tsv | "
		    "--fold] "
		    "BASE NEW",
	.summary = "What changed between two profiles, function by function, and how surely.",
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

/* One stream into one side. */
static int read_side(const char *path, struct evp_origin *s)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), status;

	if (fd < 0)
		return evp_error("cannot open '%s': %s", path, strerror(errno));
	status = evp_origin_add(fd, is_stdin ? "standard input" : path, s);
	if (!is_stdin)
		close(fd);
	return status;
}

static int open_side(struct evp_origin *s, const struct evp_labels *by)
{
	struct evp_err err = { 0 };
	struct evp_profile_opts po = { .event = o.event, .flags = EVP_DIFF_PROFILE_FLAGS };

	if (o.fold)
		po = (struct evp_profile_opts){ .by = by->name, .nby = by->n, .event = o.event };
	return evp_profile_new(&s->profile, &po, &err) ? evp_error_from(&err) : EVP_DONE;
}

/* The status that the statistics ask for; the report or the folded text is written. */
static int compare(struct evp_origin side[2], const char *const name[2], bool incomplete,
		   struct evp_out *out)
{
	const struct evp_profile *const p[2] = { side[0].profile, side[1].profile };
	static const int status_of[] = { EVP_DONE, EVP_NO, EVP_UNSURE };
	struct evp_diff_table table = { 0 };
	struct evp_diff_stats stats = { 0 };
	struct evp_diff_report r = { .name = { name[0], name[1] }, .incomplete = incomplete };
	struct evp_err err = { 0 };
	int rc, status;

	r.format = o.json ? EVP_DIFF_JSON : o.tsv ? EVP_DIFF_TSV : EVP_DIFF_TEXT;
	r.limit = o.limit != UINT64_MAX ? o.limit : r.format == EVP_DIFF_TEXT ? 40 : 0;
	r.style = evp_table_style_of(out->fd);
	r.lost[0] = evp_origin_lost(&side[0]);
	r.lost[1] = evp_origin_lost(&side[1]);
	r.event = p[0]->event ? p[0]->event : p[1]->event;
	rc = o.fold ? evp_diff_fold(p, out, &err) : evp_diff_table(&table, p, &err);
	if (!rc && !o.fold)
		rc = evp_diff_stats(&stats, table.counts, table.n, &o.stats, &err);
	if (!rc && !o.fold)
		rc = evp_diff_report(&r, &table, &stats, &o.stats, out, &err);
	status = rc	      ? evp_error_from(&err)
		 : incomplete ? EVP_UNSURE
		 : o.fold     ? EVP_DONE
			      : status_of[stats.answer];
	evp_diff_stats_release(&stats);
	evp_diff_table_release(&table);
	return status;
}

static int run(void)
{
	struct evp_origin side[2] = { 0 };
	struct evp_labels by = { 0 };
	struct evp_out out;
	struct evp_err err = { 0 };
	const char *name[2];
	int status = check(), read_status = EVP_DONE;

	if (status || (status = evp_labels_split(&by, "--by", o.by)))
		return status;
	if (evp_noperands != 2)
		return evp_error("two streams are wanted, BASE and NEW");
	if (strcmp(evp_operand[0], "-") == 0 && strcmp(evp_operand[1], "-") == 0)
		return evp_error("only one of the two can be standard input");
	for (int s = 0; s < 2 && read_status != EVP_TROUBLE; s++) {
		name[s] = evp_operand[s];
		read_status = evp_worse(read_status, open_side(&side[s], &by));
		if (read_status != EVP_TROUBLE)
			read_status = evp_worse(read_status, read_side(name[s], &side[s]));
	}
	status = read_status;
	if (status != EVP_TROUBLE && evp_out_open(&out, o.output, 0, &err)) {
		status = evp_error_from(&err);
	} else if (status != EVP_TROUBLE) {
		status = compare(side, name, read_status == EVP_INCOMPLETE && !o.allow_partial,
				 &out);
		if (status == EVP_TROUBLE)
			evp_out_drop(&out);
		else if (evp_finish(&out))
			status = EVP_TROUBLE;
	}
	for (int s = 0; s < 2; s++) {
		evp_profile_free(side[s].profile);
		evp_origin_release(&side[s]);
	}
	return status;
}

int main(int argc, char **argv)
{
	int status = evp_cmd_parse(&cmd, argc, argv);

	return status >= 0 ? status : run();
}
