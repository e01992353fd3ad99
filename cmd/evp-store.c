// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-store: streams into a store, and what is in it.
 *
 *	evp-record -a | evp-symbolize | evp-store add prof.d
 *	evp-store ls prof.d; evp-store stat --labels prof.d; evp-store verify prof.d
 */
#define _GNU_SOURCE
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/table.h"
#include "base/text.h"
#include "cmd/common/cmd.h"
#include "cmd/common/input.h"
#include "store/add.h"
#include "store/report.h"
#include "store/verify.h"

#define GRACE_MS 2000 /* after SIGTERM: for what the others in the pipe still have to say */

static struct {
	const char *dir, *output, *type, *from, *to;
	bool again, json, tsv, labels;
	int64_t every_ns;
	struct evp_out out;
} o = { .every_ns = EVP_STORE_EVERY };

static const struct evp_opt opts[] = {
	{ 's', "store", EVP_TEXT, &o.dir, "DIR",
	  "the store (default EVP_STORE, else your data directory)" },
	{ 0, "every", EVP_DURATION, &o.every_ns, "TIME",
	  "add: a segment for each TIME of the stream (default 60s)" },
	{ 0, "again", EVP_FLAG, &o.again, NULL, "add: store it even if it was added before" },
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

static const char *store_dir(void)
{
	static struct evp_str fallback;

	if (!o.dir && evp_noperands) {
		o.dir = *evp_operand++;
		evp_noperands--;
	}
	if (!o.dir) {
		evp_store_default_dir(&fallback);
		o.dir = fallback.buf;
	}
	return o.dir;
}

/* ---- add ---- */

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	stopped++;
}

/* Reads; once told to stop, for GRACE_MS more, so that what a stopped recorder flushes still gets in. */
static int64_t read_until_stopped(void *arg, void *buf, size_t len)
{
	static int64_t last_ms;
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	for (;;) {
		int64_t now_ms = evp_now_ns() / 1000000;
		ssize_t n;
		int ready;

		if (stopped && !last_ms)
			last_ms = now_ms + GRACE_MS;
		if (stopped > 1 || (stopped && now_ms >= last_ms))
			return 0;
		ready = poll(&p, 1, stopped ? (int)(last_ms - now_ms) : -1);
		if (ready <= 0)
			continue;
		n = read(p.fd, buf, len);
		if (n >= 0 || errno != EINTR)
			return n < 0 ? -errno : n;
	}
}

static int add_input(int fd, const char *name, void *arg)
{
	const struct evp_reader_opts ro = { .read = read_until_stopped, .arg = &fd, .name = name };
	struct evp_reader *r;
	struct evp_err err;
	int status;

	if (evp_reader_new(&r, &ro, &err))
		return evp_error_from(&err);
	if (evp_store_add_stream(arg, r, &err))
		status = evp_error_from(&err);
	else
		status = stopped ? EVP_DONE : evp_input_verdict(r, name);
	evp_reader_free(r);
	return status;
}

static bool seekable(const char *name)
{
	struct stat st;

	return !(strcmp(name, "-") ? stat(name, &st) : fstat(STDIN_FILENO, &st)) &&
	       S_ISREG(st.st_mode);
}

static int tell_added(const struct evp_store_add_stats *s, const char *dir)
{
	evp_note("'%s': %llu segments, %llu rows, %lld samples, %llu bytes; %llu segments were "
		 "there",
		 dir, (unsigned long long)s->segments, (unsigned long long)s->rows,
		 (long long)s->samples, (unsigned long long)s->bytes,
		 (unsigned long long)s->present);
	if (s->dropped_types)
		evp_warn("%llu values were not stored: a row holds one value and its samples",
			 (unsigned long long)s->dropped_types);
	if (s->lost_samples)
		evp_warn("%llu lost samples are not in the store: no sample came after them",
			 (unsigned long long)s->lost_samples);
	if (s->odd_windows)
		evp_warn("%llu segments are from before 2015 or more than a day ahead: is the "
			 "clock right?",
			 (unsigned long long)s->odd_windows);
	if (!s->dropped_windows)
		return EVP_DONE;
	evp_error("no space left for '%s': %lld samples in %llu windows dropped", dir,
		  (long long)s->dropped_samples, (unsigned long long)s->dropped_windows);
	return s->segments ? EVP_INCOMPLETE : EVP_TROUBLE;
}

