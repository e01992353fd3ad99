/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The time between samples: what the kernel grants.
 */
#ifndef EVP_RECORD_PERIOD_H
#define EVP_RECORD_PERIOD_H

#include <stdint.h>

#include "base/err.h"

/*
 * A kernel that found sampling too dear lowers kernel.perf_event_max_sample_rate, and then throttles
 * what samples faster: ticks would be missing that nobody counts. -EINVAL, with the limit in err.
 */
int evp_period_check(int64_t period_ns, struct evp_err *err);

#endif
