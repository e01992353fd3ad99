/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom to record: as a user spells it, and who of them is there while it goes on.
 *
 * Processes, threads and cgroups are added before; the side band's events keep them up to date.
 * Children of processes are selected with them (evp_procs_event); those that a single thread starts
 * are found here.
 */
#ifndef EVP_RECORD_TARGETS_H
#define EVP_RECORD_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define EVP_MAX_TARGETS 4096

struct evp_target_thread {
	pid_t tid, pid; /* pid: its process */
	bool ended;
};

struct evp_targets { /* a zeroed struct is empty */
	pid_t *pid;
	size_t npids, cpids;
	struct evp_target_thread *thread;
	size_t nthreads, cthreads;
	uint64_t *cgroup_id; /* v2 */
	size_t ncgroups, ccgroups;
};

/* "1,2,3": adds them. -EINVAL spelled wrong, -ESRCH no such process. */
int evp_targets_add_pids(struct evp_targets *t, const char *list, struct evp_err *err);
int evp_targets_add_tids(struct evp_targets *t, const char *list,
			 struct evp_err *err); /* likewise */
/*
 * A folder below a cgroup v2 mount, or a path within that hierarchy ("/system.slice/x.service").
 * -ENOENT none; -EINVAL one that only a v1 hierarchy has.
 */
int evp_targets_add_cgroup(struct evp_targets *t, const char *path, struct evp_err *err);
int evp_targets_add_pid(struct evp_targets *t, pid_t pid);

struct evp_proc;
struct evp_procs;
struct evp_sideband_event;

/*
 * Reads those that are there, and selects the processes. `command` is one of them that /proc need
 * not show; 0: none. -ESRCH: one has ended already, which is no error where `all` are recorded.
 */
int evp_targets_select(const struct evp_targets *t, struct evp_procs *ps, pid_t command, bool all,
		       struct evp_err *err);
/*
 * An event that evp_procs_event has just applied, and *child is what that gave. A child of a single
 * thread is selected too; *child is it then.
 */
void evp_targets_event(struct evp_targets *t, const struct evp_procs *ps,
		       const struct evp_sideband_event *ev, struct evp_proc **child);
/* Whether every thread and every selected process has ended; cgroups have no end. */
bool evp_targets_ended(const struct evp_targets *t, const struct evp_procs *ps);

void evp_targets_release(struct evp_targets *t);

#endif
