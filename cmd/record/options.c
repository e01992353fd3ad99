// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/record/options.h"

#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/common/input.h"
#include "record/privilege.h"

#define MSEC (EVP_NSEC / 1000)
#define DAY  (86400 * EVP_NSEC)

static struct {
	bool all, user_only, kernel_only, graph, check, json, strict;
	struct evp_texts pids, tids, cgroups, labels, env;
	uint64_t freq_hz, period_ns, delay_ms;
	double max_overhead;
	int64_t duration_ns, flush_ns, window_ns, jitter_ns;
	const char *output, *backend, *event, *chosen, *rules, *rotate;
} o = { .duration_ns = -1, .flush_ns = -1, .window_ns = -1, .backend = "auto", .event = "cpu" };

static const struct evp_opt opts[] = {
	{ 'a', "all", EVP_FLAG, &o.all, NULL, "the whole machine (default as root)" },
	{ 'p', "pid", EVP_TEXTS, &o.pids, "PID,...", "these processes and their children" },
	{ 't', "tid", EVP_TEXTS, &o.tids, "TID,...",
	  "these threads, and processes that they start" },
	{ 'G', "cgroup", EVP_TEXTS, &o.cgroups, "PATH", "a cgroup (v2) and what is below it" },
	{ 'F', "freq", EVP_U64, &o.freq_hz, "HZ",
	  "samples a second and CPU, 1-1000 (default 99; 19 with -a alone)", 1, 1000 },
	{ 'c', "count", EVP_U64, &o.period_ns, "PERIOD",
	  "instead: a sample every so many nanoseconds of CPU time", 1e6, 1e9 },
	{ 0, "max-overhead", EVP_F64, &o.max_overhead, "PCT",
	  "lower the rate where recording takes more of one CPU", 0.001, 100 },
	{ 'e', "event", EVP_TEXT, &o.event, "EVENT", "what to sample: cpu" },
	{ 'D', "delay", EVP_U64, &o.delay_ms, "MS",
	  "begin to sample so many milliseconds after the start", 0, 86400000 },
	{ 0, "duration", EVP_DURATION, &o.duration_ns, "TIME", "sample for this time", MSEC,
	  366. * DAY },
	{ 'i', "interval", EVP_DURATION, &o.flush_ns, "TIME",
	  "write this often (default 10s; 1s with CMD or --duration)", 10 * MSEC, 366. * DAY },
	{ 0, "jitter", EVP_DURATION, &o.jitter_ns, "TIME",
	  "write later than others by a random time below this", 0, 366. * DAY },
	{ 0, "window", EVP_DURATION, &o.window_ns, "TIME",
	  "add samples up over this time (default 1s; 10s with -a and no end)", MSEC, DAY },
	{ 'U', "user", EVP_FLAG, &o.user_only, NULL, "only user frames" },
	{ 'K', "kernel", EVP_FLAG, &o.kernel_only, NULL, "only kernel frames" },
	{ 'g', "call-graph", EVP_FLAG, &o.graph, NULL, "accepted: stacks are always recorded" },
	{ 'l', "label", EVP_TEXTS, &o.labels, "KEY=VALUE", "put this label on every sample" },
	{ 0, "labels", EVP_TEXT, &o.chosen, "LIST",
	  "label samples by these; +NAME and -NAME change the default" },
	{ 0, "env", EVP_TEXTS, &o.env, "NAME", "a variable of the process as label env_NAME" },
	{ 0, "relabel", EVP_TEXT, &o.rules, "FILE",
	  "change labels, drop samples: rules as Prometheus has them" },
	EVP_OPT_OUTPUT(o.output),
	{ 0, "rotate", EVP_TEXT, &o.rotate, "SIZE|TIME",
	  "with -o: end a file and begin the next at this size, or this often" },
	{ 0, "backend", EVP_TEXT, &o.backend, "NAME", "auto, bpf or perf" },
	{ 0, "strict", EVP_FLAG, &o.strict, NULL, "with CMD: status 125 when recording failed" },
	{ 0, "check", EVP_FLAG, &o.check, NULL, "say what can be recorded here, and end" },
	{ 0, "json", EVP_FLAG, &o.json, NULL, "with --check: as JSON" },
	EVP_OPT_END,
};

const struct evp_cmd record_cmd = {
	.name = "evp-record",
	.synopsis =
		"[-a] [-p PID,...] [-t TID,...] [-G CGROUP] [-F HZ] [-o FILE] [--] [CMD [ARG...]]",
	.summary = "Samples of a machine, of processes or of a command to a stream.",
	.opts = opts,
	.formats = EVP_STREAM_FORMATS,
	.stop_at_operand = true,
};

static int find_targets(struct evp_targets *t, struct evp_err *err)
{
	int rc = 0;

	evp_privilege_raise(); /* processes may be hidden */
	for (size_t i = 0; i < o.pids.n && !rc; i++)
		rc = evp_targets_add_pids(t, o.pids.item[i], err);
	for (size_t i = 0; i < o.tids.n && !rc; i++)
		rc = evp_targets_add_tids(t, o.tids.item[i], err);
	for (size_t i = 0; i < o.cgroups.n && !rc; i++)
		rc = evp_targets_add_cgroup(t, o.cgroups.item[i], err);
	evp_privilege_lower();
	return rc;
}

