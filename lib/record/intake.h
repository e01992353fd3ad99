/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the sources say, in one order of time: samples wait in the inbox until the side band has
 * caught up, events change the table of processes, and each sample meets its process as it was then
 * and goes into the recording. One whose stack came as a copy is what the unwinder publishes its
 * process for: the sampler walks the next one itself.
 *
 *	evp_intake_open(&in, opts, ks, &recording, &err);
 *	in.src.ops->start(in.src.sampler, &err);
 *	... now and then, and whenever something else takes long: evp_intake_take(&in);
 *	... evp_intake_work(&in, now_ns - hold_back_ns); at the end with INT64_MAX
 *	evp_intake_close(&in);
 *
 * While samples are worked up, or a table is made for one, the sampler's rings are emptied again and
 * again, so that none fills up. The first failure inside stays: every evp_intake_work returns it.
 */
#ifndef EVP_RECORD_INTAKE_H
#define EVP_RECORD_INTAKE_H

#include "record/inbox.h"
#include "record/kernel_syms.h"
#include "record/processes.h"
#include "record/recording.h"
#include "record/sources.h"
#include "record/unwinder.h"

struct evp_intake { /* a zeroed struct is closed */
	struct evp_sources src;
	struct evp_targets *targets;
	struct evp_kernel_syms *ks;
	struct evp_recording *rec;
	struct evp_unwinder *unwinder; /* NULL where user frames are not wanted */
	struct evp_inbox inbox;
	struct evp_procs procs;
	int64_t taken_ns;    /* when the sampler was drained last */
	uint64_t unfollowed; /* children that there was no room for */
	int rc;		     /* the first failure */
};

/*
 * Opens the sources and the unwinder. `ks` and `rec` must live as long; `rec` need not be open
 * before samples are worked up. *ret is zeroed before; close it in any case.
 */
int evp_intake_open(struct evp_intake *ret, const struct evp_record_opts *opts,
		    struct evp_kernel_syms *ks, struct evp_recording *rec, struct evp_err *err);
void evp_intake_close(struct evp_intake *in);

/* Out of the rings, to be worked up when the time has come. Failures show with evp_intake_work. */
void evp_intake_take(struct evp_intake *in);
/* Works up everything older than before_ns. 0 or -errno. */
int evp_intake_work(struct evp_intake *in, int64_t before_ns);
/* Whether a process waits for tables, which it gets when its sample is worked up: soon, then. */
bool evp_intake_is_urgent(const struct evp_intake *in);

/* CPU time that this has cost elsewhere: inside BPF, and of the unwinder's child. */
int64_t evp_intake_kernel_ns(const struct evp_intake *in);
int64_t evp_intake_helpers_ns(const struct evp_intake *in);

#endif
