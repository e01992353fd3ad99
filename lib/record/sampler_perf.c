// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/sampler_perf.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "record/perf_merge.h"
#include "record/perf_sample.h"
#include "record/perf_select.h"
#include "record/perf_set.h"
#include "record/period.h"
#include "record/rights.h"
#include "record/sideband.h"

#define RING_MIN    (256u << 10)
#define RING_MAX    (8u << 20)
#define RINGS_MAX   (64u << 20) /* all together, while that leaves RING_MIN a CPU */
#define RING_LEAST  (32u << 10) /* where the user may lock no more memory */
#define LATE_NS	    80000000LL	/* of samples fit into a ring at least */
#define SAMPLES_MIN 8		/* and at least so many */
#define OFTEN_NS    4000000LL	/* samples more frequent than this are kept smaller */
#define SEEN_MAX    32768
/*
 * What one CPU wrote this long before a drain is taken as complete: a record is visible
 * microseconds after its time, unless a hypervisor takes the CPU away in between.
 */
#define HOLD_BACK_NS 5000000LL

struct evp_sampler {
	struct evp_perf_set set;
	struct evp_perf_merge merge;
	struct evp_perf_select select;
	bool per_task; /* events on threads, nothing to be filtered by process */
	bool stopped, lost_read;
	int64_t started_ns; /* CLOCK_MONOTONIC; 0: not yet */
	struct evp_periods periods;
	uint32_t max_stack;
	/*
	 * Hashes whose stacks were delivered lately: those met since the last change-over, and those
	 * met in the period before it. Twice SEEN_MAX at most.
	 */
	struct evp_map seen[2];
	uint64_t ncopies;
	uint64_t lost_told; /* records that LOST records told of */
	int64_t *last_ns;   /* of each CPU, its latest record's time */
	size_t nlast, clast;
	const struct evp_sampler_sink *sink; /* of the drain under way */
	int64_t now_ns;
	char note[400];
};

static struct perf_event_attr sampling_attr(const struct evp_sampler_opts *opts)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = (uint64_t)opts->period_ns,
		.read_format = PERF_FORMAT_LOST,
		.disabled = 1,
		.exclude_idle = 1,
		.exclude_hv = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
	};

	evp_perf_sample_ask(&attr, opts->user && evp_perf_sample_has_regs(), opts->kernel,
			    EVP_PERF_COPY_BYTES);
	return attr;
}

/* Gives up what older kernels lack, the youngest first, and last what some machines do. */
static bool step_down(struct perf_event_attr *attr)
{
	if (attr->read_format) { /* 6.0 */
		attr->read_format = 0;
	} else if (attr->cgroup) { /* 5.7, and CONFIG_CGROUP_PERF */
		attr->cgroup = 0;
		attr->sample_type &= ~(uint64_t)PERF_SAMPLE_CGROUP;
	} else {
		return evp_perf_sample_ask_no_user(attr);
	}
	return true;
}

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

/* A second of samples: they are read when a quarter is full, if there is a CPU for that. */
static size_t ring_bytes(const struct evp_sampler_opts *opts)
{
	uint64_t sample = opts->user ? EVP_PERF_COPY_BYTES : 0;
	uint64_t need = (sample + EVP_PERF_SAMPLE_REST) * (uint64_t)(EVP_NSEC / opts->period_ns) /
			2;
	long ncpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t most = RINGS_MAX / (size_t)(ncpus > 0 ? ncpus : 1), bytes = RING_MIN;

	if (most > RING_MAX)
		most = RING_MAX;
	while (bytes < need && bytes < most)
		bytes *= 2;
	return bytes;
}

/* As much of a stack as leaves room in the ring for what comes while nobody reads. */
static uint32_t copy_bytes(const struct evp_sampler_opts *opts, size_t ring)
{
	size_t samples = (size_t)(LATE_NS / opts->period_ns), bytes = EVP_PERF_COPY_BYTES;

	if (samples < SAMPLES_MIN)
		samples = SAMPLES_MIN;
	if (opts->period_ns < OFTEN_NS)
		bytes /= 2;
	while (bytes > EVP_PERF_COPY_BYTES_MIN && bytes * samples > ring)
		bytes /= 2;
	return (uint32_t)(bytes & ~7u);
}

static bool denied(int rc)
{
	return rc == -EACCES || rc == -EPERM;
}

/* ---- opening ---- */

static int select_all(struct evp_sampler *s, const struct evp_sampler_opts *opts,
		      struct evp_err *err)
{
	uint32_t i;
	int rc = 0;

