// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-query: store to stream, or to lists of what is in it.
 *
 *	evp-query -s prof.d 'cpu{comm=~"python.*"}' --from -1h | evp-flame -o f.html
 *	evp-query -s prof.d values comm
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/common/cmd.h"
#include "cmd/common/input.h"
#include "cmd/common/labels.h"
#include "query/list.h"
#include "query/quote.h"
#include "store/root.h"
#include "view/nameless.h"
#include "view/top.h"

static struct {
	const char *output, *store, *from, *to, *by;
	int64_t step_ns;
	uint64_t rows;
	bool raw, json, tsv;
	struct evp_ordered filters;
} o = { .rows = UINT64_MAX };

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

static const struct evp_cmd cmd = {
	.name = "evp-query",
	.synopsis = "[-s DIR] [--from TIME] [--to TIME] [[--not] --function RE | --stack RE] "
		    "[--by LABEL,...] [--step DURATION] [--raw] [-o FILE] "
		    "[labels | values LABEL | types | series | top] [MATCHER]",
	.summary = "Store to stream: the stacks that a matcher selects.",
	.opts = opts,
	.formats = EVP_STREAM_FORMATS,
};

enum word { STREAM, LABELS, VALUES, TYPES, SERIES, TOP };
static const char *const words[] = { "", "labels", "values", "types", "series", "top" };

struct job {
	enum word word;
	const char *label;   /* of VALUES */
	const char *matcher; /* as given, or NULL */
	struct evp_label_list by;
	struct evp_stack_filter filter[EVP_QUERY_BY];
	struct evp_query q;
	struct evp_catalog *catalog;
	struct evp_err err;
};

static int take_operands(struct job *j)
{
	int i = 0, w;

	for (w = LABELS; evp_noperands && w <= TOP; w++)
		if (!strcmp(evp_operand[0], words[w])) {
			j->word = (enum word)w;
			i = 1;
		}
	if (j->word == VALUES && i == evp_noperands)
		return evp_error("values: of which label?");
	if (j->word == VALUES)
		j->label = evp_operand[i++];
	if (j->label && !evp_label_name_valid((struct evp_bytes){ j->label, strlen(j->label) }))
		return evp_error("values: '%s' is no label's name", j->label);
	if (i < evp_noperands && j->word != TYPES)
		j->matcher = evp_operand[i++];
	if (i < evp_noperands)
		return evp_error("unexpected operand '%s' (is the matcher in quotes?)",
				 evp_operand[i]);
	if (j->word != STREAM && (o.by || o.step_ns || o.raw))
		return evp_error("--by, --step and --raw do not go with %s", words[j->word]);
	if (j->word != STREAM && j->word != TOP && o.filters.n)
		return evp_error("--function and --stack do not go with %s", words[j->word]);
	if (o.raw && (o.by || o.step_ns))
		return evp_error("--raw keeps all labels and windows: no --by, no --step");
	if (j->word == STREAM && (o.json || o.tsv))
		return evp_error("--json and --tsv are for labels, values, types, series, top");
	if (o.json && o.tsv)
		return evp_error("--json and --tsv exclude each other");
	return EVP_DONE;
}

static int take_filters(struct job *j)
{
	bool negate = false;
	size_t i;

	for (i = 0; i < o.filters.n; i++) {
		const struct evp_ordered_item *f = &o.filters.item[i];
		struct evp_stack_filter *to = &j->filter[j->q.nfilters];

		if (!f->arg) {
			negate = !negate;
			continue;
		}
		if (j->q.nfilters == EVP_ARRAY_SIZE(j->filter))
			return evp_error("too many --function and --stack");
		to->frames = !strcmp(f->name, "function");
		to->negate = negate;
		negate = false;
		if (evp_regex_new_shown(&to->regex, f->arg, &j->err))
			return evp_error("--%s: %s", f->name, j->err.msg);
		j->q.nfilters++;
	}
	j->q.filters = j->filter;
	return negate ? evp_error("--not is followed by no --function or --stack") : EVP_DONE;
}

static int take_times(struct job *j)
{
	int64_t now = evp_now_ns();

	j->q.from_ns = INT64_MIN;
	j->q.to_ns = INT64_MAX;
	if (o.from && evp_parse_time(o.from, now, &j->q.from_ns, &j->err))
		return evp_error("--from: %s", j->err.msg);
	if (o.to && evp_parse_time(o.to, now, &j->q.to_ns, &j->err))
		return evp_error("--to: %s", j->err.msg);
	if (j->q.from_ns >= j->q.to_ns)
		return evp_error("--from is not before --to");
	return EVP_DONE;
}