static int find_labels(struct evp_labeller_opts *ret, struct evp_err *err)
{
	int rc = 0;

	*ret = (struct evp_labeller_opts){ .chosen = EVP_LABELS_DEFAULT,
					   .fixed = o.labels.item,
					   .nfixed = o.labels.n,
					   .env = o.env.item,
					   .nenv = o.env.n };
	if (o.chosen)
		rc = evp_labels_choose(o.chosen, &ret->chosen, err);
	if (!rc && o.rules)
		rc = evp_relabel_open(&ret->relabel, o.rules, err);
	return rc ? rc : evp_labeller_check(ret, err);
}

static int find_backend(enum evp_record_backend *ret)
{
	static const char *const names[] = { "auto", "bpf", "perf" };

	for (size_t i = 0; i < EVP_ARRAY_SIZE(names); i++)
		if (!strcmp(o.backend, names[i])) {
			*ret = (enum evp_record_backend)i;
			return -1;
		}
	return evp_error("unknown backend '%s': it is auto, bpf or perf", o.backend);
}

static bool to_stdout(void)
{
	return !o.output || !strcmp(o.output, "-");
}

static int read_rotation(struct evp_rotate *rotate)
{
	struct evp_err err = { 0 };

	if (!o.rotate)
		return -1;
	if (to_stdout())
		return evp_error("--rotate needs -o FILE");
	if (evp_rotate_parse(rotate, o.rotate, &err))
		return evp_error("--rotate: %s", err.msg);
	rotate->pattern = o.output;
	return -1;
}

static int refuse_contradictions(void)
{
	if (strcmp(o.event, "cpu") != 0)
		return evp_error("unknown event '%s': it is cpu", o.event);
	if (o.user_only && o.kernel_only)
		return evp_error("-U and -K exclude each other");
	if (o.freq_hz && o.period_ns)
		return evp_error("-F and -c exclude each other");
	if (o.json)
		return evp_error("--json needs --check");
	return -1;
}

/* What was not said: see evp-record(1), "DESCRIPTION". */
static int fill_in(int64_t rotate_ns)
{
	bool command = evp_noperands > 0, narrowed = command || o.pids.n || o.tids.n || o.cgroups.n;
	bool endless;

	if (!o.all && !narrowed && geteuid())
		return evp_error("say what to record: -a, -p PID, -t TID, -G CGROUP or a command");
	o.all = o.all || !narrowed;
	endless = o.all && !command && o.duration_ns < 0;
	if (!o.period_ns)
		o.period_ns = (uint64_t)EVP_NSEC / (o.freq_hz ? o.freq_hz : narrowed ? 99 : 19);
	if (o.flush_ns < 0) {
		o.flush_ns = (command || o.duration_ns > 0 ? 1 : 10) * EVP_NSEC;
		if (rotate_ns && rotate_ns < o.flush_ns)
			o.flush_ns = rotate_ns;
	}
	if (rotate_ns && rotate_ns < o.flush_ns)
		return evp_error("--rotate is shorter than the interval of -i");
	if (o.jitter_ns > o.flush_ns)
		return evp_error("--jitter is longer than the interval of -i");
	if (o.window_ns < 0)
		o.window_ns = (endless && o.flush_ns >= 10 * EVP_NSEC ? 10 : 1) * EVP_NSEC;
	return -1;
}

static int fill_record(struct record_options *ro)
{
	struct evp_err err = { 0 };
	int rc;

	ro->record = (struct evp_record_opts){
		.all = o.all,
		.targets = &ro->targets,
		.argv = evp_noperands ? evp_operand : NULL,
		.user = !o.kernel_only,
		.kernel = !o.user_only,
		.period_ns = (int64_t)o.period_ns,
		.max_overhead = o.max_overhead / 100,
		.delay_ns = (int64_t)o.delay_ms * MSEC,
		.duration_ns = o.duration_ns < 0 ? 0 : o.duration_ns,
		.flush_ns = o.flush_ns,
		.window_ns = o.window_ns,
		.jitter_ns = o.jitter_ns,
		.stdout_is_stream = to_stdout(),
		.rotate = o.rotate ? &ro->rotate : NULL,
		.tool = evp_no_prov ? NULL : record_cmd.name,
		.options = evp_cmd_options_given(),
		.warn = evp_warn,
		.note = evp_note,
	};
	rc = find_labels(&ro->record.labels, &err);
	if (!rc)
		rc = find_targets(&ro->targets, &err);
	return rc ? evp_error_from(&err) : find_backend(&ro->record.backend);
}

int record_options_read(struct record_options *ret)
{
	int rc;

	*ret = (struct record_options){
		.check = o.check, .json = o.json, .strict = o.strict, .output = o.output
	};
	if (o.check)
		return -1;
	rc = refuse_contradictions();
	if (rc < 0)
		rc = read_rotation(&ret->rotate);
	if (rc < 0)
		rc = fill_in(ret->rotate.interval_ns);
	return rc < 0 ? fill_record(ret) : rc;
}

void record_options_release(struct record_options *ro)
{
	evp_targets_release(&ro->targets);
	evp_relabel_free(ro->record.labels.relabel);
}
