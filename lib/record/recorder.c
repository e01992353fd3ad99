// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/recorder.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "record/inbox.h"
#include "record/recording.h"
#include "record/overhead.h"
#include "record/period.h"
#include "record/privilege.h"
#include "record/process_read.h"
#include "record/processes.h"
#include "record/rights.h"
#include "record/sampler_perf.h"
#include "record/shortfall.h"
#include "record/sideband.h"
#include "record/unwinder.h"
#include "record/workload.h"

#define TICK_NS	      1000000000LL
#define HOLD_BACK_NS  50000000LL
#define TAKE_EVERY_NS 100000000LL  /* no ring fills up sooner, however long other work takes */
#define REAP_AFTER_NS 2000000000LL /* samples of an ended process are long through by then */

struct recorder {
	const struct evp_record_opts *opts;
	struct evp_signals signals;
	struct evp_workload work;
	struct evp_sideband *sb;
	const struct evp_sampler_ops *ops;
	struct evp_sampler *sampler;
	struct evp_inbox inbox;
	struct evp_procs procs;
	struct evp_kernel_syms *ks;
	struct evp_unwinder *unwinder; /* NULL where user frames are not wanted */
	struct evp_recording recording;
	struct evp_overhead overhead;
	int64_t begin_ns, deadline_ns; /* of sampling, monotonic; deadline 0: no end set */
	bool sampling;
	int64_t taken_ns;    /* when the sampler was drained last */
	int rc;		     /* first failure inside a callback */
	uint64_t unfollowed; /* children that there was no room for */
	bool stop;	     /* end the stream now */
	bool signalled;
};

static void keep_rc(struct recorder *r, int rc)
{
	if (rc && !r->rc)
		r->rc = rc;
}

/* ---- samples and events in order of time ---- */

static void on_raw_stack(void *arg, const struct evp_raw_stack *stack)
{
	struct recorder *r = arg;

	keep_rc(r, evp_inbox_put_stack(&r->inbox, stack));
}

static void on_raw_sample(void *arg, const struct evp_raw_sample *sample)
{
	struct recorder *r = arg;

	keep_rc(r, evp_inbox_put_sample(&r->inbox, sample));
}

static void on_loss(void *arg, int64_t time_ns, const char *reason, uint64_t n)
{
	struct recorder *r = arg;

	keep_rc(r, evp_recording_loss(&r->recording, time_ns, reason, n));
}

static int add_sample(struct recorder *r, const struct evp_raw_sample *s)
{
	const struct evp_raw_stack *copied = evp_inbox_copied(&r->inbox, s->stack_hash);
	struct evp_proc *p = evp_procs_of_sample(&r->procs, s);
	int rc = p ? evp_recording_sample(&r->recording, p, s, &r->inbox) : -ENOMEM;

	if (copied && p)
		evp_unwinder_publish(r->unwinder, p, s);
	if (copied)
		evp_inbox_walked(&r->inbox, copied);
	return rc;
}

/* Out of the rings, to be worked up when their time has come. */
static void take_samples(struct recorder *r)
{
	const struct evp_sampler_sink sink = { r, on_raw_stack, on_raw_sample, on_loss };

	keep_rc(r, r->ops->drain(r->sampler, &sink));
	evp_inbox_sort(&r->inbox);
	r->taken_ns = evp_clock_ns(CLOCK_MONOTONIC);
}

/* While an unwind table is being made. */
static void meanwhile(void *arg)
{
	take_samples(arg);
}

static void add_samples(struct recorder *r, int64_t before_ns)
{
	const struct evp_raw_sample *next;

	while (!r->rc && (next = evp_inbox_take(&r->inbox, before_ns))) {
		struct evp_raw_sample s = *next; /* the inbox may change while it is worked up */

		keep_rc(r, add_sample(r, &s));
		if (evp_clock_ns(CLOCK_MONOTONIC) - r->taken_ns > TAKE_EVERY_NS)
			take_samples(r);
	}
}

/* What it means for threads that were named one by one; *child is that of such a thread then. */
static void follow_threads(struct recorder *r, const struct evp_sideband_event *ev,
			   struct evp_proc **child)
{
	struct evp_targets *t = r->opts->targets;

	if (ev->type == EVP_SB_EXIT)
		evp_targets_thread_ended(t, ev->tid);
	else if (ev->type == EVP_SB_COMM && ev->is_exec)
		evp_targets_exec(t, ev->pid);
	else if (ev->type == EVP_SB_LOST)
		evp_targets_look_again(t);
	else if (ev->type == EVP_SB_FORK && !*child && ev->pid != ev->ppid &&
		 evp_targets_has_thread(t, ev->ptid))
		*child = evp_procs_find(&r->procs, ev->pid);
	if (*child)
		(*child)->selected = true;
}