static int take_options(struct job *j)
{
	int status = take_operands(j);

	if (!status)
		status = take_filters(j);
	if (!status)
		status = take_times(j);
	if (!status)
		status = evp_labels_split(&j->by, "--by", o.by ? o.by : "comm");
	if (status)
		return status;
	j->q.by = j->word == STREAM ? j->by.name : NULL;
	j->q.nby = j->word == STREAM ? j->by.n : 0;
	j->q.step_ns = o.step_ns;
	if (j->matcher && evp_selector_parse(&j->q.selector, j->matcher, &j->err))
		return evp_error_from(&j->err);
	return EVP_DONE;
}

static int open_store(struct job *j)
{
	const char *type = j->q.selector && j->q.selector->type ? j->q.selector->type : "cpu";
	struct evp_catalog_filter f = { .type = j->word == TYPES ? NULL : type,
					.from_ns = j->q.from_ns,
					.to_ns = j->q.to_ns };
	struct evp_str dir = { 0 };
	int rc;

	if (o.store)
		evp_str_puts(&dir, o.store);
	else
		evp_store_default_dir(&dir);
	rc = dir.oom ? evp_fail_oom(&j->err) : evp_catalog_open(&j->catalog, dir.buf, &f, &j->err);
	evp_str_release(&dir);
	return rc ? evp_error_from(&j->err) : EVP_DONE;
}

/* The range, for someone at a terminal who did not give one. */
static void tell_range(const struct evp_query_info *info)
{
	struct evp_str from = { 0 }, to = { 0 };

	if (o.from || !info->rows || evp_verbosity < 0 || !isatty(STDERR_FILENO))
		return;
	evp_format_time(&from, info->from_ns);
	evp_format_time(&to, info->to_ns);
	if (!from.oom && !to.oom)
		evp_warn("everything from %s to %s (see --from)", from.buf, to.buf);
	evp_str_release(&from);
	evp_str_release(&to);
}

static int write_stream(struct job *j, struct evp_writer *w, bool *ret_any)
{
	struct evp_query_info info = { 0 };
	struct evp_answer *a = NULL;
	int rc;

	if (o.raw) {
		rc = evp_query_raw(w, &j->q, j->catalog, &info, &j->err);
		*ret_any = info.rows > 0;
	} else {
		rc = evp_query_run(&a, &j->q, j->catalog, &j->err);
		if (rc)
			return rc;
		info = a->info;
		*ret_any = a->nsums > 0;
		rc = evp_answer_write(a, w, &j->err);
		evp_answer_free(a);
	}
	if (!rc && (rc = evp_writer_end(w)))
		evp_fail_errno(&j->err, -rc, "cannot write the stream");
	tell_range(&info);
	return rc;
}

static int stream(struct job *j)
{
	uint8_t id[16];
	struct evp_writer_opts w = { .sink = evp_writer_out_sink,
				     .flush = evp_writer_out_flush,
				     .tool = evp_no_prov ? NULL : cmd.name,
				     .options = evp_cmd_options_given(),
				     .stream_id = id };
	struct evp_writer *writer = NULL;
	struct evp_out out;
	struct stat st;
	bool any = false;
	int rc;

	if (evp_out_open(&out, o.output, EVP_OUT_BINARY | (evp_force ? EVP_OUT_FORCE : 0), &j->err))
		return evp_error_from(&j->err);
	/* At rest it is compressed; on its way to the next filter that costs more than it saves. */
	w.level = !fstat(out.fd, &st) && S_ISREG(st.st_mode) ? 0 : -1;
	w.sink_arg = &out;
	evp_query_id(&j->q, j->catalog, o.raw, id);
	rc = evp_writer_new(&writer, &w, &j->err);
	if (!rc)
		rc = write_stream(j, writer, &any);
	evp_writer_free(writer);
	if (rc) {
		evp_out_drop(&out);
		return evp_error_from(&j->err);
	}
	return evp_worse(any ? EVP_DONE : EVP_NO, evp_finish(&out));
}