	s->select.all = opts->all;
	for (i = 0; i < opts->npids && !rc && !opts->all; i++) {
		if (kill(opts->pids[i], 0) < 0 && errno == ESRCH)
			return evp_fail(err, ESRCH, "no process %d", (int)opts->pids[i]);
		rc = evp_perf_select_pid(&s->select, opts->pids[i]) ? evp_fail_oom(err) : 0;
	}
	for (i = 0; i < opts->nthreads && !rc && !opts->all; i++)
		rc = evp_perf_select_thread(&s->select, &opts->threads[i]) ? evp_fail_oom(err) : 0;
	if (!rc && opts->ncgroups && !opts->all && !s->set.attr.cgroup)
		return evp_fail(err, ENOTSUP,
				"the kernel's perf events tell no cgroups: -G needs "
				"the bpf backend");
	for (i = 0; i < opts->ncgroups && !rc && !opts->all; i++)
		rc = evp_perf_select_cgroup(&s->select, opts->cgroup_ids[i], err);
	return rc;
}

/* May this user sample what its own processes do inside the kernel? */
static bool kernel_denied(struct perf_event_attr attr)
{
	int fd = evp_perf_open(&attr, 0, -1, -1, 0);

	if (fd >= 0)
		close(fd);
	return denied(fd);
}

static bool rings_are_alike(const struct evp_perf_set *set)
{
	for (size_t i = 0; i < set->ncpus; i++)
		if (set->ring[i].page && set->ring[i].data_bytes < set->ring_bytes)
			return false;
	return true;
}

/*
 * Events for pid with a ring of the same size on every CPU: the largest that the limit on locked
 * memory (kernel.perf_event_mlock_kb) leaves for all of them.
 */
static int open_alike(struct evp_sampler *s, const struct evp_sampler_opts *opts,
		      struct perf_event_attr attr, int pid, struct evp_err *err)
{
	size_t bytes = opts->ring_bytes ? opts->ring_bytes : ring_bytes(opts);
	bool shrinks;
	int rc;

	for (;; bytes /= 2) {
		if (attr.sample_stack_user)
			attr.sample_stack_user = copy_bytes(opts, bytes);
		attr.wakeup_watermark = (uint32_t)bytes / 4;
		rc = evp_perf_set_init(&s->set, &attr, step_down, bytes, err);
		if (rc)
			return rc;
		rc = evp_perf_set_add(&s->set, pid, 0, err);
		/* Also where one CPU's ring took all that there was. */
		shrinks = rc ? rc == -EPERM && s->set.nfds : !rings_are_alike(&s->set);
		if (!shrinks || bytes <= RING_LEAST)
			return rc;
		evp_perf_set_release(&s->set);
	}
}

static int open_per_task(struct evp_sampler *s, const struct evp_sampler_opts *opts,
			 struct evp_err *err)
{
	struct perf_event_attr attr = sampling_attr(opts);
	struct evp_rights r;
	size_t bytes;
	uint32_t i;
	int rc;

	s->per_task = true;
	attr.exclude_kernel = kernel_denied(attr);
	/* Rings cannot shrink later: events on ourselves tell what there is room for. */
	rc = open_alike(s, opts, attr, 0, err);
	attr = s->set.attr;
	attr.inherit = 1;
	bytes = s->set.ring_bytes;
	evp_perf_set_release(&s->set);
	if (!rc)
		rc = evp_perf_set_init(&s->set, &attr, step_down, bytes, err);
	if (rc)
		return rc;
	if (opts->all)
		rc = evp_perf_set_add_own(&s->set, err);
	for (i = 0; i < opts->npids && !rc && !opts->all; i++)
		rc = evp_perf_set_add_process(&s->set, opts->pids[i], err);
	for (i = 0; i < opts->nthreads && !rc && !opts->all; i++)
		rc = evp_perf_set_add(&s->set, opts->threads[i].tid, 0, err);
	for (i = 0; i < opts->npids && !rc && !opts->all; i++)
		rc = evp_perf_select_pid(&s->select, opts->pids[i]) ? evp_fail_oom(err) : 0;
	for (i = 0; i < opts->nthreads && !rc && !opts->all; i++)
		rc = evp_perf_select_thread(&s->select, &opts->threads[i]) ? evp_fail_oom(err) : 0;
	if (rc)
		return rc;
	if (!s->set.nfds) {
		evp_rights_read(&r);
		evp_rights_perf_hint(&r, true, s->note, sizeof(s->note));
		return evp_fail(err, EACCES, "sampling a cgroup is not permitted: %s", s->note);
	}
	return 0;
}

