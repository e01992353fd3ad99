// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/recorder.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "record/intake.h"
#include "record/overhead.h"
#include "record/period.h"
#include "record/privilege.h"
#include "record/process_read.h"
#include "record/shortfall.h"
#include "record/workload.h"

#define TICK_NS	      1000000000LL
#define HOLD_BACK_NS  50000000LL
#define REAP_AFTER_NS 2000000000LL /* samples of an ended process are long through by then */

struct recorder {
	const struct evp_record_opts *opts;
	struct evp_signals signals;
	struct evp_workload work;
	struct evp_kernel_syms *ks;
	struct evp_intake in;
	struct evp_recording recording;
	struct evp_overhead overhead;
	int64_t begin_ns, deadline_ns; /* of sampling, monotonic; deadline 0: no end set */
	bool sampling;
	bool stop; /* end the stream now */
	bool signalled;
};

/* ---- what it costs ---- */

/* All that this costs: our own time, that of the unwinder's child, and inside BPF. */
static int64_t spent_ns(const struct recorder *r)
{
	return evp_clock_ns(CLOCK_PROCESS_CPUTIME_ID) + evp_intake_helpers_ns(&r->in) +
	       evp_intake_kernel_ns(&r->in);
}

static int set_period(struct recorder *r, int64_t period_ns)
{
	return r->in.src.ops->set_period(r->in.src.sampler, period_ns);
}

/* Another rate where recording costs more than it may, or less than it did. */
static int hold_costs(struct recorder *r)
{
	struct evp_overhead *o = &r->overhead;
	int rc;

	if (!evp_overhead_look(o, evp_clock_ns(CLOCK_MONOTONIC), spent_ns(r)))
		return 0;
	rc = set_period(r, o->period_ns);
	r->opts->note("recording took %.3g %% of a CPU, %.3g %% are allowed: %.3g Hz from now on",
		      o->share * 100, o->limit * 100, 1e9 / (double)o->period_ns);
	return rc ? rc
		  : evp_recording_rate(&r->recording, evp_clock_ns(CLOCK_MONOTONIC), o->period_ns);
}

static void begin_holding_costs(struct recorder *r)
{
	struct evp_overhead *o = &r->overhead;

	*o = (struct evp_overhead){ .limit = r->opts->max_overhead,
				    .asked_ns = r->opts->period_ns };
	if (o->limit > 0 && set_period(r, o->asked_ns) == -ENOTSUP) {
		r->opts->warn("perf events of single threads keep their rate: "
			      "--max-overhead cannot be held");
		o->limit = 0;
	}
	evp_overhead_begin(o, evp_clock_ns(CLOCK_MONOTONIC), spent_ns(r));
}

static void read_clocks(struct recorder *r, struct evp_clock *ret)
{
	evp_recording_clock(&r->recording, ret);
	r->in.procs.boot_offset_ns = ret->boottime_ns - ret->monotonic_ns;
	r->in.procs.real_offset_ns = ret->realtime_ns - ret->monotonic_ns;
}

/* For the cost records: what getrusage(2) does not say of us. */
static void read_costs(struct recorder *r)
{
	r->recording.kernel_ns = evp_intake_kernel_ns(&r->in);
	r->recording.helpers_ns = evp_intake_helpers_ns(&r->in);
}

/* ---- the loop ---- */

static int tick(struct recorder *r, struct evp_err *err)
{
	struct evp_clock clock;
	int64_t done_ns;
	bool epoch;
	int rc;

	read_clocks(r, &clock);
	done_ns = clock.monotonic_ns - HOLD_BACK_NS;
	rc = evp_intake_work(&r->in, done_ns);
	if (rc || done_ns < evp_recording_due(&r->recording))
		return rc;
	read_costs(r);
	rc = evp_recording_flush(&r->recording, done_ns, &clock, &epoch, err);
	if (!rc)
		rc = hold_costs(r);
	return rc ? rc : evp_procs_reap(&r->in.procs, done_ns - REAP_AFTER_NS, epoch);
}

/* A terminal's signal reaches the command by itself, one sent to us is passed on; it then decides. */
static void on_signal(struct recorder *r)
{
	bool sent;
	int sig = evp_signals_next(&r->signals, &sent);

	if (!sig)
		return;
	if (!r->work.pid || r->signalled)
		r->stop = true;
	r->signalled = true;
	if (r->work.pid && sent)
		evp_workload_signal(&r->work, sig);
}

