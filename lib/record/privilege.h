/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the recorder may, when: nothing more than its caller while it reads options and opens what
 * the caller named, all that it was given while it starts, and then only what it goes on needing:
 *
 *	CAP_BPF                 lookups in maps (before Linux 5.19), new maps and links
 *	CAP_PERFMON             events on CPUs that come, and on threads of other users
 *	CAP_IPC_LOCK            the rings of those events, past kernel.perf_event_mlock_kb
 *	CAP_SYS_PTRACE          /proc/PID/maps, exe, root and map_files of other users' processes
 *	CAP_CHECKPOINT_RESTORE  files that are deleted or out of sight, through /proc/PID/map_files
 *	CAP_DAC_READ_SEARCH     files that only their owner may read, or find
 *	CAP_SYSLOG              addresses of modules that are loaded while it records
 *	CAP_KILL                signals passed on to a command that changed its user
 *	CAP_DAC_OVERRIDE        output files that are opened later
 *	CAP_SYS_ADMIN           only where it stands for one of the first two and the fifth, which are
 *	                        split off it (Linux 5.8 and 5.9) and missing, and where Debian's
 *	                        kernel.perf_event_paranoid of 3 or 4 lets nothing less open events
 *
 * Whatever is not in the list is dropped, for root too; nothing can be gained any more either
 * (no_new_privs, an empty bounding set where that is permitted).
 *
 *	evp_privilege_begin(&err);      first of all
 *	evp_privilege_raise();          before sampling is tried
 *	evp_privilege_settle(keep);     once everything runs; before any thread is started
 *
 * The command that is profiled has nothing to do with this: it is forked earlier, and what the
 * recorder was given by its own file (setuid, or capabilities: AT_SECURE in getauxval(3)) it gives
 * up before it looks for its program. One thing cannot be had back: executing a file that has
 * capabilities clears the ambient ones of the caller (capabilities(7)).
 */
#ifndef EVP_RECORD_PRIVILEGE_H
#define EVP_RECORD_PRIVILEGE_H

#include "base/err.h"

/*
 * Where the recorder's file gave it more than its caller has: the real user and group from here
 * on, the capabilities that recording uses kept aside. Else nothing. An error must end the program.
 */
int evp_privilege_begin(struct evp_err *err);

/* Capabilities kept aside come to effect, and go aside again. Else nothing. */
void evp_privilege_raise(void);
void evp_privilege_lower(void);

/* Gives up for good what begin kept aside; for a process that is about to execute a command. */
int evp_privilege_as_caller(void); /* 0 or -errno: do not execute it */

enum {
	EVP_KEEP_BPF = 1,
	EVP_KEEP_KILL = 2,  /* there is a command */
	EVP_KEEP_FILES = 4, /* more output files will be opened */
};
int evp_privilege_settle(unsigned int keep); /* 0 or -errno: more was kept than that */

#endif
