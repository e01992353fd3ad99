/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The perf events that sample: for whom they are opened, how large rings and copies of stacks are,
 * and what is given up where the user, or the kernel, may or can do less.
 *
 * Where system-wide events are allowed every CPU has one, and samples are selected by what runs in
 * the same rings (perf_select.h). Otherwise every thread of the selected processes gets an event a
 * CPU, inherited by its children: what the kernel allows to any user. `all` without the right to it
 * becomes all processes of this user.
 *
 * Samples are large (perf_sample.h). Rings of all CPUs are of one size; where the user may lock less
 * memory than half a second of samples takes, all shrink, and if need be what is copied of a stack.
 */
#ifndef EVP_RECORD_PERF_SAMPLING_H
#define EVP_RECORD_PERF_SAMPLING_H

#include "record/perf_select.h"
#include "record/perf_set.h"
#include "record/sampler.h"

struct evp_perf_sampling {
	struct evp_perf_set set; /* opened, not enabled */
	struct evp_perf_select select;
	bool per_task;	/* events on threads: nothing to be filtered by process */
	char note[400]; /* what was given up, in one line for the user; "" nothing */
};

/*
 * *ret is zeroed before; release it in any case. -EACCES or -EPERM with the hint; -ESRCH: one to be
 * sampled is not there; -ENOTSUP: cgroups, and this kernel's events do not tell them.
 */
int evp_perf_sampling_open(struct evp_perf_sampling *ret, const struct evp_sampler_opts *opts,
			   struct evp_err *err);

/* Whether a sample of this thread was asked for, as the records before it in the rings leave it. */
bool evp_perf_sampling_selects(const struct evp_perf_sampling *s, pid_t pid, pid_t tid,
			       uint64_t cgroup_id);

void evp_perf_sampling_release(struct evp_perf_sampling *s);

#endif
