// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-top: a table of where the time went.
 *
 *	evp-record -a --duration 5 | evp-symbolize | evp-top --sort cum
 *	evp-query cpu --from -1h | evp-top --by comm --tsv
 */
#include <string.h>

#include "cmd/common/cmd.h"
#include "cmd/common/input.h"
#include "cmd/common/labels.h"
#include "cmd/common/origin.h"

static struct {
	const char *output, *sort, *by, *callers, *callees, *event, *value;
	uint64_t limit;
	bool tree, json, tsv;
} o = { .limit = EVP_ROWS_DEFAULT };

static const struct evp_opt opts[] = {
	{ 0, "sort", EVP_TEXT, &o.sort, "flat|cum",
	  "by own or by cumulative value (default flat)" },
	{ 'n', "rows", EVP_U64, &o.limit, "N",
	  "at most N rows; 0: all (default 40; JSON, TSV: all)" },
	{ 'L', "by", EVP_TEXT, &o.by, "LABEL,...", "rows for each value of these labels" },
	{ 0, "callers", EVP_TEXT, &o.callers, "FUNCTION", "who calls it" },
	{ 0, "callees", EVP_TEXT, &o.callees, "FUNCTION", "what it calls" },
	{ 0, "tree", EVP_FLAG, &o.tree, NULL, "the call tree, heaviest branch first" },
	{ 0, "type", EVP_TEXT, &o.event, "EVENT", "which event, of several (default the first)" },
	{ 0, "value", EVP_TEXT, &o.value, "TYPE", "which value (default samples)" },
	{ 0, "json", EVP_FLAG, &o.json, NULL, "JSON" },
	{ 0, "tsv", EVP_FLAG, &o.tsv, NULL, "tab-separated, with a header line" },
	EVP_OPT_OUTPUT(o.output),
	EVP_OPT_END,
};

static const struct evp_cmd cmd = {
	.name = "evp-top",
	.synopsis =
		"[-n N] [--sort flat|cum] [--by LABEL,...] [--callers F | --callees F | --tree] "
		"[FILE...]",
	.summary = "Stream to a table of functions, callers, callees, or a call tree.",
	.opts = opts,
	.formats = EVP_STREAM_FORMATS,
};

static int check(struct evp_top_opts *t)
{
	if (o.sort && strcmp(o.sort, "flat") != 0 && strcmp(o.sort, "cum") != 0)
		return evp_error("--sort: '%s' is neither flat nor cum", o.sort);
	if (!!o.callers + !!o.callees + o.tree > 1)
		return evp_error("--callers, --callees and --tree exclude each other");
	if (evp_output_format(o.json, o.tsv, &t->format))
		return EVP_TROUBLE;
	t->by_cum = o.sort && strcmp(o.sort, "cum") == 0;
	t->mode = o.callers   ? EVP_TOP_CALLERS
		  : o.callees ? EVP_TOP_CALLEES
		  : o.tree    ? EVP_TOP_TREE
			      : EVP_TOP_FUNCTIONS;
	t->function = o.callers ? o.callers : o.callees;
	t->value = o.value;
	t->limit = evp_output_rows(o.limit, t->format);
	return EVP_DONE;
}

static int run(void)
{
	struct evp_top_opts t = { 0 };
	struct evp_origin s = { 0 };
	struct evp_label_list by = { 0 };
	struct evp_err err = { 0 };
	int status = check(&t);

	if (status || (status = evp_labels_split(&by, "--by", o.by)))
		return status;
	t.by = by.name;
	t.nby = by.n;
	if (evp_profile_new(&s.profile,
			    &(struct evp_profile_opts){ .by = by.name,
							.nby = by.n,
							.event = o.event,
							.flags = EVP_PROFILE_MODULES },
			    &err))
		return evp_error_from(&err);
	status = evp_each_input(evp_origin_add, &s);
	status = evp_worse(status, evp_input_event(s.profile, o.event));
	if (status != EVP_TROUBLE && evp_origin_finish(&s, &err))
		status = evp_error_from(&err);
	if (status != EVP_TROUBLE)
		status = evp_output_top(&s, &t, o.output, status);
	evp_profile_free(s.profile);
	evp_origin_release(&s);
	return status;
}

int main(int argc, char **argv)
{
	int status = evp_cmd_parse(&cmd, argc, argv);

	return status >= 0 ? status : run();
}
