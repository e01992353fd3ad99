/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows in sorted runs on disk: the external half of rows.h.
 *
 * A run is an unlinked file of rows in order of (time, duration). When there are EVP_RUNS_MAX of
 * them they are merged into one, so that any input needs few descriptors. Rows that compare equal
 * come out in the order of their runs. A zeroed struct has no runs.
 */
#ifndef EVP_FORMAT_RUNS_H
#define EVP_FORMAT_RUNS_H

#include <stdio.h>

#include "format/rows.h"

#define EVP_RUNS_MAX 32

struct evp_runs {
	FILE *file[EVP_RUNS_MAX];
	size_t n;
	FILE *open; /* the run being written */
};

/* Starts a run, adds rows in order, ends it. */
int evp_runs_begin(struct evp_runs *r, struct evp_err *err);
int evp_runs_put(struct evp_runs *r, const struct evp_row *row, struct evp_err *err);
int evp_runs_end(struct evp_runs *r, struct evp_err *err);

/* Every row of every run, in order; the runs are gone then. The row's bytes are good in fn only. */
typedef int (*evp_runs_fn)(void *arg, const struct evp_row *row, struct evp_err *err);
int evp_runs_merge(struct evp_runs *r, evp_runs_fn fn, void *arg, struct evp_err *err);
void evp_runs_release(struct evp_runs *r);

#endif
