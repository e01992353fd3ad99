/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The same perf event on every online CPU, all of a CPU's events writing into one ring: for the
 * whole machine, for cgroups, or for the threads of some processes (an inherited event can only
 * have a ring if it is bound to a CPU, hence one event a thread and CPU).
 *
 *	evp_perf_set_init(&set, &attr, step_down, ring_bytes, &err);
 *	evp_perf_set_add(&set, -1, 0, &err);                 or
 *	evp_perf_set_add_process(&set, pid, &err);
 *	for (i = 0; i < set.ncpus; i++) evp_perf_ring_next(&set.ring[i], &record) ...
 *	evp_perf_set_release(&set);
 *
 * CPUs that come and go are followed where everybody is watched, if evp_perf_set_follow_cpus is
 * called now and then. One that goes away between listing and opening is skipped.
 */
#ifndef EVP_RECORD_PERF_SET_H
#define EVP_RECORD_PERF_SET_H

#include <stdbool.h>

#include "record/perf_ring.h"

/* Makes attr ask for less after EINVAL; false: it cannot. */
typedef bool (*evp_perf_step_down_fn)(struct perf_event_attr *attr);

struct evp_perf_set {
	struct perf_event_attr attr; /* as the kernel agreed to it */
	evp_perf_step_down_fn step_down;
	size_t ring_bytes;
	int *cpus;
	struct evp_perf_ring *ring; /* one a CPU; page NULL: nothing opened there */
	size_t ncpus, cpus_cap, ring_cap;
	int *fds;
	size_t nfds, fds_cap;
	bool everybody, enabled;
	int64_t looked_ns; /* for CPUs */
	int epoll_fd;	   /* over all rings, edge-triggered: an ended task hangs up for good */
};

/* step_down may be NULL. */
int evp_perf_set_init(struct evp_perf_set *set, const struct perf_event_attr *attr,
		      evp_perf_step_down_fn step_down, size_t ring_bytes, struct evp_err *err);

/*
 * Opens the event on every CPU for: pid -1, everybody; pid a thread; or, with flags
 * PERF_FLAG_PID_CGROUP, pid the fd of a cgroup directory. -ESRCH: no such thread; -EACCES or
 * -EPERM: not allowed, err has the hint.
 */
int evp_perf_set_add(struct evp_perf_set *set, int pid, unsigned long flags, struct evp_err *err);

/*
 * Every thread that the process has now. Threads born while this runs, of threads not yet reached,
 * are missed; attr.inherit brings the later ones. -ESRCH: no such process.
 */
int evp_perf_set_add_process(struct evp_perf_set *set, pid_t pid, struct evp_err *err);

/*
 * Every process of this user. Those that end meanwhile, may not be watched (not dumpable), or are
 * beyond the limit on open files, are left out. An error only if not one could be had.
 */
int evp_perf_set_add_own(struct evp_perf_set *set, struct evp_err *err);

int evp_perf_set_ioctl(struct evp_perf_set *set, unsigned long request); /* on every event */
/*
 * Every other second: opens events on CPUs that came, drops the rings of those that went. Call it
 * when the rings have been read. Whether one came: what happened there before is not known.
 */
bool evp_perf_set_follow_cpus(struct evp_perf_set *set, int64_t now_ns);
void evp_perf_set_quiet(struct evp_perf_set *set); /* takes pending readiness off epoll_fd */
void evp_perf_set_release(struct evp_perf_set *set);

#endif
