/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An input that is a stream or folded text, as a stream either way: the first bytes tell.
 *
 *	evp_any_open(&a, fd, name, by, nby, &err);
 *	... evp_any_reader(a) ...
 *	evp_any_close(a);
 */
#ifndef EVP_FORMAT_ANY_H
#define EVP_FORMAT_ANY_H

#include "stream/reader.h"

struct evp_any;

/*
 * by: what the first frames of folded text are the labels of. fd stays the caller's, open until the
 * close; text is read to its end here. 0 or -errno.
 */
int evp_any_open(struct evp_any **ret_a, int fd, const char *name, const char *const *by,
		 size_t nby, struct evp_err *err);
struct evp_reader *evp_any_reader(struct evp_any *a); /* lives as long as `a` */
void evp_any_close(struct evp_any *a);

#endif