static int top(struct job *j)
{
	struct evp_top_opts t = { .format = o.json  ? EVP_TABLE_JSON
					    : o.tsv ? EVP_TABLE_TSV
						    : EVP_TABLE_TEXT };
	struct evp_origin s = { .symbolized = true };
	struct evp_profile *p = NULL;
	struct evp_answer *a = NULL;
	struct evp_out out;
	int rc = evp_query_run(&a, &j->q, j->catalog, &j->err), status;

	t.limit = o.rows != UINT64_MAX ? o.rows : t.format == EVP_TABLE_TEXT ? 40 : 0;
	if (!rc)
		rc = evp_profile_new(&p, &(struct evp_profile_opts){ 0 }, &j->err);
	if (!rc)
		rc = evp_answer_profile(a, p, &j->err);
	if (!rc)
		rc = evp_profile_join_nameless(&s.profile, p, &j->err);
	if (!rc)
		rc = evp_out_open(&out, o.output, 0, &j->err);
	if (!rc) {
		status = a->nsums ? EVP_DONE : EVP_NO;
		tell_range(&a->info);
		t.style = evp_table_style_of(out.fd);
		rc = evp_top(&s, &t, &out, &j->err);
		if (rc)
			evp_out_drop(&out);
		else
			status = evp_worse(status, evp_finish(&out));
	}
	evp_answer_free(a);
	evp_profile_free(p);
	evp_profile_free(s.profile);
	evp_origin_release(&s);
	return rc ? evp_error_from(&j->err) : status;
}

static int list_types(struct job *j, struct evp_list *l)
{
	const struct evp_catalog *c = j->catalog;
	uint32_t id;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (evp_intern(&l->texts, c->item[i].type, strlen(c->item[i].type), &id))
			return evp_fail_oom(&j->err);
	return evp_list_finish(l) ? evp_fail_oom(&j->err) : 0;
}

static void print_lines(const struct evp_list *l, struct evp_out *out)
{
	struct evp_str s = { 0 };
	size_t i;

	for (i = 0; i < l->n; i++) {
		evp_escape(&s, l->item[i].ptr, l->item[i].len);
		evp_str_putc(&s, '\n');
	}
	if (s.oom)
		out->error = -ENOMEM;
	else
		evp_out_write(out, s.buf, s.len);
	evp_str_release(&s);
}

static int list(struct job *j)
{
	static const enum evp_list_what what[] = {
		[LABELS] = EVP_LIST_LABELS, [VALUES] = EVP_LIST_VALUES, [SERIES] = EVP_LIST_SERIES
	};
	static const char *const keys[] = {
		[LABELS] = "label", [VALUES] = "value", [TYPES] = "type", [SERIES] = "series"
	};
	struct evp_column column = { keys[j->word], keys[j->word], EVP_COL_TEXT };
	struct evp_table t = { .column = &column, .ncolumns = 1 };
	struct evp_list l = { 0 };
	struct evp_out out;
	size_t i;
	int rc = j->word == TYPES
			 ? list_types(j, &l)
			 : evp_query_list(&l, what[j->word], j->label, &j->q, j->catalog, &j->err);

	if (rc || evp_out_open(&out, o.output, 0, &j->err)) {
		evp_list_release(&l);
		return evp_error_from(&j->err);
	}
	for (i = 0; i < l.n; i++)
		evp_table_text(&t, l.item[i].ptr, l.item[i].len);
	if (o.json)
		evp_json_print(evp_table_json(&t), &out);
	else if (o.tsv)
		evp_table_tsv(&t, &out);
	else
		print_lines(&l, &out);
	rc = l.n ? EVP_DONE : EVP_NO;
	evp_table_release(&t);
	evp_list_release(&l);
	return evp_worse(rc, evp_finish(&out));
}

static int answer(struct job *j)
{
	int status = j->word == STREAM ? stream(j) : j->word == TOP ? top(j) : list(j);
	size_t i;

	for (i = 0; i < j->catalog->nbad; i++)
		evp_error("left out '%s': %s", j->catalog->bad[i].path, j->catalog->bad[i].reason);
	if (j->catalog->nbad)
		status = evp_worse(status, EVP_INCOMPLETE);
	if (status == EVP_NO)
		evp_note("nothing matched");
	return status;
}

static int run(void)
{
	struct job j = { 0 };
	int status = take_options(&j);
	size_t i;

	if (!status)
		status = open_store(&j);
	if (!status && (j.word == STREAM || j.word == TOP))
		evp_heap_prefer_huge_pages();
	if (!status)
		status = answer(&j);
	for (i = 0; i < j.q.nfilters; i++)
		evp_regex_free(j.filter[i].regex);
	evp_selector_free(j.q.selector);
	evp_catalog_close(j.catalog);
	return status;
}

int main(int argc, char **argv)
{
	int status = evp_cmd_parse(&cmd, argc, argv);

	return status >= 0 ? status : run();
}