/* Whether nobody that was asked for is left; of a command its own end counts. */
static bool targets_ended(const struct recorder *r)
{
	const struct evp_record_opts *o = r->opts;

	return !o->all && !o->targets->ncgroups && !r->work.pid &&
	       evp_targets_ended(o->targets, &r->in.procs);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Until sampling begins, the next flush, the end, or the next look, whichever comes first. */
static int timeout_ms(const struct recorder *r)
{
	int64_t now = evp_clock_ns(CLOCK_MONOTONIC), then = now + TICK_NS;

	if (evp_intake_is_urgent(&r->in))
		then = now + HOLD_BACK_NS;
	then = earlier(then, evp_recording_due(&r->recording) + HOLD_BACK_NS);
	if (!r->sampling)
		then = earlier(then, r->begin_ns);
	if (r->deadline_ns)
		then = earlier(then, r->deadline_ns);
	return then < now ? 0 : (int)((then - now) / 1000000 + 1);
}

static int begin_sampling(struct recorder *r, struct evp_err *err)
{
	int rc = r->in.src.ops->start(r->in.src.sampler, err);

	r->sampling = !rc;
	r->begin_ns = evp_clock_ns(CLOCK_MONOTONIC);
	evp_recording_begin(&r->recording);
	if (r->opts->duration_ns)
		r->deadline_ns = r->begin_ns + r->opts->duration_ns;
	return rc;
}

/* The delay is over. Who was forked until now is known to the sampler before the first sample. */
static int end_delay(struct recorder *r, struct evp_err *err)
{
	int rc = begin_sampling(r, err);

	if (!rc)
		rc = evp_intake_work(&r->in, r->begin_ns);
	begin_holding_costs(r);
	return rc;
}

static int loop(struct recorder *r, struct evp_err *err)
{
	const struct evp_sources *src = &r->in.src;
	struct pollfd fds[5] = {
		{ .fd = r->signals.fd, .events = POLLIN },
		{ .fd = src->ops->poll_fd(src->sampler), .events = POLLIN },
		{ .fd = -1 }, /* the output; POLLERR: its reader is gone */
		{ .fd = r->work.pid ? r->work.pidfd : -1, .events = POLLIN },
		{ .fd = evp_sideband_fd(src->sb), .events = POLLIN },
	};
	int rc = 0;

	while (!rc && !r->stop) {
		fds[2].fd = r->opts->out->fd; /* files change */
		if (poll(fds, EVP_ARRAY_SIZE(fds), timeout_ms(r)) < 0 && errno != EINTR)
			return -errno;
		if (fds[0].revents)
			on_signal(r);
		if (fds[2].revents & POLLERR)
			return -EPIPE;
		rc = tick(r, err);
		if (!rc && !r->sampling && evp_clock_ns(CLOCK_MONOTONIC) >= r->begin_ns)
			rc = end_delay(r, err);
		if ((r->work.pid && evp_workload_poll(&r->work)) || targets_ended(r) ||
		    (r->deadline_ns && evp_clock_ns(CLOCK_MONOTONIC) >= r->deadline_ns))
			r->stop = true;
	}
	return rc;
}

/* The rest: nothing is held back any more. */
static int finish(struct recorder *r)
{
	struct evp_clock clock;
	int rc;

	r->in.src.ops->stop(r->in.src.sampler);
	read_clocks(r, &clock);
	rc = evp_intake_work(&r->in, INT64_MAX);
	read_costs(r);
	return rc ? rc : evp_recording_end(&r->recording, &clock);
}

/* ---- starting ---- */

/* Everything opened, and sampling: what is read from here on takes long. */
static int start(struct recorder *r, struct evp_err *err)
{
	int rc = evp_kernel_syms_new(&r->ks, "");

	if (rc)
		return evp_fail_oom(err);
	rc = evp_period_check(r->opts->period_ns, err);
	if (!rc)
		rc = evp_intake_open(&r->in, r->opts, r->ks, &r->recording, err);
	if (!rc)
		rc = evp_recording_open(&r->recording, r->opts, r->ks, err);
	r->recording.tr.unwinder = r->in.unwinder;
	return rc || r->opts->delay_ns ? rc : begin_sampling(r, err);
}

static int release_command(struct recorder *r, struct evp_err *err)
{
	int rc = r->work.pid ? evp_workload_release(&r->work, err) : 0;

	return rc ? evp_fail_errno(err, -rc, "cannot run '%s'", r->opts->argv[0]) : 0;
}

static void settle(const struct recorder *r)
{
	unsigned int keep = (r->in.src.ops == &evp_sampler_bpf ? EVP_KEEP_BPF : 0) |
			    (r->work.pid ? EVP_KEEP_KILL : 0) |
			    (r->opts->rotate ? EVP_KEEP_FILES : 0);
	int rc = evp_privilege_settle(keep);

	if (rc)
		r->opts->warn("cannot drop capabilities that are not needed any more: %s",
			      strerror(-rc));
}

/* The processes and names there were before. What happens meanwhile waits in the sources. */
static int look_around(struct recorder *r, struct evp_err *err)
{
	const struct evp_record_opts *o = r->opts;
	int rc = evp_targets_select(o->targets, &r->in.procs, r->work.pid, o->all, err);

	if (rc)
		return rc;
	if (!r->sampling)
		r->begin_ns = evp_clock_ns(CLOCK_MONOTONIC) + o->delay_ns;
	rc = release_command(r, err);
	/* A cgroup's processes too: who starts children there may itself never be sampled. */
	if (!rc && (o->all || o->targets->ncgroups))
		rc = evp_procs_scan(&r->in.procs, err);
	if (rc)
		return rc;
	evp_intake_take(&r->in);
	if (o->kernel)
		evp_kernel_syms_reason(r->ks); /* reads them: not the first second's cost */
	evp_intake_take(&r->in);
	evp_shortfall_begin(o, r->ks, &r->in.procs);
	return 0;
}

static int record(struct recorder *r, struct evp_err *err)
{
	int rc = start(r, err);

	if (!rc)
		rc = look_around(r, err);
	if (rc)
		return rc;
	if (r->sampling)
		begin_holding_costs(r);
	settle(r);
	rc = loop(r, err);
	if (r->recording.no_next_file)
		finish(r);
	else if (!rc)
		rc = finish(r);
	evp_shortfall_end(r->opts, &r->in.procs);
	if (rc && rc != -EPIPE && !err->msg[0])
		evp_fail_errno(err, -rc, "recording stopped");
	return rc;
}

/* ---- the whole ---- */

static int run_command(struct recorder *r, struct evp_err *err)
{
	int rc = evp_workload_start(&r->work, r->opts->argv, &r->signals, r->opts->stdout_is_stream,
				    err);

	if (rc)
		r->work.pid = 0;
	else if (evp_targets_add_pid(r->opts->targets, r->work.pid))
		rc = evp_fail(err, E2BIG, "too many processes");
	return rc;
}

static void end_command(struct recorder *r, struct evp_record_result *ret)
{
	if (!r->work.pid)
		return;
	if (!r->work.released)
		evp_workload_release(&r->work, NULL);
	ret->ran_command = true;
	ret->command_status = evp_workload_wait(&r->work);
	evp_workload_close(&r->work);
}

/* How it went, before anything is closed. */
static void tell(const struct recorder *r, struct evp_record_result *ret)
{
	const struct evp_relabel *rules = r->opts->labels.relabel;

	ret->samples = r->recording.windows.samples;
	ret->lost = r->recording.lost;
	ret->dropped = r->recording.dropped;
	ret->cost = r->recording.total;
	ret->rate_changes = r->overhead.nchanges;
	ret->period_ns = r->overhead.period_ns;
	if (r->in.unwinder)
		evp_unwinder_stats(r->in.unwinder, &ret->unwinding);
	if (r->in.unfollowed)
		r->opts->warn("%llu children were not sampled: too many processes at once",
			      (unsigned long long)r->in.unfollowed);
	if (rules && evp_relabel_gave_up(rules))
		r->opts->warn("a regular expression of the rules took too long %zu times, and did "
			      "not match",
			      evp_relabel_gave_up(rules));
}

int evp_record_run(const struct evp_record_opts *opts, struct evp_record_result *ret,
		   struct evp_err *err)
{
	struct recorder *r = calloc(1, sizeof(*r));
	int rc;

	*ret = (struct evp_record_result){ 0 };
	if (!r)
		return evp_fail_oom(err);
	r->opts = opts;
	rc = evp_signals_open(&r->signals, err);
	if (rc)
		goto out;
	if (opts->argv)
		rc = run_command(r, err);
	evp_privilege_raise();
	if (!rc)
		rc = record(r, err);
	ret->reader_gone = rc == -EPIPE;
	tell(r, ret);
	evp_intake_close(&r->in);
	evp_recording_release(&r->recording);
	evp_kernel_syms_free(r->ks);
	end_command(r, ret);
	evp_signals_close(&r->signals);
out:
	free(r);
	return rc == -EPIPE ? 0 : rc;
}
