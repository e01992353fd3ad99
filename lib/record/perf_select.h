/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which samples of a whole machine belong to the selected processes and cgroups, and what their
 * threads are called: kept up to date by the side band records that run in the same rings as the
 * samples. Feed it events and ask about samples in one order of time.
 *
 * Children of a selected process or thread are selected from their first instruction. A pid that is
 * used again by somebody else is not. An exit only marks: the last of a thread is sampled behind
 * its exit record, and its number means it until a fork record says otherwise. A zeroed struct
 * selects nobody; set `all` for everybody.
 */
#ifndef EVP_RECORD_PERF_SELECT_H
#define EVP_RECORD_PERF_SELECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "record/sideband.h"
#include "record/targets.h"

struct evp_perf_comm {
	char name[16];
	bool ended;
};

struct evp_perf_select {
	bool all;
	struct evp_map pids; /* -> 0: selected by number; 1: not now; n: by birth, n - 2 threads */
	struct evp_map tids; /* of single threads -> 0: selected; 1: not any more */
	struct evp_map partly;	/* processes with such threads */
	struct evp_map cgroups; /* id of a selected cgroup, or one below it */
	struct evp_str *paths;	/* of the selected cgroups, from the hierarchy's root */
	size_t npaths;
	struct evp_map comms; /* tid -> index of comm + 1 */
	struct evp_perf_comm *comm;
	size_t ncomms, comms_cap;
	size_t pids_limit, comms_limit; /* when to drop what has ended */
	bool forks_lost;		/* the kernel dropped records since the selection began */
};

int evp_perf_select_pid(struct evp_perf_select *s, pid_t pid);
int evp_perf_select_thread(struct evp_perf_select *s, const struct evp_target_thread *thread);
/*
 * A cgroup by its id and everything below it, now and later. -ENOENT: none of that id below the
 * cgroup v2 mount; -ENOTSUP: the kernel's perf events know cgroups v1 only.
 */
int evp_perf_select_cgroup(struct evp_perf_select *s, uint64_t id, struct evp_err *err);

void evp_perf_select_event(struct evp_perf_select *s, const struct evp_sideband_event *e);
bool evp_perf_select_sample(const struct evp_perf_select *s, pid_t pid, pid_t tid,
			    uint64_t cgroup_id);
/* The same of an event on a selected thread, which others that it started have inherited. */
bool evp_perf_select_inherited(const struct evp_perf_select *s, pid_t pid, pid_t tid);
/* The thread's name now, from /proc where no record told it; "" for one that is gone. */
const char *evp_perf_select_comm(struct evp_perf_select *s, pid_t pid, pid_t tid);
void evp_perf_select_release(struct evp_perf_select *s);

#endif
