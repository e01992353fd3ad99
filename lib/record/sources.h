/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two that a recording hears from: a sampler, over BPF or else over perf events, and the side
 * band. The side band is opened first, so that nothing happens to a sampled process unheard.
 */
#ifndef EVP_RECORD_SOURCES_H
#define EVP_RECORD_SOURCES_H

#include "record/recorder.h"
#include "record/sampler.h"
#include "record/sideband.h"

struct evp_sources { /* a zeroed struct is closed */
	struct evp_sideband *sb;
	const struct evp_sampler_ops *ops;
	struct evp_sampler *sampler;
};

/*
 * Opens both; the side band runs, the sampler is not started. What is given up on the way (BPF, the
 * kernel's time, others' processes) goes to opts->warn. -errno with the hint. *ret is zeroed before;
 * close it in any case.
 */
int evp_sources_open(struct evp_sources *ret, const struct evp_record_opts *opts,
		     struct evp_err *err);
void evp_sources_close(struct evp_sources *s);

#endif
