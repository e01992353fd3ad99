/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole gzip files in memory.
 */
#ifndef EVP_FORMAT_GZIP_H
#define EVP_FORMAT_GZIP_H

#include "base/err.h"
#include "base/mem.h"

/* Appends the gzip file of these bytes: no name, no time, so the same bytes every time. */
int evp_gzip(const void *bytes, size_t len, struct evp_str *out, struct evp_err *err);

/*
 * Appends what a gzip file of one or more members holds, at most `limit` bytes (EFBIG). ENODATA:
 * cut short; EBADMSG: damaged. `name` is for messages.
 */
int evp_gunzip(const void *bytes, size_t len, size_t limit, const char *name, struct evp_str *out,
	       struct evp_err *err);

#endif
