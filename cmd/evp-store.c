// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-store: streams into a store, and what is in it.
 *
 *	evp-record -a | evp-symbolize | evp-store add prof.d
 *	evp-store ls prof.d; evp-store stat --labels prof.d; evp-store verify prof.d
 */
#include <string.h>

#include "base/table.h"
#include "base/text.h"
#include "cmd/common/catalog.h"
#include "cmd/common/cmd.h"
#include "cmd/common/input.h"
#include "cmd/store/add.h"
#include "store/report.h"
#include "store/verify.h"

static struct {
	const char *dir, *output, *type, *from, *to;
	bool json, tsv, labels;
	struct evp_store_add_opts add;
} o = { .add.every_ns = EVP_STORE_EVERY };

static const struct evp_opt opts[] = {
	{ 's', "store", EVP_TEXT, &o.dir, "DIR",
	  "the store (default EVP_STORE, else your data directory)" },
	{ 0, "every", EVP_DURATION, &o.add.every_ns, "TIME",
	  "add: a segment for each TIME of the stream (default 60s)" },
	{ 0, "again", EVP_FLAG, &o.add.again, NULL, "add: store it even if it was added before" },
	{ 0, "type", EVP_TEXT, &o.type, "TYPE", "ls, stat, verify: only this type" },
	{ 0, "from", EVP_TEXT, &o.from, "TIME", "ls, stat, verify: segments that end after TIME" },
	{ 0, "to", EVP_TEXT, &o.to, "TIME", "ls, stat, verify: segments that begin before TIME" },
	{ 0, "labels", EVP_FLAG, &o.labels, NULL, "stat: what each label costs" },
	{ 0, "json", EVP_FLAG, &o.json, NULL, "ls, stat: JSON" },
	{ 0, "tsv", EVP_FLAG, &o.tsv, NULL, "ls, stat: tab-separated, with a header line" },
	EVP_OPT_OUTPUT(o.output),
	EVP_OPT_END,
};

static const struct evp_cmd cmd = {
	.name = "evp-store",
	.synopsis = "add [--every TIME] [--again] [DIR [FILE...]] | ls|stat|verify [--type TYPE] "
		    "[--from TIME] [--to TIME] [--labels] [--json|--tsv] [DIR]",
	.summary = "Streams into a store; what is in it; whether it is whole.",
	.opts = opts,
	.detail =
		"  add     store streams; the directory becomes a store if it is missing or empty\n"
		"  ls      its segments\n"
		"  stat    sizes, by type; with --labels what each label costs\n"
		"  verify  every page and blob against its checksum; status 3 if one is damaged",
	.formats = EVP_STREAM_FORMATS "\nevp-store 1 (reads 1, writes 1)",
};

/* -s, else the first operand, which is taken off, else the default. */
static const char *store_dir(void)
{
	if (!o.dir)
		o.dir = evp_take_operand();
	if (!o.dir)
		o.dir = evp_store_default_dir();
	return o.dir;
}

static int open_catalog(struct evp_catalog **ret_c, bool replaced)
{
	struct evp_catalog_filter f = { .type = o.type, .replaced = replaced };
	int64_t now = evp_now_ns();
	struct evp_err err;

	if (o.from || o.to) {
		f.from_ns = INT64_MIN;
		f.to_ns = INT64_MAX;
	}
	if ((o.from && evp_parse_time(o.from, now, &f.from_ns, &err)) ||
	    (o.to && evp_parse_time(o.to, now, &f.to_ns, &err)) ||
	    evp_catalog_open(ret_c, store_dir(), &f, &err))
		return evp_error_from(&err);
	if (evp_noperands) {
		evp_catalog_close(*ret_c);
		return evp_error("unexpected operand '%s'", *evp_operand);
	}
	return EVP_DONE;
}

static int report(struct evp_catalog *c, const char *verb, struct evp_table *t, struct evp_err *err)
{
	int rc;

	if (!strcmp(verb, "ls"))
		return evp_report_segments(c, t, err);
	if (!strcmp(verb, "stat"))
		return o.labels ? evp_report_labels(c, t, err) : evp_report_types(c, t, err);
	rc = evp_store_verify(c, err);
	if (!rc)
		evp_note("%zu segments, %zu damaged", c->n, c->nbad);
	return rc;
}

static int look(const char *verb)
{
	enum evp_table_format format;
	struct evp_table t = { 0 };
	struct evp_catalog *c;
	struct evp_out out;
	struct evp_err err;
	int status, rc;

	if (evp_output_format(o.json, o.tsv, &format) || open_catalog(&c, !strcmp(verb, "verify")))
		return EVP_TROUBLE;
	if (evp_output_open(&out, o.output, 0)) {
		evp_catalog_close(c);
		return EVP_TROUBLE;
	}
	rc = report(c, verb, &t, &err);
	status = rc ? evp_error_from(&err) : evp_tell_bad(c, "");
	if (!rc && t.column && (rc = evp_table_write(&t, format, &out)))
		status = evp_error("cannot write: %s", strerror(-rc));
	evp_table_release(&t);
	evp_catalog_close(c);
	return evp_finish_or_drop(&out, status);
}

int main(int argc, char **argv)
{
	int rc = evp_cmd_parse(&cmd, argc, argv);
	const char *verb;

	if (rc >= 0)
		return rc;
	verb = evp_take_operand();
	if (!verb)
		return evp_error("no verb (add, ls, stat, verify; -h for help)");
	if (!strcmp(verb, "add"))
		return store_add(store_dir(), &o.add);
	if (strcmp(verb, "ls") && strcmp(verb, "stat") && strcmp(verb, "verify"))
		return evp_error("unknown verb '%s' (add, ls, stat, verify)", verb);
	return look(verb);
}
