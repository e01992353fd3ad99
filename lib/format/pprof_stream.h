/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A parsed pprof profile into a stream: one event, one sample a sample, places as pprof.h has them.
 */
#ifndef EVP_FORMAT_PPROF_STREAM_H
#define EVP_FORMAT_PPROF_STREAM_H

#include "format/import.h"
#include "format/pprof_parse.h"

/*
 * Of opts the type, time_ns and duration_ns are looked at. Starts epochs when they are due, also
 * before the first sample. -errno: the writer's, or EOVERFLOW when a derived value passes 2^63.
 */
int evp_pprof_write(const struct evp_pprof_parsed *p, const struct evp_import_opts *opts,
		    struct evp_writer *w);

#endif
