// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/sampler_perf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "record/perf_loss.h"
#include "record/perf_merge.h"
#include "record/perf_sample.h"
#include "record/perf_sampling.h"
#include "record/period.h"

#define SEEN_MAX 32768
/*
 * What one CPU wrote this long before a drain is taken as complete: a record is visible
 * microseconds after its time, unless a hypervisor takes the CPU away in between.
 */
#define HOLD_BACK_NS 5000000LL

struct evp_sampler {
	struct evp_perf_sampling events;
	struct evp_perf_merge merge;
	struct evp_perf_loss loss;
	struct evp_periods periods;
	bool stopped, lost_read;
	int64_t started_ns; /* CLOCK_MONOTONIC; 0: not yet */
	uint32_t max_stack;
	/*
	 * Hashes whose stacks were delivered lately: those met since the last change-over, and those
	 * met in the period before it. Twice SEEN_MAX at most.
	 */
	struct evp_map seen[2];
	uint64_t ncopies;
	const struct evp_sampler_sink *sink; /* of the drain under way */
	int64_t now_ns;
};

/* ---- opening ---- */

static uint32_t read_max_stack(void)
{
	struct evp_str text = { 0 };
	uint64_t v = 127;

	if (!evp_read_file("/proc/sys/kernel/perf_event_max_stack", 64, &text, NULL) && text.len) {
		text.buf[strcspn(text.buf, "\n")] = '\0';
		evp_parse_u64(text.buf, &v);
	}
	evp_str_release(&text);
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

static void perf_close(struct evp_sampler *s)
{
	if (!s)
		return;
	evp_perf_sampling_release(&s->events);
	evp_perf_merge_release(&s->merge);
	evp_perf_loss_release(&s->loss);
	evp_periods_release(&s->periods);
	evp_map_release(&s->seen[0]);
	evp_map_release(&s->seen[1]);
	free(s);
}

static int perf_open(struct evp_sampler **ret, const struct evp_sampler_opts *opts,
		     struct evp_err *err)
{
	struct evp_sampler *s;
	int rc;

	if (opts->period_ns <= 0 ||
	    (!opts->all && !opts->npids && !opts->nthreads && !opts->ncgroups))
		return evp_fail(err, EINVAL, "nothing to sample");
	s = calloc(1, sizeof(*s));
	if (!s)
		return evp_fail_oom(err);
	s->periods.now_ns = opts->period_ns;
	s->max_stack = read_max_stack();
	rc = evp_perf_sampling_open(&s->events, opts, err);
	if (rc)
		perf_close(s);
	else
		*ret = s;
	return rc;
}

const char *evp_sampler_perf_note(const struct evp_sampler *s)
{
	return s->events.note[0] ? s->events.note : NULL;
}

static int perf_start(struct evp_sampler *s, struct evp_err *err)
{
	int rc = evp_perf_set_ioctl(&s->events.set, PERF_EVENT_IOC_ENABLE);

	s->started_ns = s->loss.began_ns = evp_clock_ns(CLOCK_MONOTONIC);
	return rc ? evp_fail_errno(err, -rc, "cannot start sampling") : 0;
}

static int perf_stop(struct evp_sampler *s)
{
	s->stopped = true;
	return evp_perf_set_ioctl(&s->events.set, PERF_EVENT_IOC_DISABLE);
}

/* The kernel lets an event that threads inherit keep its period in those that have it already. */
static int perf_set_period(struct evp_sampler *s, int64_t period_ns)
{
	struct evp_perf_set *set = &s->events.set;
	size_t i, ncpus = 0;
	int rc;

	if (s->events.per_task)
		return -ENOTSUP;
	for (i = 0; i < set->ncpus; i++)
		if ((size_t)set->cpus[i] >= ncpus)
			ncpus = (size_t)set->cpus[i] + 1;
	rc = evp_periods_begin(&s->periods, period_ns, ncpus);
	set->attr.sample_period = (uint64_t)s->periods.now_ns;
	for (i = 0; i < set->ncpus && !rc; i++)
		if (set->ring[i].page)
			rc = evp_periods_change(&s->periods, (size_t)set->cpus[i], set->ring[i].fd);
	return rc;
}

/* ---- draining ---- */

/* Whether this stack must be delivered (again). */
static bool is_new(struct evp_sampler *s, uint64_t hash)
{
	int fresh;

	if (evp_map_find(&s->seen[0], hash))
		return false;
	if (s->seen[0].n >= SEEN_MAX) {
		struct evp_map full = s->seen[0];

		s->seen[0] = s->seen[1];
		s->seen[1] = full;
		evp_map_clear(&s->seen[0]);
	}
	fresh = !evp_map_find(&s->seen[1], hash);
	evp_map_at(&s->seen[0], hash, NULL); /* no memory: it is delivered again, no harm */
	return fresh;
}

static void lose(struct evp_sampler *s, int64_t time_ns, const char *reason, uint64_t n)
{
	s->sink->loss(s->sink->arg, time_ns, reason, n);
}

/* The stack's hash. One that is still to be walked is like no other. */
static uint64_t deliver_stack(struct evp_sampler *s, const struct evp_perf_sample *p)
{
	struct evp_raw_stack stack = {
		.kernel = p->kernel,
		.nkernel = p->nkernel,
		.kernel_cut = p->nkernel >= s->max_stack,
		.end = p->user,
	};

	if (p->user == EVP_WALK_GOES_ON) {
		stack.regs = &p->regs;
		stack.copy = (struct evp_walk_copy){ p->copy, p->copy_len,
						     p->regs.reg[EVP_REG_SP] };
		stack.hash = evp_hash_u64(++s->ncopies);
	} else {
		stack.user = &p->regs.pc;
		stack.nuser = p->user == EVP_WALK_32BIT;
		stack.hash = evp_hash_bytes(p->kernel, p->nkernel * sizeof(*p->kernel)) ^
			     evp_hash_u64(p->regs.pc + p->user);
	}
	if (stack.regs || is_new(s, stack.hash))
		s->sink->stack(s->sink->arg, &stack);
	return stack.hash;
}

static void on_sample(struct evp_sampler *s, const struct evp_perf_sample *p)
{
	struct evp_raw_sample out = {
		.time_ns = p->time_ns,
		.period_ns = evp_periods_at(&s->periods, p->cpu, p->time_ns),
		.cgroup_id = p->cgroup_id,
		.pid = p->pid,
		.tid = p->tid,
		.cpu = p->cpu,
	};
	const char *comm;

	if (!evp_perf_sampling_selects(&s->events, out.pid, out.tid, out.cgroup_id))
		return;
	if (!out.pid) /* outside of our pid namespace */
		return;
	if (out.pid < 0) { /* so far into its exit that it has no number any more */
		lose(s, out.time_ns, "no-process", 1);
		return;
	}
	comm = evp_perf_select_comm(&s->events.select, out.pid, out.tid);
	memcpy(out.comm, comm, strnlen(comm, sizeof(out.comm) - 1));
	out.stack_hash = deliver_stack(s, p);
	s->sink->sample(s->sink->arg, &out);
}

static void on_record(void *arg, const struct perf_event_header *record)
{
	struct evp_sampler *s = arg;
	struct evp_perf_sample sample;
	struct evp_sideband_event e;

	if (record->type == PERF_RECORD_SAMPLE) {
		if (evp_perf_sample_read(&s->events.set.attr, record, &sample))
			return;
		evp_perf_loss_heard(&s->loss, sample.cpu, sample.time_ns);
		on_sample(s, &sample);
	} else if (!evp_sideband_decode(record, record->size, &e)) {
		if (e.type == EVP_SB_LOST)
			lose(s, e.time_ns, "ring-full",
			     evp_perf_loss_told(&s->loss, e.cpu, e.time_ns, e.lost,
						s->periods.now_ns));
		else
			evp_perf_loss_heard(&s->loss, e.cpu, e.time_ns);
		evp_perf_select_event(&s->events.select, &e);
	}
}

static int time_of(void *arg, const struct perf_event_header *record, int64_t *ret_ns)
{
	struct evp_sampler *s = arg;
	struct evp_perf_sample sample;
	struct evp_sideband_event e;
	int rc;

	if (record->type == PERF_RECORD_SAMPLE) {
		rc = evp_perf_sample_read(&s->events.set.attr, record, &sample);
		if (!rc)
			*ret_ns = sample.time_ns;
		return rc;
	}
	if (evp_sideband_decode(record, record->size, &e))
		return -ENOENT; /* what is not understood has no say in who lives */
	*ret_ns = e.time_ns;
	return 0;
}

static void on_damage(void *arg)
{
	struct evp_sampler *s = arg;

	lose(s, s->now_ns, "damaged", 1);
}

/* Records dropped at the very end, with no room left for a LOST record, are in the counters only. */
static void read_lost(struct evp_sampler *s)
{
	const struct evp_perf_set *set = &s->events.set;
	uint64_t values[2], counted = 0; /* count, lost */

	s->lost_read = true;
	for (size_t i = 0; set->attr.read_format && i < set->nfds; i++)
		if (read(set->fds[i], values, sizeof(values)) == sizeof(values))
			counted += values[1];
	counted = evp_perf_loss_untold(&s->loss, s->now_ns, counted, s->periods.now_ns);
	if (counted)
		lose(s, s->now_ns, "ring-full", counted);
}

static int perf_drain(struct evp_sampler *s, const struct evp_sampler_sink *sink)
{
	const struct evp_perf_merge_sink rings = { s, time_of, on_record, on_damage };
	int rc;

	s->now_ns = evp_clock_ns(CLOCK_MONOTONIC);
	s->sink = sink;
	evp_perf_set_quiet(&s->events.set);
	rc = evp_perf_merge(&s->merge, &s->events.set,
			    s->stopped ? INT64_MAX : s->now_ns - HOLD_BACK_NS, &rings);
	if (s->stopped && !s->lost_read)
		read_lost(s);
	if (!s->stopped)
		evp_perf_set_follow_cpus(&s->events.set, s->now_ns);
	s->sink = NULL;
	return rc;
}

/*
 * Forks are seen here in the order of time; the core knows better only of those from before the
 * start, or where a record was lost.
 */
static int perf_follow(struct evp_sampler *s, pid_t pid, int64_t forked_ns)
{
	bool seen = s->started_ns && forked_ns > s->started_ns && !s->events.select.forks_lost;

	if (s->events.per_task || s->events.select.all || seen)
		return 0;
	return evp_perf_select_pid(&s->events.select, pid);
}

static void perf_forget(struct evp_sampler *s)
{
	evp_map_clear(&s->seen[0]);
	evp_map_clear(&s->seen[1]);
}

static int perf_poll_fd(struct evp_sampler *s)
{
	return s->events.set.epoll_fd;
}

static uint64_t perf_kernel_cost_ns(struct evp_sampler *s)
{
	return 0;
}

const struct evp_sampler_ops evp_sampler_perf = {
	.name = "perf",
	.open = perf_open,
	.start = perf_start,
	.stop = perf_stop,
	.set_period = perf_set_period,
	.drain = perf_drain,
	.follow = perf_follow,
	.forget = perf_forget,
	.poll_fd = perf_poll_fd,
	.kernel_cost_ns = perf_kernel_cost_ns,
	.close = perf_close,
};
