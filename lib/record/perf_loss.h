/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many samples a perf ring lost. The kernel counts lost records, of which forks, exits and
 * renames are some: at most so many can have been samples as were due in the time that their CPU
 * was not heard of. So every record that is read is noted here, with its CPU and time.
 *
 * Times are CLOCK_MONOTONIC; the period is that between samples.
 */
#ifndef EVP_RECORD_PERF_LOSS_H
#define EVP_RECORD_PERF_LOSS_H

#include <stddef.h>
#include <stdint.h>

struct evp_perf_loss { /* a zeroed struct with began_ns set has heard of nothing */
	int64_t began_ns;
	int64_t *heard_ns; /* of each CPU, its latest record's time */
	size_t n, cap;
	uint64_t told; /* records that LOST records told of */
};

void evp_perf_loss_heard(struct evp_perf_loss *l, uint32_t cpu, int64_t time_ns);

/* A LOST record of this CPU and time, which is heard of with it: so many samples. */
uint64_t evp_perf_loss_told(struct evp_perf_loss *l, uint32_t cpu, int64_t time_ns,
			    uint64_t records, int64_t period_ns);

/* At the end, all CPUs' lost records by the kernel's counters: the samples among those not told of. */
uint64_t evp_perf_loss_untold(const struct evp_perf_loss *l, int64_t now_ns, uint64_t counted,
			      int64_t period_ns);

void evp_perf_loss_release(struct evp_perf_loss *l);

#endif
