/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a recording that works goes without, each in one line: names of kernel functions, files of
 * other users' processes, processes outside of a pid namespace. The lines about backends and rates
 * are the samplers'. Nothing is said of what this recording would not have used.
 */
#ifndef EVP_RECORD_SHORTFALL_H
#define EVP_RECORD_SHORTFALL_H

#include "record/kernel_syms.h"
#include "record/process_table.h"
#include "record/recorder.h"

/* Once the processes were read; while all privileges are there. */
void evp_shortfall_begin(const struct evp_record_opts *opts, struct evp_kernel_syms *ks,
			 const struct evp_procs *procs);
/* At the end: files that were sampled and might not be read. */
void evp_shortfall_end(const struct evp_record_opts *opts, const struct evp_procs *procs);

#endif
