/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What evp_sampler_perf (sampler.h) can say beyond the common seam.
 *
 * It samples with cpu-clock, never with cycles: a period of exactly 1/F seconds makes the weights
 * exact, while cycles are no unit of time and their automatic rate starts with bursts.
 *
 * It never walks: samples carry registers and the upper end of the stack (perf_sample.h), which the
 * unwinder walks. They are large. Rings of all CPUs are of one size; where the user may lock less
 * memory than a second of samples takes, all shrink, and if need be what is copied of a stack.
 *
 * Where system-wide events are allowed, every CPU is sampled and processes are selected here, by
 * the fork and exit records in the same rings; cgroups are selected by the kernel. Otherwise every
 * thread of the selected processes gets an event a CPU, inherited by its children: what the kernel
 * allows to any user. `all` without the right to it becomes all processes of this user.
 *
 * Whose the samples were that a full ring dropped nobody knows: where processes are selected here
 * the loss told is that of the whole machine, an upper bound.
 */
#ifndef EVP_RECORD_SAMPLER_PERF_H
#define EVP_RECORD_SAMPLER_PERF_H

#include "record/sampler.h"

/*
 * What had to be given up, as one line for the user ("only your own processes, only user frames:
 * kernel.perf_event_paranoid is 2"), or NULL. Valid as long as the sampler.
 */
const char *evp_sampler_perf_note(const struct evp_sampler *s);

#endif
