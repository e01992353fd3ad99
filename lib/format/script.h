/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text as `perf script` prints it: a header line a sample, its frames leaf first, an empty line.
 * What stackcollapse-perf.pl, inferno-collapse-perf and many others read.
 *
 *	python3 4711 1760000000.000000:   10101010 cpu:
 *		         1a2b30 _PyEval_EvalFrameDefault (/usr/bin/python3.11)
 *
 * A record that stands for n samples is printed n times, each with an n-th of its value as period.
 * Addresses are what the location holds (a file offset for native ones, 0 for none); inlined frames
 * carry "(inlined)" in place of the file. Control bytes in names are escaped as in folded text.
 */
#ifndef EVP_FORMAT_SCRIPT_H
#define EVP_FORMAT_SCRIPT_H

#include "base/io.h"
#include "stream/reader.h"

struct evp_script;

int evp_script_new(struct evp_script **ret_s, struct evp_out *out, struct evp_err *err);
void evp_script_free(struct evp_script *s);
/* Any record; only samples print, and epochs drop what was remembered. 0 or -errno. */
int evp_script_record(struct evp_script *s, const struct evp_tables *t,
		      const struct evp_record *rec);

#endif
