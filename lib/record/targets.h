/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whom to record, as a user spells it.
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
bool evp_targets_has_thread(const struct evp_targets *t, pid_t tid); /* one that has not ended */
/* A thread ended; with another's exec all but the first of the process, which that becomes. */
void evp_targets_thread_ended(struct evp_targets *t, pid_t tid);
void evp_targets_exec(struct evp_targets *t, pid_t pid);
void evp_targets_look_again(struct evp_targets *t); /* which threads there are: news were lost */
void evp_targets_release(struct evp_targets *t);

#endif