static void describe(struct evp_sampler *s, const struct evp_sampler_opts *opts)
{
	bool own = s->per_task && opts->all, user_time = s->per_task && s->set.attr.exclude_kernel;
	struct evp_rights r;
	bool no_regs = opts->user && !s->set.attr.sample_stack_user;

	evp_rights_read(&r);
	if (own || user_time)
		snprintf(s->note, sizeof(s->note), "%s%s%s: kernel.perf_event_paranoid is %d",
			 own ? "only your own processes" : "", own && user_time ? ", " : "",
			 user_time ? "only time spent in user space" : "", r.paranoid);
	if (no_regs)
		snprintf(s->note + strlen(s->note), sizeof(s->note) - strlen(s->note),
			 "%sno user frames: perf events give no registers here",
			 s->note[0] ? "; " : "");
}

static void perf_close(struct evp_sampler *s)
{
	if (!s)
		return;
	evp_perf_set_release(&s->set);
	evp_perf_merge_release(&s->merge);
	evp_perf_select_release(&s->select);
	evp_periods_release(&s->periods);
	evp_map_release(&s->seen[0]);
	evp_map_release(&s->seen[1]);
	free(s->last_ns);
	free(s);
}

static int perf_open(struct evp_sampler **ret, const struct evp_sampler_opts *opts,
		     struct evp_err *err)
{
	struct evp_err refusal = { 0 };
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
	rc = open_alike(s, opts, sampling_attr(opts), -1, &refusal);
	if (!rc) {
		rc = select_all(s, opts, &refusal);
	} else if (denied(rc)) {
		evp_perf_set_release(&s->set);
		rc = open_per_task(s, opts, &refusal);
	}
	if (rc) {
		perf_close(s);
		if (err)
			*err = refusal;
		return rc;
	}
	describe(s, opts);
	*ret = s;
	return 0;
}

const char *evp_sampler_perf_note(const struct evp_sampler *s)
{
	return s->note[0] ? s->note : NULL;
}

static int perf_start(struct evp_sampler *s, struct evp_err *err)
{
	int rc = evp_perf_set_ioctl(&s->set, PERF_EVENT_IOC_ENABLE);

	s->started_ns = evp_clock_ns(CLOCK_MONOTONIC);
	return rc ? evp_fail_errno(err, -rc, "cannot start sampling") : 0;
}

static int perf_stop(struct evp_sampler *s)
{
	s->stopped = true;
	return evp_perf_set_ioctl(&s->set, PERF_EVENT_IOC_DISABLE);
}

/* The kernel lets an event that threads inherit keep its period in those that have it already. */
static int perf_set_period(struct evp_sampler *s, int64_t period_ns)
{
	size_t i, ncpus = 0;
	int rc;

	if (s->per_task)
		return -ENOTSUP;
	for (i = 0; i < s->set.ncpus; i++)
		if ((size_t)s->set.cpus[i] >= ncpus)
			ncpus = (size_t)s->set.cpus[i] + 1;
	rc = evp_periods_begin(&s->periods, period_ns, ncpus);
	s->set.attr.sample_period = (uint64_t)s->periods.now_ns;
	for (i = 0; i < s->set.ncpus && !rc; i++)
		if (s->set.ring[i].page)
			rc = evp_periods_change(&s->periods, (size_t)s->set.cpus[i],
						s->set.ring[i].fd);
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
		stack.copy = p->copy;
		stack.copy_len = p->copy_len;
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

	if (s->per_task ? !evp_perf_select_inherited(&s->select, out.pid, out.tid)
			: !evp_perf_select_sample(&s->select, out.pid, out.tid, out.cgroup_id))
		return;
	if (!out.pid) /* outside of our pid namespace */
		return;
	if (out.pid < 0) { /* so far into its exit that it has no number any more */
		lose(s, out.time_ns, "no-process", 1);
		return;
	}
	comm = evp_perf_select_comm(&s->select, out.pid, out.tid);
	memcpy(out.comm, comm, strnlen(comm, sizeof(out.comm) - 1));
	out.stack_hash = deliver_stack(s, p);
	s->sink->sample(s->sink->arg, &out);
}

/* Notes a CPU's latest record; how long it had had none before. */
static int64_t silence_of(struct evp_sampler *s, uint32_t cpu, int64_t time_ns)
{
	int64_t before_ns;

	if (evp_grow(&s->last_ns, &s->clast, (size_t)cpu + 1, sizeof(*s->last_ns)))
		return INT64_MAX;
	while (s->nlast <= cpu)
		s->last_ns[s->nlast++] = s->started_ns;
	before_ns = s->last_ns[cpu];
	if (time_ns > before_ns)
		s->last_ns[cpu] = time_ns;
	return time_ns > before_ns ? time_ns - before_ns : 0;
}

