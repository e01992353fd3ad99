/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of processes (process_table.h) filled from /proc: all of it after the side band was
 * opened, one process when a sample names it and nothing was heard of it, and those known once more
 * when events were lost.
 *
 * What a reading saw is newer than events from before it: `snapshot_ns` of the entry is its time.
 */
#ifndef EVP_RECORD_PROCESS_READ_H
#define EVP_RECORD_PROCESS_READ_H

#include "base/err.h"
#include "record/process_table.h"

/* Every process there is; `selected` marks none. 0 or -errno when /proc cannot be read. */
int evp_procs_scan(struct evp_procs *ps, struct evp_err *err);
/* One process, read anew, in its entry where it is still the same. NULL: it is gone (or memory is). */
struct evp_proc *evp_procs_scan_pid(struct evp_procs *ps, pid_t pid);

/*
 * Every living one anew: what is known may be wrong. Whoever makes so many events that some are lost
 * shall not make us read /proc all the time: `rescan_due` where it is too early, try again then.
 */
void evp_procs_rescan(struct evp_procs *ps);

/*
 * Who maps code at ever new addresses would gather mappings for ever, as unmapping is not heard of.
 * The set is held against /proc whenever it has doubled, so that the work stays in proportion to
 * the events. To be called before a mapping is added; 0 or -ENOMEM.
 */
int evp_procs_prune(struct evp_proc *p);

void evp_procs_read_cgroup(struct evp_procs *ps, struct evp_proc *p); /* that alone, anew */
bool evp_proc_goes_on(const struct evp_proc *p);		      /* in any thread */

#endif
