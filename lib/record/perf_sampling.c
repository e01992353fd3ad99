// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/perf_sampling.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "record/perf_sample.h"
#include "record/rights.h"

#define RING_MIN    (256u << 10)
#define RING_MAX    (8u << 20)
#define RINGS_MAX   (64u << 20) /* all together, while that leaves RING_MIN a CPU */
#define RING_LEAST  (32u << 10) /* where the user may lock no more memory */
#define LATE_NS	    80000000LL	/* of samples fit into a ring at least */
#define SAMPLES_MIN 8		/* and at least so many */
#define OFTEN_NS    4000000LL	/* samples more frequent than this are kept smaller */

/* ---- what is asked for ---- */

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

/* Half a second of samples: they are read when a quarter is full, if there is a CPU for that. */
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

/* ---- opening ---- */

static bool denied(int rc)
{
	return rc == -EACCES || rc == -EPERM;
}

/* May this user sample what its own processes do inside the kernel? */
static bool kernel_denied(struct perf_event_attr attr)
{
	return denied(evp_perf_try(&attr));
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
static int open_alike(struct evp_perf_set *set, const struct evp_sampler_opts *opts,
		      struct perf_event_attr attr, int pid, struct evp_err *err)
{
	size_t bytes = opts->ring_bytes ? opts->ring_bytes : ring_bytes(opts);
	bool shrinks;
	int rc;

	for (;; bytes /= 2) {
		if (attr.sample_stack_user)
			attr.sample_stack_user = copy_bytes(opts, bytes);
		attr.wakeup_watermark = (uint32_t)bytes / 4;
		rc = evp_perf_set_init(set, &attr, step_down, bytes, err);
		if (rc)
			return rc;
		rc = evp_perf_set_add(set, pid, 0, err);
		/* Also where one CPU's ring took all that there was. */
		shrinks = rc ? rc == -EPERM && set->nfds : !rings_are_alike(set);
		if (!shrinks || bytes <= RING_LEAST)
			return rc;
		evp_perf_set_release(set);
	}
}

/* Rings cannot shrink later: events on ourselves tell what there is room for. */
static int fit_to_own(struct evp_perf_set *set, const struct evp_sampler_opts *opts,
		      struct evp_err *err)
{
	struct perf_event_attr attr = sampling_attr(opts);
	size_t bytes;
	int rc;

	attr.exclude_kernel = kernel_denied(attr);
	rc = open_alike(set, opts, attr, 0, err);
	attr = set->attr;
	attr.inherit = 1;
	bytes = set->ring_bytes;
	evp_perf_set_release(set);
	return rc ? rc : evp_perf_set_init(set, &attr, step_down, bytes, err);
}

static int cgroups_denied(struct evp_err *err)
{
	struct evp_rights r;
	char hint[400];

	evp_rights_read(&r);
	evp_rights_perf_hint(&r, true, hint, sizeof(hint));
	return evp_fail(err, EACCES, "sampling a cgroup is not permitted: %s", hint);
}

static int open_per_task(struct evp_perf_set *set, const struct evp_sampler_opts *opts,
			 struct evp_err *err)
{
	int rc = fit_to_own(set, opts, err);

	if (rc)
		return rc;
	if (opts->all)
		return evp_perf_set_add_own(set, err);
	if (opts->ncgroups)
		return cgroups_denied(err);
	for (uint32_t i = 0; i < opts->npids && !rc; i++)
		rc = evp_perf_set_add_process(set, opts->pids[i], err);
	for (uint32_t i = 0; i < opts->nthreads && !rc; i++)
		rc = evp_perf_set_add(set, opts->threads[i].tid, 0, err);
	return rc;
}

static int select_cgroups(struct evp_perf_sampling *s, const struct evp_sampler_opts *opts,
			  struct evp_err *err)
{
	int rc = 0;

	if (opts->ncgroups && !s->set.attr.cgroup)
		return evp_fail(err, ENOTSUP,
				"the kernel's perf events tell no cgroups: -G needs "
				"the bpf backend");
	for (uint32_t i = 0; i < opts->ncgroups && !rc; i++)
		rc = evp_perf_select_cgroup(&s->select, opts->cgroup_ids[i], err);
	return rc;
}

static int select_targets(struct evp_perf_sampling *s, const struct evp_sampler_opts *opts,
			  struct evp_err *err)
{
	s->select.all = opts->all;
	if (opts->all)
		return 0;
	for (uint32_t i = 0; i < opts->npids; i++) {
		if (kill(opts->pids[i], 0) < 0 && errno == ESRCH)
			return evp_fail(err, ESRCH, "no process %d", (int)opts->pids[i]);
		if (evp_perf_select_pid(&s->select, opts->pids[i]))
			return evp_fail_oom(err);
	}
	for (uint32_t i = 0; i < opts->nthreads; i++)
		if (evp_perf_select_thread(&s->select, &opts->threads[i]))
			return evp_fail_oom(err);
	return s->per_task ? 0 : select_cgroups(s, opts, err);
}

static void describe(struct evp_perf_sampling *s, const struct evp_sampler_opts *opts)
{
	bool own = s->per_task && opts->all, user_time = s->per_task && s->set.attr.exclude_kernel;
	bool no_regs = opts->user && !s->set.attr.sample_stack_user;
	struct evp_rights r;

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

int evp_perf_sampling_open(struct evp_perf_sampling *ret, const struct evp_sampler_opts *opts,
			   struct evp_err *err)
{
	struct evp_err refusal = { 0 }; /* of what may yet be had otherwise */
	int rc = open_alike(&ret->set, opts, sampling_attr(opts), -1, &refusal);

	ret->per_task = denied(rc);
	if (ret->per_task) {
		evp_perf_set_release(&ret->set);
		rc = open_per_task(&ret->set, opts, &refusal);
	}
	if (!rc)
		rc = select_targets(ret, opts, &refusal);
	if (!rc)
		describe(ret, opts);
	else if (err)
		*err = refusal;
	return rc;
}

bool evp_perf_sampling_selects(const struct evp_perf_sampling *s, pid_t pid, pid_t tid,
			       uint64_t cgroup_id)
{
	return s->per_task ? evp_perf_select_inherited(&s->select, pid, tid)
			   : evp_perf_select_sample(&s->select, pid, tid, cgroup_id);
}

void evp_perf_sampling_release(struct evp_perf_sampling *s)
{
	evp_perf_set_release(&s->set);
	evp_perf_select_release(&s->select);
}