/*
 * The kernel counts lost records, of which forks, exits and renames are some: at most so many can
 * have been samples as are due in the time that a CPU was not heard of.
 */
static uint64_t samples_in(const struct evp_sampler *s, int64_t silence_ns, uint64_t records)
{
	uint64_t most = (uint64_t)(silence_ns / s->periods.now_ns) + 1;

	return records < most ? records : most;
}

static void on_record(void *arg, const struct perf_event_header *record)
{
	struct evp_sampler *s = arg;
	struct evp_perf_sample sample;
	struct evp_sideband_event e;
	int64_t silence_ns;

	if (record->type == PERF_RECORD_SAMPLE) {
		if (evp_perf_sample_read(&s->set.attr, record, &sample))
			return;
		silence_of(s, sample.cpu, sample.time_ns);
		on_sample(s, &sample);
	} else if (!evp_sideband_decode(record, record->size, &e)) {
		silence_ns = silence_of(s, e.cpu, e.time_ns);
		if (e.type == EVP_SB_LOST) {
			lose(s, e.time_ns, "ring-full", samples_in(s, silence_ns, e.lost));
			s->lost_told += e.lost;
		}
		evp_perf_select_event(&s->select, &e);
	}
}

static int time_of(void *arg, const struct perf_event_header *record, int64_t *ret_ns)
{
	struct evp_sampler *s = arg;
	struct evp_perf_sample sample;
	struct evp_sideband_event e;
	int rc;

	if (record->type == PERF_RECORD_SAMPLE) {
		rc = evp_perf_sample_read(&s->set.attr, record, &sample);
		*ret_ns = rc ? 0 : sample.time_ns;
	} else {
		/* What is not understood has no say in who lives. */
		rc = evp_sideband_decode(record, record->size, &e) ? -ENOENT : 0;
		*ret_ns = rc ? 0 : e.time_ns;
	}
	return rc;
}

static void on_damage(void *arg)
{
	struct evp_sampler *s = arg;

	lose(s, s->now_ns, "damaged", 1);
}

/* Records dropped at the very end, with no room left for a LOST record, are in the counters only. */
static void read_lost(struct evp_sampler *s, int64_t now_ns)
{
	uint64_t values[2], lost = 0; /* count, lost */
	int64_t silence_ns = 0;
	size_t i;

	s->lost_read = true;
	for (i = 0; s->set.attr.read_format && i < s->set.nfds; i++)
		if (read(s->set.fds[i], values, sizeof(values)) == sizeof(values))
			lost += values[1];
	for (i = 0; i < s->nlast; i++)
		silence_ns += now_ns - s->last_ns[i];
	if (lost > s->lost_told)
		lose(s, now_ns, "ring-full", samples_in(s, silence_ns, lost - s->lost_told));
}

static int perf_drain(struct evp_sampler *s, const struct evp_sampler_sink *sink)
{
	const struct evp_perf_merge_sink rings = { s, time_of, on_record, on_damage };
	int rc;

	s->now_ns = evp_clock_ns(CLOCK_MONOTONIC);
	s->sink = sink;
	evp_perf_set_quiet(&s->set);
	rc = evp_perf_merge(&s->merge, &s->set, s->stopped ? INT64_MAX : s->now_ns - HOLD_BACK_NS,
			    &rings);
	if (s->stopped && !s->lost_read)
		read_lost(s, s->now_ns);
	if (!s->stopped)
		evp_perf_set_follow_cpus(&s->set, s->now_ns);
	s->sink = NULL;
	return rc;
}

/*
 * Forks are seen here in the order of time; the core knows better only of those from before the
 * start, or where a record was lost.
 */
static int perf_follow(struct evp_sampler *s, pid_t pid, int64_t forked_ns)
{
	bool seen = s->started_ns && forked_ns > s->started_ns && !s->select.forks_lost;

	if (s->per_task || s->select.all || seen)
		return 0;
	return evp_perf_select_pid(&s->select, pid);
}

static void perf_forget(struct evp_sampler *s)
{
	evp_map_clear(&s->seen[0]);
	evp_map_clear(&s->seen[1]);
}

static int perf_poll_fd(struct evp_sampler *s)
{
	return s->set.epoll_fd;
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