static void warn(const char *text)
{
	evp_warn("%s", text);
}

static int add(void)
{
	const struct sigaction on_stop = { .sa_handler = stop };
	struct evp_store_add_opts ao = { .every_ns = o.every_ns, .again = o.again, .warn = warn };
	const char *dir = store_dir();
	struct evp_store_add *a;
	struct evp_err err;
	int i, status;

	for (i = 0; i < evp_noperands; i++)
		ao.endless |= !seekable(evp_operand[i]);
	ao.endless |= !evp_noperands && !seekable("-");
	sigaction(SIGTERM, &on_stop, NULL);
	sigaction(SIGINT, &on_stop, NULL);
	if (evp_store_add_new(&a, dir, &ao, &err))
		return evp_error_from(&err);
	status = evp_each_input(add_input, a);
	status = evp_worse(status, tell_added(evp_store_add_stats(a), dir));
	evp_store_add_free(a);
	return status;
}

/* ---- ls, stat, verify ---- */

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

/* Says what could not be read; the status for it. */
static int tell_bad(const struct evp_catalog *c)
{
	size_t i;

	for (i = 0; i < c->nbad; i++)
		evp_error("'%s': %s", c->bad[i].path, c->bad[i].reason);
	return c->nbad ? EVP_INCOMPLETE : EVP_DONE;
}

static int print_table(const struct evp_table *t)
{
	struct evp_table_style style = evp_table_style_of(o.out.fd);
	json_t *json = o.json ? evp_table_json(t) : NULL;
	int rc;

	if (o.json)
		rc = json ? evp_json_print(json, &o.out) : -ENOMEM;
	else
		rc = o.tsv ? evp_table_tsv(t, &o.out) : evp_table_print(t, &o.out, &style);
	return rc ? evp_error("cannot write: %s", strerror(-rc)) : EVP_DONE;
}

static int verify(struct evp_catalog *c, struct evp_err *err)
{
	struct evp_err why;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (evp_segment_verify(c, &c->item[i], &why) &&
		    evp_catalog_bad(c, c->item[i].path, why.msg))
			return evp_fail_oom(err);
	evp_note("%zu segments, %zu damaged", c->n, c->nbad);
	return 0;
}

static int look(const char *verb)
{
	struct evp_table t = { 0 };
	struct evp_catalog *c;
	struct evp_err err;
	int status, rc;

	if (o.json && o.tsv)
		return evp_error("--json and --tsv exclude each other");
	status = open_catalog(&c, !strcmp(verb, "verify"));
	if (status != EVP_DONE)
		return status;
	if (evp_out_open(&o.out, o.output, 0, &err)) {
		evp_catalog_close(c);
		return evp_error_from(&err);
	}
	if (!strcmp(verb, "verify"))
		rc = verify(c, &err);
	else if (!strcmp(verb, "ls"))
		rc = evp_report_segments(c, &t, &err);
	else
		rc = o.labels ? evp_report_labels(c, &t, &err) : evp_report_types(c, &t, &err);
	status = rc ? evp_error_from(&err) : tell_bad(c);
	if (!rc && t.column)
		status = evp_worse(status, print_table(&t));
	evp_table_release(&t);
	evp_catalog_close(c);
	return evp_worse(status, evp_finish(&o.out));
}

int main(int argc, char **argv)
{
	int rc = evp_cmd_parse(&cmd, argc, argv);
	const char *verb;

	if (rc >= 0)
		return rc;
	if (!evp_noperands)
		return evp_error("no verb (add, ls, stat, verify; -h for help)");
	evp_noperands--;
	verb = *evp_operand++;
	if (!strcmp(verb, "add"))
		return add();
	if (strcmp(verb, "ls") && strcmp(verb, "stat") && strcmp(verb, "verify"))
		return evp_error("unknown verb '%s' (add, ls, stat, verify)", verb);
	return look(verb);
}
