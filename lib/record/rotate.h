/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Output in several files, one after the other, each a whole stream by itself: what a recorder that
 * runs all the time leaves for others to collect and delete.
 *
 * A file ends at the first flush that finds it large enough, or behind a UTC multiple of the
 * interval. Names come from one pattern: with '%' in it strftime(3) makes them from the UTC time at
 * which the file begins, else ".0001", ".0002" ... are added. What exists is never written over: a
 * number that is taken is skipped, and a time's name that is taken gets ".0002" ... behind it.
 *
 *	evp_rotate_parse(&r, "100M", &err); r.pattern = "prof.evp";
 *	evp_rotate_open(&r, now, &out, &err);
 *	... if (evp_rotate_due(&r, out.bytes, time)): open the next one, and only then end this
 */
#ifndef EVP_RECORD_ROTATE_H
#define EVP_RECORD_ROTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/io.h"

struct evp_rotate {
	const char *pattern;
	uint64_t max_bytes;  /* 0: by time */
	int64_t interval_ns; /* 0: by size */
	int64_t end_ns;	     /* of the file that was opened last, unix */
	uint32_t number;     /* of that file */
};

/* "100M" is a size, "10m" a time; a number alone is neither. -EINVAL. */
int evp_rotate_parse(struct evp_rotate *ret, const char *text, struct evp_err *err);

/* Opens the file that begins now, in place as EVP_OUT_DIRECT. On failure `ret` is not open. */
int evp_rotate_open(struct evp_rotate *r, int64_t unix_ns, struct evp_out *ret,
		    struct evp_err *err);

/* Whether a file of this size ends before what comes from this time on. */
bool evp_rotate_due(const struct evp_rotate *r, uint64_t bytes, int64_t unix_ns);

#endif
