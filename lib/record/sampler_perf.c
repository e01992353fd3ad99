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
#include "base/text.h"
#include "record/perf_queue.h"
#include "record/perf_select.h"
#include "record/perf_set.h"
#include "record/period.h"
#include "record/rights.h"
#include "record/sideband.h"

#define RING_MIN     (256u << 10)
#define RING_MAX     (4u << 20)
#define RECORD_GUESS 1024 /* bytes of one sample: a stack of about 120 frames */
#define SEEN_MAX     32768
/*
 * What one CPU wrote this long before a drain is taken as complete: a record is visible
 * microseconds after its time, unless a hypervisor takes the CPU away in between.
 */
#define HOLD_BACK_NS 5000000LL

#define EVP_MAX_PERF_STACK 256

struct evp_sampler {
	struct evp_perf_set set;
	struct evp_perf_queue queue;
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
	uint64_t lost_told;		     /* records that LOST records told of */
	const struct evp_sampler_sink *sink; /* of the drain under way */
	char note[400];
};

/* Behind the header, as evp_perf_event_open's sample_type below says. */
struct sample_head {
	uint32_t pid, tid;
	uint64_t time_ns;
	uint32_t cpu, reserved;
	uint64_t nips;
	/* uint64_t ip[nips]; uint64_t cgroup_id, where the kernel has it */
};

static struct perf_event_attr sampling_attr(const struct evp_sampler_opts *opts)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = (uint64_t)opts->period_ns,
		.sample_type = EVP_SB_SAMPLE_TYPE | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_CGROUP,
		.sample_id_all = 1,
		.read_format = PERF_FORMAT_LOST,
		.disabled = 1,
		.exclude_idle = 1,
		.exclude_hv = 1,
		/* Half a stack is left away, not the time that was spent there. */
		.exclude_callchain_kernel = !opts->kernel,
		.exclude_callchain_user = !opts->user,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.cgroup = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
	};
}

