/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The time between samples: what the kernel grants, and a change of it while sampling goes on.
 *
 * After a change the kernel begins a whole new period on each CPU, so a sample has the new one
 * exactly when it is from later than the change on its CPU. (What the kernel says with a sample is
 * of no use here: it keeps the period that the event was opened with.)
 */
#ifndef EVP_RECORD_PERIOD_H
#define EVP_RECORD_PERIOD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * A kernel that found sampling too dear lowers kernel.perf_event_max_sample_rate, and then throttles
 * what samples faster: ticks would be missing that nobody counts. -EINVAL, with the limit in err.
 */
int evp_period_check(int64_t period_ns, struct evp_err *err);

struct evp_periods { /* a zeroed struct with now_ns set has never changed */
	int64_t now_ns, before_ns;
	int64_t *changed_ns; /* by CPU, CLOCK_MONOTONIC; 0 never */
	size_t n, cap;
};

/* Makes room for CPUs below ncpus and lets this be the new period of each, once changed. */
int evp_periods_begin(struct evp_periods *p, int64_t period_ns, size_t ncpus);
/* Gives the event of a CPU the new period. 0 or -errno. */
int evp_periods_change(struct evp_periods *p, size_t cpu, int fd);
int64_t evp_periods_at(const struct evp_periods *p, size_t cpu, int64_t time_ns);
void evp_periods_release(struct evp_periods *p);

#endif
