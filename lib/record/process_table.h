/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of processes: who each is and what it has mapped. What fills it is /proc
 * (process_read.h) and the side band (processes.h); whoever looks at samples only reads it.
 *
 * An entry is one process, from its first instruction to a while after its end (evp_procs_reap). Its
 * number may then be another's. Two numbers tell that it is not what it was, so that what was made
 * of it can be kept beside them: `serial` changes with every exec and mapping, `identity` with every
 * exec, comm, exe and cgroup. So nothing sets those but the functions here.
 */
#ifndef EVP_RECORD_PROCESS_TABLE_H
#define EVP_RECORD_PROCESS_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/hash.h"
#include "record/cgroup_id.h"
#include "record/mappings.h"

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
	uint64_t identity;     /* a new number with every change of exec, comm, exe or cgroup */
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
	struct evp_proc_labels *labels; /* of the labeller; NULL none yet */
};

struct evp_procs {
	struct evp_map by_pid; /* -> struct evp_proc * */
	struct evp_files files;
	struct evp_interner strings; /* exe, cgroup */
	struct evp_cgroup_ids cgroup_ids;
	pid_t *gone; /* ended, not reaped */
	size_t ngone, cgone;
	uint64_t last_serial, last_identity;
	int64_t tick_ns;	/* of start times */
	int64_t boot_offset_ns; /* CLOCK_BOOTTIME - CLOCK_MONOTONIC; the caller keeps it true */
	int64_t real_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC; likewise */
	/* Reading /proc: */
	size_t refused;		/* processes that might not be looked into */
	int64_t rescan_from_ns; /* CLOCK_MONOTONIC: not sooner ... */
	bool rescan_due;	/* ... but then, because events were lost meanwhile */
};

void evp_procs_init(struct evp_procs *ps); /* empty, with the clocks as they are now */
void evp_procs_release(struct evp_procs *ps);

struct evp_proc *evp_procs_find(const struct evp_procs *ps, pid_t pid);
/* Each entry in turn, from *i = 0 on, then NULL; no pid may come or go between two calls. */
struct evp_proc *evp_procs_next(const struct evp_procs *ps, size_t *i);

/*
 * A fresh entry; the one this pid had, of another process, becomes it. NULL: no memory, which a pid
 * that is there does not need.
 */
struct evp_proc *evp_procs_add(struct evp_procs *ps, pid_t pid);

/* Whether the process began then, give or take what start times of two sources differ by. */
bool evp_proc_began(const struct evp_proc *p, int64_t start_ns);

/* What it is from now on. Strings are copied; without memory they are "". */
void evp_procs_set_comm(struct evp_procs *ps, struct evp_proc *p, const char *comm);
void evp_procs_set_exe(struct evp_procs *ps, struct evp_proc *p, const char *path, size_t len);
void evp_procs_set_cgroup(struct evp_procs *ps, struct evp_proc *p, const char *path, size_t len);
void evp_procs_count_exec(struct evp_procs *ps, struct evp_proc *p); /* it executed, once more */

/* [m->start, m->end) is this file, mapped then (CLOCK_MONOTONIC), or memory. 0 or -ENOMEM. */
int evp_procs_map(struct evp_procs *ps, struct evp_proc *p, struct evp_mapping m,
		  const struct evp_file_key *key, int64_t time_ns);
void evp_procs_unmap(struct evp_procs *ps, struct evp_proc *p); /* everything */

/* It ended then, if it had not before; CLOCK_MONOTONIC. */
void evp_procs_end(struct evp_procs *ps, struct evp_proc *p, int64_t when_ns);

/* Forgets processes that ended before this time, and with `sweep` all that only they used. */
int evp_procs_reap(struct evp_procs *ps, int64_t before_ns, bool sweep);

#endif
