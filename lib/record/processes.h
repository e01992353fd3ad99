/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes of the machine while it is recorded (process_table.h), kept by side-band events and
 * asked for by samples. The caller gives both in one order of time, so that a sample meets its
 * process as it was. A process that nothing was heard of is read from /proc when a sample names it
 * (process_read.h). What /proc said is newer than events from before; those only count execs.
 */
#ifndef EVP_RECORD_PROCESSES_H
#define EVP_RECORD_PROCESSES_H

#include "record/process_table.h"
#include "record/sampler.h"
#include "record/sideband.h"

/*
 * Applies an event. *ret_child (may be NULL): a new child of a selected process, else NULL. LOST
 * reads everything known anew. 0 or -ENOMEM.
 */
int evp_procs_event(struct evp_procs *ps, const struct evp_sideband_event *ev,
		    struct evp_proc **ret_child);

/*
 * The process of a sample: scanned if need be, made up from the sample where it is gone (its comm,
 * no mappings). NULL: no memory.
 */
struct evp_proc *evp_procs_of_sample(struct evp_procs *ps, const struct evp_raw_sample *s);

#endif