static void on_event(void *arg, const struct evp_sideband_event *ev)
{
	struct recorder *r = arg;
	struct evp_proc *child;

	add_samples(r, ev->time_ns);
	keep_rc(r, evp_procs_event(&r->procs, ev, &child));
	if (r->opts->targets->nthreads)
		follow_threads(r, ev, &child);
	if (child && r->ops->follow && r->ops->follow(r->sampler, child->pid, ev->time_ns))
		r->unfollowed++;
	if (ev->type == EVP_SB_KSYMBOL) {
		evp_kernel_syms_ksymbol(r->ks, ev->addr, ev->len, ev->name, ev->is_bpf,
					ev->is_unregister);
		evp_translator_forget(&r->recording.tr);
	}
}

/* Works up everything older than before_ns. */
static int drain(struct recorder *r, int64_t before_ns)
{
	take_samples(r);
	if (r->sb)
		keep_rc(r, evp_sideband_drain(r->sb, before_ns, on_event, r));
	add_samples(r, before_ns);
	evp_inbox_rest(&r->inbox);
	if (evp_inbox_full(&r->inbox)) {
		if (r->ops->forget)
			r->ops->forget(r->sampler);
		evp_inbox_age(&r->inbox);
	}
	if (r->unwinder)
		evp_unwinder_renew(r->unwinder, &r->procs);
	return r->rc;
}

static uint64_t kernel_cost_ns(struct recorder *r)
{
	return r->ops->kernel_cost_ns ? r->ops->kernel_cost_ns(r->sampler) : 0;
}

static uint64_t helpers_cost_ns(struct recorder *r)
{
	struct evp_unwinder_stats stats = { 0 };

	if (r->unwinder)
		evp_unwinder_stats(r->unwinder, &stats);
	return stats.compiler_ns;
}

/* All that this costs: our own time, that of the unwinder's child, and inside BPF. */
static int64_t spent_ns(struct recorder *r)
{
	return evp_clock_ns(CLOCK_PROCESS_CPUTIME_ID) +
	       (int64_t)(helpers_cost_ns(r) + kernel_cost_ns(r));
}

/* Another rate where recording costs more than it may, or less than it did. */
static int hold_costs(struct recorder *r)
{
	struct evp_overhead *o = &r->overhead;
	int rc;

	if (!evp_overhead_look(o, evp_clock_ns(CLOCK_MONOTONIC), spent_ns(r)))
		return 0;
	rc = r->ops->set_period(r->sampler, o->period_ns);
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
	if (o->limit > 0 && r->ops->set_period(r->sampler, o->asked_ns) == -ENOTSUP) {
		r->opts->warn("perf events of single threads keep their rate: "
			      "--max-overhead cannot be held");
		o->limit = 0;
	}
	evp_overhead_begin(o, evp_clock_ns(CLOCK_MONOTONIC), spent_ns(r));
}

static void read_clocks(struct recorder *r, struct evp_clock *ret)
{
	evp_recording_clock(&r->recording, ret);
	r->recording.helpers_ns = helpers_cost_ns(r);
	r->procs.boot_offset_ns = ret->boottime_ns - ret->monotonic_ns;
	r->procs.real_offset_ns = ret->realtime_ns - ret->monotonic_ns;
}

static int tick(struct recorder *r, struct evp_err *err)
{
	struct evp_clock clock;
	int64_t done_ns;
	bool epoch;
	int rc;

	read_clocks(r, &clock);
	done_ns = clock.monotonic_ns - HOLD_BACK_NS;
	rc = drain(r, done_ns);
	if (rc || done_ns < evp_recording_due(&r->recording))
		return rc;
	rc = evp_recording_flush(&r->recording, done_ns, &clock, kernel_cost_ns(r), &epoch, err);
	if (!rc)
		rc = hold_costs(r);
	return rc ? rc : evp_procs_reap(&r->procs, done_ns - REAP_AFTER_NS, epoch);
}

/* ---- the loop ---- */

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

