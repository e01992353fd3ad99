/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What evp_sampler_perf (sampler.h) can say beyond the common seam.
 *
 * It samples with cpu-clock, never with cycles: a period of exactly 1/F seconds makes the weights
 * exact, while cycles are no unit of time and their automatic rate starts with bursts.
 *
 * It never walks: samples carry registers and a copy of the stack, which the unwinder walks.
 * What is opened where, and for whom, is perf_sampling.h's; here records become samples, in one
 * order of time over all CPUs, and lost ones are counted (perf_loss.h).
 *
 * Whose the samples were that a full ring dropped nobody knows: where processes are selected here
 * the loss told is that of the whole machine, an upper bound.
 */
#ifndef EVP_RECORD_SAMPLER_PERF_H
#define EVP_RECORD_SAMPLER_PERF_H

#include "record/sampler.h"

/*
 * What had to be given up, as one line for the user ("only your own processes, only time spent in
 * user space: kernel.perf_event_paranoid is 2"), or NULL. Valid as long as the sampler.
 */
const char *evp_sampler_perf_note(const struct evp_sampler *s);

#endif
