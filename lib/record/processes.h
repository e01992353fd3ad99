/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of the machine while it is recorded: who they are and what they have mapped.
 *
 * Filled from /proc after the side band was opened, then kept by side-band events given in order
 * of time, interleaved with the samples by the caller, so that a sample meets its process as it
 * was. A process that nothing was heard of is read from /proc when a sample names it. What a scan
 * saw is newer than events from before the scan; those only count execs.
 *
 * An entry lives until a while after its process ended (evp_procs_reap).
 */
#ifndef EVP_RECORD_PROCESSES_H
#define EVP_RECORD_PROCESSES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/hash.h"
#include "record/cgroup_id.h"
#include "record/mappings.h"
#include "record/sampler.h"
#include "record/sideband.h"

struct evp_proc {
	pid_t kin[EVP_KIN]; /* parent, grandparent ...; 0 unknown */
	pid_t pid, ns_pid;  /* ns_pid 0: unknown */
	int64_t start_ns;   /* CLOCK_BOOTTIME, in steps of the clock tick; 0 unknown */
	uint32_t exec_generation;
	char comm[64];
	const char *exe, *cgroup; /* the table's strings; "" unknown */
	uint64_t cgroup_id;	  /* v2; 0 unknown */
	struct evp_mappings *maps;
	size_t prune_at;       /* so many mappings: see which are still there; 0: the default */
	uint64_t serial;       /* of (process, exec, mappings): a new number with every change */
	int64_t snapshot_ns;   /* CLOCK_MONOTONIC: what came before is in `maps` already */
	int64_t exit_ns;       /* CLOCK_MONOTONIC; 0: lives */
	bool selected;	       /* named by the user, or a child of such a one */
	bool threaded;	       /* it has, or had, more than its first thread */
	bool leader_gone;      /* its first thread has ended; others may go on */
	bool exe_pending;      /* just executed: the next file mapped is the program */
	bool cgroup_inherited; /* from the parent at the fork; it may have been moved since */
	bool cgroup_looked;    /* for that, once before it settled */
	uint32_t stream_id;    /* in epoch `stream_epoch`, 0 none; for the translator */
	uint64_t stream_epoch;
	uint64_t identity; /* a new number with every change of exec, comm, exe or cgroup */
	struct evp_proc_labels *labels; /* of the labeller; NULL none yet */
};

struct evp_procs {	       /* a zeroed struct is empty */
	struct evp_map by_pid; /* -> struct evp_proc * */
	struct evp_files files;
	struct evp_interner strings; /* exe, cgroup */
	struct evp_map cgroup_path;  /* v2 id -> string id + 1; 0 asked for, none */
	struct evp_cgroup_ids cgroup_ids;
	pid_t *gone; /* ended, not reaped */
	size_t ngone, cgone;
	size_t refused; /* processes that might not be looked into */
	uint64_t last_serial, last_identity;
	int64_t rescan_from_ns; /* CLOCK_MONOTONIC: not sooner ... */
	bool rescan_due;	/* ... but then, because events were lost meanwhile */
	int64_t tick_ns;	/* of start times */
	int64_t boot_offset_ns; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC; the caller keeps it true */
	int64_t real_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC; likewise */
};

int evp_procs_init(struct evp_procs *ps);
void evp_procs_release(struct evp_procs *ps);

/* Every process there is; `selected` marks none. 0 or -errno when /proc cannot be read. */
int evp_procs_scan(struct evp_procs *ps, struct evp_err *err);
/* One process, read anew. NULL: it is gone (or memory is). */
struct evp_proc *evp_procs_scan_pid(struct evp_procs *ps, pid_t pid);
/* One that /proc need not show: events will tell of it. NULL: no memory. */
struct evp_proc *evp_procs_add(struct evp_procs *ps, pid_t pid);

struct evp_proc *evp_procs_find(const struct evp_procs *ps, pid_t pid);

/*
 * The process of a sample: scanned if need be, made up from the sample where it is gone (its comm,
 * no mappings). NULL: no memory.
 */
struct evp_proc *evp_procs_of_sample(struct evp_procs *ps, const struct evp_raw_sample *s);

/*
 * Applies an event. *ret_child (may be NULL): a new child of a selected process, else NULL. LOST
 * reads everything known anew. 0 or -ENOMEM.
 */
int evp_procs_event(struct evp_procs *ps, const struct evp_sideband_event *ev,
		    struct evp_proc **ret_child);

/* Forgets processes that ended before this time, and with `sweep` all that only they used. */
int evp_procs_reap(struct evp_procs *ps, int64_t before_ns, bool sweep);

#endif
