// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/query/options.h"

#include <string.h>

#include "base/text.h"
#include "cmd/common/input.h"
#include "cmd/common/labels.h"
#include "query/quote.h"

static struct {
	const char *output, *store, *from, *to, *by;
	int64_t step_ns;
	uint64_t rows;
	bool raw, json, tsv;
	struct evp_ordered filters;
} o = { .rows = EVP_ROWS_DEFAULT };

static const struct evp_opt opts[] = {
	{ 's', "store", EVP_TEXT, &o.store, "DIR",
	  "the store (default EVP_STORE, else the user's)" },
	{ 0, "from", EVP_TEXT, &o.from, "TIME",
	  "from this time on: 2026-11-21T10:00Z, -2h, today" },
	{ 0, "to", EVP_TEXT, &o.to, "TIME", "up to and without this time" },
	{ 0, "function", EVP_ORDERED, &o.filters, "RE",
	  "whole stacks in which a function matches" },
	{ 0, "stack", EVP_ORDERED, &o.filters, "RE", "whole stacks whose folded text matches" },
	{ 0, "not", EVP_ORDERED, &o.filters, NULL, "turns the next --function or --stack round" },
	{ 'L', "by", EVP_TEXT, &o.by, "LABEL,...", "keep these labels (default comm; '' none)" },
	{ 0, "step", EVP_DURATION, &o.step_ns, "DURATION",
	  "a profile for each window of this length" },
	{ 0, "raw", EVP_FLAG, &o.raw, NULL, "every row, with all labels, windows and addresses" },
	{ 'n', "rows", EVP_U64, &o.rows, "N", "top: at most N rows; 0: all (default 40)" },
	{ 0, "json", EVP_FLAG, &o.json, NULL, "labels, values, types, series, top: JSON" },
	{ 0, "tsv", EVP_FLAG, &o.tsv, NULL, "... tab-separated, with a header line" },
	EVP_OPT_OUTPUT(o.output),
	EVP_OPT_END,
};

const struct evp_cmd query_cmd = {
	.name = "evp-query",
	.synopsis = "[-s DIR] [--from TIME] [--to TIME] [[--not] --function RE | --stack RE] "
		    "[--by LABEL,...] [--step DURATION] [--raw] [-o FILE] "
		    "[labels | values LABEL | types | series | top] [MATCHER]",
	.summary = "Store to stream: the stacks that a matcher selects.",
	.opts = opts,
	.formats = EVP_STREAM_FORMATS,
};

/* Sets what the first operand asks for; whether it is a word that does. */
static bool take_word(struct query_options *qo)
{
	static const struct {
		const char *word;
		enum query_verb verb;
		enum evp_list_what list;
	} words[] = {
		{ "labels", QUERY_LIST, EVP_LIST_LABELS },
		{ "values", QUERY_LIST, EVP_LIST_VALUES },
		{ "types", QUERY_LIST, EVP_LIST_TYPES },
		{ "series", QUERY_LIST, EVP_LIST_SERIES },
		{ "top", QUERY_TOP, 0 },
	};

	for (size_t w = 0; evp_noperands && w < EVP_ARRAY_SIZE(words); w++)
		if (!strcmp(evp_operand[0], words[w].word)) {
			qo->verb = words[w].verb;
			qo->list = words[w].list;
			return true;
		}
	return false;
}

static int take_operands(struct query_options *qo, const char **ret_matcher)
{
	int i = take_word(qo);
	bool values = query_lists(qo, EVP_LIST_VALUES);

	if (values && i == evp_noperands)
		return evp_error("values: of which label?");
	if (values)
		qo->label = evp_operand[i++];
	if (values && !evp_label_name_valid((struct evp_bytes){ qo->label, strlen(qo->label) }))
		return evp_error("values: '%s' is no label's name", qo->label);
	if (i < evp_noperands && !query_lists(qo, EVP_LIST_TYPES))
		*ret_matcher = evp_operand[i++];
	if (i < evp_noperands)
		return evp_error("unexpected operand '%s' (is the matcher in quotes?)",
				 evp_operand[i]);
	return EVP_DONE;
}

static int refuse_contradictions(const struct query_options *qo)
{
	if (qo->verb != QUERY_STREAM && (o.by || o.step_ns || o.raw))
		return evp_error("--by, --step and --raw do not go with %s", evp_operand[0]);
	if (qo->verb == QUERY_LIST && o.filters.n)
		return evp_error("--function and --stack do not go with %s", evp_operand[0]);
	if (o.raw && (o.by || o.step_ns))
		return evp_error("--raw keeps all labels and windows: no --by, no --step");
	if (qo->verb == QUERY_STREAM && (o.json || o.tsv))
		return evp_error("--json and --tsv are for labels, values, types, series, top");
	return EVP_DONE;
}

static int take_filters(struct query_options *qo)
{
	struct evp_query *q = &qo->query;
	bool negate = false;

	for (size_t i = 0; i < o.filters.n; i++) {
		const struct evp_ordered_item *f = &o.filters.item[i];
		struct evp_stack_filter *to = &qo->filter[q->nfilters];
		struct evp_err err;

		if (!f->arg) {
			negate = !negate;
			continue;
		}
		if (q->nfilters == EVP_ARRAY_SIZE(qo->filter))
			return evp_error("too many --function and --stack");
		to->frames = !strcmp(f->name, "function");
		to->negate = negate;
		negate = false;
		if (evp_regex_new_shown(&to->regex, f->arg, &err))
			return evp_error("--%s: %s", f->name, err.msg);
		q->nfilters++;
	}
	q->filters = qo->filter;
	return negate ? evp_error("--not is followed by no --function or --stack") : EVP_DONE;
}

static int take_times(struct evp_query *q)
{
	int64_t now = evp_now_ns();
	struct evp_err err;

	q->from_ns = INT64_MIN;
	q->to_ns = INT64_MAX;
	if (o.from && evp_parse_time(o.from, now, &q->from_ns, &err))
		return evp_error("--from: %s", err.msg);
	if (o.to && evp_parse_time(o.to, now, &q->to_ns, &err))
		return evp_error("--to: %s", err.msg);
	if (q->from_ns >= q->to_ns)
		return evp_error("--from is not before --to");
	return EVP_DONE;
}

static int take_groups(struct query_options *qo)
{
	struct evp_label_list by = { 0 };
	int status = evp_labels_split(&by, "--by", o.by ? o.by : "comm");

	if (!status && qo->verb == QUERY_STREAM) {
		qo->query.by = by.name;
		qo->query.nby = by.n;
		qo->query.step_ns = o.step_ns;
	}
	return status;
}

int query_options_read(struct query_options *ret)
{
	const char *matcher = NULL;
	struct evp_err err;
	int status = take_operands(ret, &matcher);

	if (!status)
		status = refuse_contradictions(ret);
	if (!status)
		status = evp_output_format(o.json, o.tsv, &ret->format);
	if (!status)
		status = take_filters(ret);
	if (!status)
		status = take_times(&ret->query);
	if (!status)
		status = take_groups(ret);
	if (!status && matcher && evp_selector_parse(&ret->query.selector, matcher, &err))
		status = evp_error_from(&err);
	ret->output = o.output;
	ret->store = o.store;
	ret->raw = o.raw;
	ret->from_start = !o.from;
	ret->rows = evp_output_rows(o.rows, ret->format);
	return status;
}

void query_options_release(struct query_options *qo)
{
	for (size_t i = 0; i < qo->query.nfilters; i++)
		evp_regex_free(qo->filter[i].regex);
	evp_selector_free(qo->query.selector);
}
