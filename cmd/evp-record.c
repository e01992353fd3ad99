// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-record: samples what runs on this machine and writes a stream.
 *
 *	evp-record -a -F 99 --duration 5 | evp-symbolize | evp-fold > out.folded
 *	evp-record -o prof.evp -- make -j2
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd.h"
#include "input.h"
#include "record/check.h"
#include "record/recorder.h"

static struct {
	bool all, user_only, kernel_only, graph, check, json, strict;
	struct evp_texts pids, cgroups, labels;
	uint64_t freq_hz;
	int64_t duration_ns, flush_ns, window_ns;
	const char *output, *backend, *event;
} o = { .duration_ns = -1, .flush_ns = -1, .window_ns = -1, .backend = "auto", .event = "cpu" };

static const struct evp_opt opts[] = {
	{ 'a', "all", EVP_FLAG, &o.all, NULL, "the whole machine (default as root)" },
	{ 'p', "pid", EVP_TEXTS, &o.pids, "PID,...", "these processes and their children" },
	{ 'G', "cgroup", EVP_TEXTS, &o.cgroups, "PATH", "a cgroup (v2) and what is below it" },
	{ 'F', "freq", EVP_U64, &o.freq_hz, "HZ",
	  "samples a second and CPU, 1-1000 (default 99; 19 with -a alone)", 1, 1000 },
	{ 'e', "event", EVP_TEXT, &o.event, "EVENT", "what to sample: cpu" },
	{ 0, "duration", EVP_DURATION, &o.duration_ns, "TIME", "end after this time" },
	{ 'i', "interval", EVP_DURATION, &o.flush_ns, "TIME",
	  "write this often (default 10s; 1s with CMD or --duration)" },
	{ 0, "window", EVP_DURATION, &o.window_ns, "TIME",
	  "add samples up over this time (default 1s; 10s with -a and no end)" },
	{ 'U', "user", EVP_FLAG, &o.user_only, NULL, "only user frames" },
	{ 'K', "kernel", EVP_FLAG, &o.kernel_only, NULL, "only kernel frames" },
	{ 'g', "call-graph", EVP_FLAG, &o.graph, NULL, "accepted: stacks are always recorded" },
	{ 'l', "label", EVP_TEXTS, &o.labels, "KEY=VALUE", "put this label on every sample" },
	EVP_OPT_OUTPUT(o.output),
	{ 0, "backend", EVP_TEXT, &o.backend, "NAME", "auto, bpf or perf" },
	{ 0, "strict", EVP_FLAG, &o.strict, NULL, "with CMD: status 125 when recording failed" },
	{ 0, "check", EVP_FLAG, &o.check, NULL, "say what can be recorded here, and end" },
	{ 0, "json", EVP_FLAG, &o.json, NULL, "with --check: as JSON" },
	EVP_OPT_END,
};

static const struct evp_cmd cmd = {
	.name = "evp-record",
	.synopsis = "[-a] [-p PID,...] [-G CGROUP] [-F HZ] [-o FILE] [--] [CMD [ARG...]]",
	.summary = "Samples of a machine, of processes or of a command to a stream.",
	.opts = opts,
	.formats = EVP_STREAM_FORMATS,
	.stop_at_operand = true,
};

static int check(void)
{
	struct evp_str text = { 0 };
	struct evp_check c;

	evp_check_run(&c);
	if (o.json && evp_check_json(&c, &text))
		return evp_error("out of memory");
	if (!o.json)
		evp_check_text(&c, &text);
	fwrite(text.buf, 1, text.len, stdout);
	evp_str_release(&text);
	return fflush(stdout) ? evp_error("cannot write") : c.can_sample ? EVP_DONE : EVP_TROUBLE;
}

static int find_targets(struct evp_targets *t, struct evp_err *err)
{
	int rc = 0;

	for (size_t i = 0; i < o.pids.n && !rc; i++)
		rc = evp_targets_add_pids(t, o.pids.item[i], err);
	for (size_t i = 0; i < o.cgroups.n && !rc; i++)
		rc = evp_targets_add_cgroup(t, o.cgroups.item[i], err);
	for (size_t i = 0; i < o.labels.n && !rc; i++)
		rc = evp_record_check_label(o.labels.item[i], err);
	return rc;
}

static int backend(enum evp_record_backend *ret)
{
	static const char *const names[] = { "auto", "bpf", "perf" };

	for (size_t i = 0; i < EVP_ARRAY_SIZE(names); i++)
		if (!strcmp(o.backend, names[i])) {
			*ret = (enum evp_record_backend)i;
			return 0;
		}
	return evp_error("unknown backend '%s': it is auto, bpf or perf", o.backend);
}