/* Gives up what older kernels lack, the youngest first. */
static bool step_down(struct perf_event_attr *attr)
{
	if (attr->read_format) /* 6.0 */
		attr->read_format = 0;
	else if (attr->cgroup) { /* 5.7, and CONFIG_CGROUP_PERF */
		attr->cgroup = 0;
		attr->sample_type &= ~(uint64_t)PERF_SAMPLE_CGROUP;
	} else {
		return false;
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

static size_t ring_bytes(int64_t period_ns)
{
	size_t bytes = RING_MIN, need = (size_t)(EVP_NSEC / period_ns) * RECORD_GUESS;

	while (bytes < need && bytes < RING_MAX) /* a second of samples */
		bytes *= 2;
	return bytes;
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
	if (!rc && opts->ncgroups && !opts->all && !s->set.attr.cgroup)
		return evp_fail(err, ENOTSUP,
				"the kernel's perf events tell no cgroups: -G needs "
				"the bpf backend");
	for (i = 0; i < opts->ncgroups && !rc && !opts->all; i++)
		rc = evp_perf_select_cgroup(&s->select, opts->cgroup_ids[i], err);
	return rc;
}

/* May this user sample what its own processes do inside the kernel? */
static bool kernel_denied(const struct evp_sampler *s)
{
	struct perf_event_attr attr = s->set.attr;
	int fd = evp_perf_open(&attr, 0, -1, -1, 0);

	if (fd >= 0)
		close(fd);
	return denied(fd);
}

static int open_per_task(struct evp_sampler *s, const struct evp_sampler_opts *opts,
			 struct evp_err *err)
{
	struct evp_rights r;
	uint32_t i;
	int rc = 0;

	evp_rights_read(&r);
	s->per_task = true;
	s->set.attr.exclude_kernel = kernel_denied(s);
	s->set.attr.inherit = 1;
	if (opts->all)
		rc = evp_perf_set_add_own(&s->set, err);
	for (i = 0; i < opts->npids && !rc && !opts->all; i++)
		rc = evp_perf_set_add_process(&s->set, opts->pids[i], err);
	if (rc)
		return rc;
	if (!s->set.nfds) {
		evp_rights_perf_hint(&r, true, s->note, sizeof(s->note));
		return evp_fail(err, EACCES, "sampling a cgroup is not permitted: %s", s->note);
	}
	if (opts->all || s->set.attr.exclude_kernel)
		snprintf(s->note, sizeof(s->note), "%s%s%s: kernel.perf_event_paranoid is %d",
			 opts->all ? "only your own processes" : "",
			 opts->all && s->set.attr.exclude_kernel ? ", " : "",
			 s->set.attr.exclude_kernel ? "only time spent in user space" : "",
			 r.paranoid);
	return 0;
}

static void perf_close(struct evp_sampler *s)
{
	if (!s)
		return;
	evp_perf_set_release(&s->set);
	evp_perf_queue_release(&s->queue);
	evp_perf_select_release(&s->select);
	evp_periods_release(&s->periods);
	evp_map_release(&s->seen[0]);
	evp_map_release(&s->seen[1]);
	free(s);
}

static int perf_open(struct evp_sampler **ret, const struct evp_sampler_opts *opts,
		     struct evp_err *err)
{
	struct evp_err refusal = { 0 };
	struct perf_event_attr attr;
	struct evp_sampler *s;
	int rc;

	if (opts->period_ns <= 0 || (!opts->all && !opts->npids && !opts->ncgroups))
		return evp_fail(err, EINVAL, "nothing to sample");
	s = calloc(1, sizeof(*s));
	if (!s)
		return evp_fail_oom(err);
	attr = sampling_attr(opts);
	attr.wakeup_watermark = (uint32_t)ring_bytes(opts->period_ns) / 2;
	s->periods.now_ns = opts->period_ns;
	s->max_stack = read_max_stack();
	rc = evp_perf_set_init(&s->set, &attr, step_down, ring_bytes(opts->period_ns), &refusal);
	if (!rc)
		rc = evp_perf_set_add(&s->set, -1, 0, &refusal);
	if (!rc)
		rc = select_all(s, opts, &refusal);
	else if (denied(rc))
		rc = open_per_task(s, opts, &refusal);
	if (rc) {
		perf_close(s);
		if (err)
			*err = refusal;
		return rc;
	}
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
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	s->started_ns = ts.tv_sec * EVP_NSEC + ts.tv_nsec;
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

/* The frames between one context marker (PERF_CONTEXT_*) and the next. */
static uint32_t part(const uint64_t *ip, uint64_t n, uint64_t context, const uint64_t **ret)
{
	uint64_t from, to;

	for (from = 0; from < n && ip[from] != context; from++)
		;
	if (from >= n)
		return 0;
	for (to = ++from; to < n && ip[to] < (uint64_t)PERF_CONTEXT_MAX; to++)
		;
	*ret = ip + from;
	return (uint32_t)(to - from);
}

/* The kernel gives return addresses; the leaf is where it was. */
static void deliver_stack(struct evp_sampler *s, uint64_t hash, const uint64_t *ip, uint64_t n)
{
	struct evp_raw_stack stack = { .hash = hash };
	uint64_t user[EVP_MAX_PERF_STACK];
	const uint64_t *frames = NULL;

	stack.nkernel = part(ip, n, (uint64_t)PERF_CONTEXT_KERNEL, &stack.kernel);
	stack.nuser = part(ip, n, (uint64_t)PERF_CONTEXT_USER, &frames);
	if (stack.nuser > EVP_MAX_PERF_STACK)
		stack.nuser = EVP_MAX_PERF_STACK;
	for (uint32_t i = 0; i < stack.nuser; i++)
		user[i] = i ? frames[i] - 1 : frames[i];
	stack.user = user;
	stack.kernel_cut = stack.nkernel + stack.nuser >= s->max_stack;
	s->sink->stack(s->sink->arg, &stack);
}

static void lose(struct evp_sampler *s, int64_t time_ns, const char *reason, uint64_t n)
{
	s->sink->loss(s->sink->arg, time_ns, reason, n);
}

static void on_sample(struct evp_sampler *s, const struct perf_event_header *record)
{
	const struct sample_head *head = (const void *)(record + 1);
	const uint64_t *ip = (const void *)(head + 1);
	struct evp_raw_sample out = { 0 };
	const char *comm;

	out.time_ns = (int64_t)head->time_ns;
	out.pid = (pid_t)head->pid;
	out.tid = (pid_t)head->tid;
	out.cpu = head->cpu;
	out.period_ns = evp_periods_at(&s->periods, head->cpu, out.time_ns);
	if (s->set.attr.cgroup)
		out.cgroup_id = ip[head->nips];
	if (!s->per_task && !evp_perf_select_sample(&s->select, out.pid, out.cgroup_id))
		return;
	if (!out.pid) /* outside of our pid namespace */
		return;
	if (out.pid < 0) { /* so far into its exit that it has no number any more */
		lose(s, out.time_ns, "no-process", 1);
		return;
	}
	out.stack_hash = evp_hash_bytes(ip, head->nips * sizeof(*ip));
	comm = evp_perf_select_comm(&s->select, out.pid, out.tid);
	memcpy(out.comm, comm, strnlen(comm, sizeof(out.comm) - 1));
	if (is_new(s, out.stack_hash))
		deliver_stack(s, out.stack_hash, ip, head->nips);
	s->sink->sample(s->sink->arg, &out);
}

static void on_record(void *arg, int64_t time_ns, uint32_t cpu,
		      const struct perf_event_header *record)
{
	struct evp_sampler *s = arg;
	struct evp_sideband_event e;

	if (record->type == PERF_RECORD_SAMPLE) {
		on_sample(s, record);
	} else if (!evp_sideband_decode(record, record->size, &e)) {
		if (e.type == EVP_SB_LOST) {
			lose(s, time_ns, "ring-full", e.lost);
			s->lost_told += e.lost;
		}
		evp_perf_select_event(&s->select, &e);
	}
}

/* Whether a sample's own counts fit its size: it is used without looking twice then. */
static bool sample_is_sound(const struct evp_sampler *s, const struct perf_event_header *record)
{
	const struct sample_head *head = (const void *)(record + 1);
	size_t tail = s->set.attr.cgroup ? sizeof(uint64_t) : 0, room;

	if (record->size < sizeof(*record) + sizeof(*head) + tail)
		return false;
	room = record->size - sizeof(*record) - sizeof(*head) - tail;
	return head->nips <= room / sizeof(uint64_t) && head->time_ns <= INT64_MAX;
}

static int queue_record(struct evp_sampler *s, const struct perf_event_header *record)
{
	const struct sample_head *head = (const void *)(record + 1);
	struct evp_sideband_event e;

	if (record->type == PERF_RECORD_SAMPLE)
		return sample_is_sound(s, record)
			       ? evp_perf_queue_push(&s->queue, (int64_t)head->time_ns, head->cpu,
						     record)
			       : -EBADMSG;
	if (evp_sideband_decode(record, record->size, &e))
		return 0;
	return evp_perf_queue_push(&s->queue, e.time_ns, e.cpu, record);
}

static void read_ring(struct evp_sampler *s, struct evp_perf_ring *ring, int64_t now_ns)
{
	const struct perf_event_header *record;
	uint64_t start = ring->next;
	int rc = 0;

	while (ring->next - start < ring->data_bytes &&
	       (rc = evp_perf_ring_next(ring, &record)) > 0) {
		rc = queue_record(s, record);
		if (rc)
			lose(s, now_ns, rc == -EBADMSG ? "damaged" : "queue-full", 1);
	}
	if (rc < 0)
		lose(s, now_ns, "damaged", 1);
}

/* Records dropped at the very end, with no room left for a LOST record, are in the counters only. */
static void read_lost(struct evp_sampler *s, int64_t now_ns)
{
	uint64_t values[2], lost = 0; /* count, lost */
	size_t i;

	s->lost_read = true;
	for (i = 0; s->set.attr.read_format && i < s->set.nfds; i++)
		if (read(s->set.fds[i], values, sizeof(values)) == sizeof(values))
			lost += values[1];
	if (lost > s->lost_told)
		lose(s, now_ns, "ring-full", lost - s->lost_told);
}

static int perf_drain(struct evp_sampler *s, const struct evp_sampler_sink *sink)
{
	struct timespec ts;
	int64_t now_ns;
	size_t i;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_ns = ts.tv_sec * EVP_NSEC + ts.tv_nsec;
	s->sink = sink;
	evp_perf_set_quiet(&s->set);
	for (i = 0; i < s->set.ncpus; i++)
		read_ring(s, &s->set.ring[i], now_ns);
	evp_perf_queue_pop(&s->queue, s->stopped ? INT64_MAX : now_ns - HOLD_BACK_NS, on_record, s);
	if (s->stopped && !s->lost_read)
		read_lost(s, now_ns);
	if (!s->stopped)
		evp_perf_set_follow_cpus(&s->set, now_ns);
	s->sink = NULL;
	return 0;
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
