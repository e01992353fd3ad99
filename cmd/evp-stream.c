// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-stream: look at streams, put them together, cut pieces out.
 *
 *	evp-stream check a.evp; evp-stream cat --from -1h a.evp b.evp | evp-top
 */
#include <string.h>

#include "base/text.h"
#include "cmd/common/cmd.h"
#include "cmd/common/copy.h"
#include "cmd/common/input.h"
#include "format/script.h"
#include "stream/summary.h"

static struct {
	const char *output, *from, *to;
	bool json;
	int64_t from_ns, to_ns;
	struct evp_out out;
} o = { .from_ns = INT64_MIN, .to_ns = INT64_MAX };

static const struct evp_opt opts[] = {
	EVP_OPT_OUTPUT(o.output),
	{ 0, "from", EVP_TEXT, &o.from, "TIME", "cat: windows that begin at TIME or later" },
	{ 0, "to", EVP_TEXT, &o.to, "TIME", "cat: windows that begin before TIME" },
	{ 0, "json", EVP_FLAG, &o.json, NULL, "check, stat: one JSON object an input" },
	EVP_OPT_END,
};

static const struct evp_cmd cmd = {
	.name = "evp-stream",
	.synopsis =
		"check|dump|cat|stat [-qv] [-o FILE] [--from TIME] [--to TIME] [--json] [FILE...]",
	.summary = "Look at streams, put them together, cut pieces out.",
	.opts = opts,
	.detail = "  check   is it whole, cut short, damaged? status 0 or 3\n"
		  "  dump    text, a sample at a time, as perf script prints it\n"
		  "  cat     all operands as one whole stream\n"
		  "  stat    what is in it",
	.formats = EVP_STREAM_FORMATS,
};

/* ---- check, stat ---- */

static int summarize(int fd, const char *name, void *arg)
{
	const bool *check = arg;
	struct evp_summary s = { 0 };
	struct evp_str text = { 0 };
	struct evp_reader *r;
	struct evp_err err;
	int status = EVP_DONE;

	if (evp_reader_open_fd(&r, fd, name, &err))
		return evp_error_from(&err);
	if (evp_summary_read(&s, r, &err))
		status = evp_error_from(&err);
	else if (o.json)
		evp_summary_json(&s, name, &text);
	else if (*check)
		evp_str_printf(&text, "%s: %s\n", name, s.whole ? "whole" : s.why);
	else
		evp_summary_text(&s, name, &text);
	if (status == EVP_DONE && !s.whole)
		status = EVP_INCOMPLETE;
	if (text.oom)
		status = evp_error("out of memory");
	evp_out_write(&o.out, text.buf ? text.buf : "", text.len);
	evp_str_release(&text);
	evp_summary_release(&s);
	evp_reader_free(r);
	return status;
}

/* ---- dump ---- */

static int dump(void *arg, struct evp_reader *r, struct evp_err *err)
{
	struct evp_script *script = NULL;
	struct evp_record rec;
	int rc = evp_script_new(&script, &o.out, err);

	while (!rc && (rc = evp_reader_next(r, &rec, err)) > 0) {
		rc = evp_script_record(script, evp_reader_tables(r), &rec);
		if (rc)
			evp_fail_errno(err, -rc, "cannot write the text");
	}
	evp_script_free(script);
	return rc;
}

/* ---- cat ---- */

static bool in_range(int64_t t)
{
	return t >= o.from_ns && t < o.to_ns;
}

static int keep(void *arg, struct evp_reader *r, const struct evp_record *rec)
{
	if (rec->type == EVP_REC_SAMPLE)
		return in_range(rec->sample.window_ns);
	if (rec->type == EVP_REC_LOSS || rec->type == EVP_REC_DROPPED)
		return in_range(rec->loss.window_ns);
	return 1;
}

static int cat(void)
{
	struct evp_input_filter f = { .mend = true, .record = keep };

	return evp_input_copy(&f, &o.out);
}

static int run(const char *verb)
{
	bool check = !strcmp(verb, "check"), is_cat = !strcmp(verb, "cat");
	int64_t now = evp_now_ns();
	struct evp_err err;
	int status;

	if (!check && !is_cat && strcmp(verb, "dump") && strcmp(verb, "stat"))
		return evp_error("unknown verb '%s' (check, dump, cat, stat)", verb);
	if ((o.from || o.to) && !is_cat)
		return evp_error("--from and --to are of cat");
	if (o.json && (is_cat || !strcmp(verb, "dump")))
		return evp_error("--json is of check and stat");
	if ((o.from && evp_parse_time(o.from, now, &o.from_ns, &err)) ||
	    (o.to && evp_parse_time(o.to, now, &o.to_ns, &err)))
		return evp_error_from(&err);
	if (evp_output_open(&o.out, o.output, is_cat ? EVP_OUT_BINARY : 0))
		return EVP_TROUBLE;
	if (is_cat)
		status = cat();
	else if (!strcmp(verb, "dump"))
		status = evp_input_each(dump, NULL);
	else
		status = evp_each_input(summarize, &check);
	return evp_finish_or_drop(&o.out, status);
}

int main(int argc, char **argv)
{
	int rc = evp_cmd_parse(&cmd, argc, argv);
	const char *verb;

	if (rc >= 0)
		return rc;
	verb = evp_take_operand();
	return verb ? run(verb) : evp_error("no verb (check, dump, cat, stat; -h for help)");
}