/* What was not said: see evp-record(1), "DESCRIPTION". */
static int fill_in(void)
{
	bool command = evp_noperands > 0, narrowed = command || o.pids.n || o.cgroups.n;
	bool endless;

	if (strcmp(o.event, "cpu") != 0)
		return evp_error("unknown event '%s': it is cpu", o.event);
	if (o.user_only && o.kernel_only)
		return evp_error("-U and -K exclude each other");
	if (!o.all && !narrowed && geteuid())
		return evp_error("say what to record: -a, -p PID, -G CGROUP or a command");
	o.all = o.all || !narrowed;
	if (!o.duration_ns || !o.flush_ns || !o.window_ns)
		return evp_error("--duration, -i and --window must be longer than nothing");
	endless = o.all && !command && o.duration_ns < 0;
	if (!o.freq_hz)
		o.freq_hz = narrowed ? 99 : 19;
	if (o.flush_ns < 0)
		o.flush_ns = (command || o.duration_ns > 0 ? 1 : 10) * EVP_NSEC;
	if (o.window_ns < 0)
		o.window_ns = (endless && o.flush_ns >= 10 * EVP_NSEC ? 10 : 1) * EVP_NSEC;
	return 0;
}

static void summary(const struct evp_record_result *r)
{
	const struct evp_cost *c = &r->cost;

	if (r->lost)
		evp_warn("%lld samples were lost, %lld recorded; the stream says when and why",
			 (long long)r->lost, (long long)r->samples);
	evp_note(
		"%lld samples in %.1f s; this cost %.3f s of CPU, %.3f s in BPF, %.1f MB of memory",
		(long long)r->samples, (double)(c->to_ns - c->from_ns) / 1e9,
		(double)(c->user_ns + c->system_ns) / 1e9, (double)c->kernel_ns / 1e9,
		(double)c->peak_rss_bytes / 1e6);
}

/* A place to write to is our business, not the command's: it runs all the same, unless --strict. */
static int without_output(const struct evp_err *err)
{
	int code;

	evp_error_from(err);
	if (!evp_noperands || err->code == ENOTTY)
		return EVP_TROUBLE;
	if (o.strict)
		return EVP_UNSURE;
	execvp(evp_operand[0], evp_operand);
	code = errno;
	evp_error("cannot run '%s': %s", evp_operand[0], strerror(code));
	return code == ENOENT ? 127 : 126;
}

static int record(struct evp_targets *targets, struct evp_err *err)
{
	struct evp_record_result result;
	struct evp_out out = { 0 };
	struct evp_record_opts ro = {
		.all = o.all,
		.targets = targets,
		.argv = evp_noperands ? evp_operand : NULL,
		.user = !o.kernel_only,
		.kernel = !o.user_only,
		.freq_hz = o.freq_hz,
		.duration_ns = o.duration_ns < 0 ? 0 : o.duration_ns,
		.flush_ns = o.flush_ns,
		.window_ns = o.window_ns,
		.labels = o.labels.item,
		.nlabels = o.labels.n,
		.out = &out,
		.tool = evp_no_prov ? NULL : cmd.name,
		.options = evp_cmd_options_given(),
		.warn = evp_warn,
		.note = evp_note,
	};
	int rc, status;

	if (backend(&ro.backend))
		return EVP_TROUBLE;
	ro.stdout_is_stream = !o.output || !strcmp(o.output, "-");
	if (evp_out_open(&out, o.output,
			 EVP_OUT_BINARY | EVP_OUT_DIRECT | (evp_force ? EVP_OUT_FORCE : 0), err))
		return without_output(err);
	rc = evp_record_run(&ro, &result, err);
	status = rc ? evp_error_from(err) : EVP_DONE;
	summary(&result);
	if (result.reader_gone)
		evp_out_drop(&out);
	else
		status = evp_worse(status, evp_finish(&out));
	if (!result.ran_command)
		return status;
	return status && o.strict ? EVP_UNSURE : result.command_status;
}

int main(int argc, char **argv)
{
	struct evp_targets targets = { 0 };
	struct evp_err err = { 0 };
	int rc = evp_cmd_parse(&cmd, argc, argv);

	if (rc >= 0)
		return rc;
	if (o.check)
		return check();
	rc = fill_in();
	if (!rc)
		rc = find_targets(&targets, &err) ? evp_error_from(&err) : record(&targets, &err);
	evp_targets_release(&targets);
	return rc;
}
