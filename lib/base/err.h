/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What went wrong, in words for a person.
 *
 * Library functions return 0 or -errno and, where they take a struct evp_err,
 * leave one message in it: lower case, no full stop, the subject in quotes, and
 * for damaged input the file and offset. The library never prints; cmd/ does.
 * A function that succeeds leaves the struct alone. `err` may be NULL everywhere.
 *
 * Codes with a meaning of their own, everywhere in the library:
 *   EBADMSG  the input is damaged or not of the format
 *   ENODATA  the input ends before it should (cut short)
 *   EINVAL   the caller or the user asked for something that makes no sense
 *   EPROTONOSUPPORT  a later format version than this program reads
 */
#ifndef EVP_BASE_ERR_H
#define EVP_BASE_ERR_H

#include <errno.h>

struct evp_err {
	int code; /* positive errno, 0 while nothing failed */
	char msg[600];
};

/* Fills `err` (unless NULL) and returns -code, so that `return evp_fail(...)` works. */
__attribute__((format(printf, 3, 4))) int evp_fail(struct evp_err *err, int code, const char *fmt,
						   ...);

/* The same, with ": <strerror(code)>" behind the message. */
__attribute__((format(printf, 3, 4))) int evp_fail_errno(struct evp_err *err, int code,
							 const char *fmt, ...);

/* -ENOMEM with the usual words. */
int evp_fail_oom(struct evp_err *err);

#endif