/* Whether nobody that was asked for is left. */
static bool targets_ended(const struct recorder *r)
{
	const struct evp_record_opts *o = r->opts;

	if (o->all || o->targets->ncgroups || r->work.pid)
		return false;
	for (size_t i = 0; i < o->targets->nthreads; i++)
		if (!o->targets->thread[i].ended)
			return false;
	for (size_t i = 0; i < r->procs.by_pid.nslots; i++) {
		const struct evp_map_slot *slot = &r->procs.by_pid.slot[i];
		const struct evp_proc *p = (const struct evp_proc *)(uintptr_t)slot->value;

		if (slot->used && p && p->selected && !p->exit_ns)
			return false;
	}
	return true;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Until sampling begins, the next flush, the end, or the next look, whichever comes first. */
static int timeout_ms(const struct recorder *r)
{
	int64_t now = evp_clock_ns(CLOCK_MONOTONIC), then = now + TICK_NS;

	/* A process waits for its tables until its sample is worked up; if there is who uses them. */
	if (r->ops->tables && r->inbox.copied.n)
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
	int rc = r->ops->start(r->sampler, err);

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
		rc = drain(r, r->begin_ns);
	begin_holding_costs(r);
	return rc;
}

static int loop(struct recorder *r, struct evp_err *err)
{
	struct pollfd fds[5] = {
		{ .fd = r->signals.fd, .events = POLLIN },
		{ .fd = r->ops->poll_fd ? r->ops->poll_fd(r->sampler) : -1, .events = POLLIN },
		{ .fd = -1 }, /* the output; POLLERR: its reader is gone */
		{ .fd = r->work.pid ? r->work.pidfd : -1, .events = POLLIN },
		{ .fd = r->sb ? evp_sideband_fd(r->sb) : -1, .events = POLLIN },
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

	r->ops->stop(r->sampler);
	read_clocks(r, &clock);
	rc = drain(r, INT64_MAX);
	return rc ? rc : evp_recording_end(&r->recording, &clock, kernel_cost_ns(r));
}

/* ---- starting ---- */

static int open_sampler(struct recorder *r, struct evp_err *err)
{
	const struct evp_record_opts *o = r->opts;
	struct evp_sampler_opts so = {
		.period_ns = o->period_ns,
		.user = o->user,
		.kernel = o->kernel,
		.all = o->all,
		.pids = o->targets->pid,
		.npids = (uint32_t)o->targets->npids,
		.threads = o->targets->thread,
		.nthreads = (uint32_t)o->targets->nthreads,
		.cgroup_ids = o->targets->cgroup_id,
		.ncgroups = (uint32_t)o->targets->ncgroups,
	};
	struct evp_rights rights;
	struct evp_err why = { 0 };
	const char *note;
	char hint[400];
	int rc;

	if (o->backend != EVP_BACKEND_PERF) {
		r->ops = &evp_sampler_bpf;
		rc = r->ops->open(&r->sampler, &so, &why);
		if (!rc)
			return 0;
		if (o->backend == EVP_BACKEND_BPF) {
			evp_rights_read(&rights);
			evp_rights_bpf_hint(&rights, hint, sizeof(hint));
			return evp_fail(err, -rc, "%s%s%s", why.msg, hint[0] ? ": " : "", hint);
		}
		o->warn("%s; sampling through perf events instead", why.msg);
	}
	r->ops = &evp_sampler_perf;
	rc = r->ops->open(&r->sampler, &so, err);
	note = rc ? NULL : evp_sampler_perf_note(r->sampler);
	if (note)
		o->warn("%s", note);
	return rc;
}

static int open_sideband(struct recorder *r, struct evp_err *err)
{
	const struct evp_targets *t = r->opts->targets;
	size_t n = t->npids + t->nthreads;
	pid_t *pids = calloc(n + 1, sizeof(*pids));
	struct evp_sideband_opts so = {
		.all = true, .pids = pids, .npids = n, .wake_bytes = EVP_SB_RING_BYTES / 2
	};
	int rc;

	if (!pids)
		return evp_fail_oom(err);
	for (size_t i = 0; i < n; i++)
		pids[i] = i < t->npids ? t->pid[i] : t->thread[i - t->npids].pid;
	rc = evp_sideband_open(&r->sb, &so, err);
	free(pids);
	return rc;
}

static int start(struct recorder *r, struct evp_err *err)
{
	int rc = evp_kernel_syms_new(&r->ks, "");

	if (rc)
		return evp_fail_oom(err);
	rc = evp_period_check(r->opts->period_ns, err);
	if (!rc)
		rc = open_sideband(r, err);
	if (!rc)
		rc = open_sampler(r, err);
	if (!rc && r->opts->user)
		rc = evp_unwinder_new(&r->unwinder,
				      r->ops->tables ? r->ops->tables(r->sampler) : NULL, err);
	if (!rc)
		rc = evp_recording_open(&r->recording, r->opts, r->ks, err);
	r->recording.tr.unwinder = r->unwinder;
	if (r->unwinder)
		evp_unwinder_meanwhile(r->unwinder, meanwhile, r);
	return rc || r->opts->delay_ns ? rc : begin_sampling(r, err);
}

/* Those that were there before. What happens meanwhile waits in the side band. */
static int read_processes(struct recorder *r, struct evp_err *err)
{
	const struct evp_targets *t = r->opts->targets;

	for (size_t i = 0; i < t->npids; i++) {
		struct evp_proc *p = evp_procs_scan_pid(&r->procs, t->pid[i]);

		if (!p && t->pid[i] == r->work.pid) /* without /proc */
			p = evp_procs_add(&r->procs, t->pid[i]);
		if (!p && !r->opts->all)
			return evp_fail(err, ESRCH, "process %d ended before it could be sampled",
					t->pid[i]);
		if (p)
			p->selected = true;
	}
	for (size_t i = 0; i < t->nthreads; i++)
		if (!evp_procs_scan_pid(&r->procs, t->thread[i].pid) && !r->opts->all)
			return evp_fail(err, ESRCH, "thread %d ended before it could be sampled",
					t->thread[i].tid);
	return 0;
}

static void settle(const struct recorder *r)
{
	unsigned int keep = (r->ops == &evp_sampler_bpf ? EVP_KEEP_BPF : 0) |
			    (r->work.pid ? EVP_KEEP_KILL : 0) |
			    (r->opts->rotate ? EVP_KEEP_FILES : 0);
	int rc = evp_privilege_settle(keep);

	if (rc)
		r->opts->warn("cannot drop capabilities that are not needed any more: %s",
			      strerror(-rc));
}

static int record(struct recorder *r, struct evp_err *err)
{
	int rc = start(r, err);

	if (!rc)
		rc = read_processes(r, err);
	if (rc)
		return rc;
	if (!r->sampling)
		r->begin_ns = evp_clock_ns(CLOCK_MONOTONIC) + r->opts->delay_ns;
	if (r->work.pid) {
		rc = evp_workload_release(&r->work, err);
		if (rc)
			return evp_fail_errno(err, -rc, "cannot run '%s'", r->opts->argv[0]);
	}
	/* A cgroup's processes too: who starts children there may itself never be sampled. */
	if (r->opts->all || r->opts->targets->ncgroups)
		rc = evp_procs_scan(&r->procs, err);
	if (rc)
		return rc;
	take_samples(r);
	if (r->opts->kernel)
		evp_kernel_syms_reason(
			r->ks); /* reads them: start-up's cost, not the first second's */
	take_samples(r);
	evp_shortfall_begin(r->opts, r->ks, &r->procs);
	if (r->sampling)
		begin_holding_costs(r);
	settle(r);
	rc = loop(r, err);
	if (r->recording.no_next_file)
		finish(r);
	else if (!rc)
		rc = finish(r);
	evp_shortfall_end(r->opts, &r->procs);
	if (rc && rc != -EPIPE && !err->msg[0])
		evp_fail_errno(err, -rc, "recording stopped");
	return rc;
}

/* ---- the whole ---- */

static void close_all(struct recorder *r)
{
	evp_unwinder_free(r->unwinder);
	if (r->sampler)
		r->ops->close(r->sampler);
	evp_sideband_close(r->sb);
	evp_inbox_release(&r->inbox);
	evp_procs_release(&r->procs);
	evp_recording_release(&r->recording);
	evp_kernel_syms_free(r->ks);
}

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
	evp_procs_init(&r->procs);
	if (!rc)
		rc = record(r, err);
	ret->reader_gone = rc == -EPIPE;
	if (rc == -EPIPE)
		rc = 0;
	ret->samples = r->recording.windows.samples;
	ret->lost = r->recording.lost;
	ret->dropped = r->recording.dropped;
	ret->cost = r->recording.total;
	ret->rate_changes = r->overhead.nchanges;
	if (r->unwinder)
		evp_unwinder_stats(r->unwinder, &ret->unwinding);
	ret->period_ns = r->overhead.period_ns;
	if (r->unfollowed)
		opts->warn("%llu children were not sampled: too many processes at once",
			   (unsigned long long)r->unfollowed);
	if (opts->labels.relabel && evp_relabel_gave_up(opts->labels.relabel))
		opts->warn("a regular expression of the rules took too long %zu times, and did not "
			   "match",
			   evp_relabel_gave_up(opts->labels.relabel));
	close_all(r);
	end_command(r, ret);
	evp_signals_close(&r->signals);
out:
	free(r);
	return rc;
}
