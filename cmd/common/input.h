/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stream operands -> what a filter works on, with the messages and statuses that all of them share.
 */
#ifndef EVP_CMD_COMMON_INPUT_H
#define EVP_CMD_COMMON_INPUT_H

#include "profile/profile.h"
#include "stream/reader.h"

#define EVP_STREAM_FORMATS "evp-stream 1.0 (reads 1.x, writes 1.0)"

/* Reads a stream up to its end; damage is the reader's to tell. 0 or -errno. */
typedef int evp_stream_fn(void *arg, struct evp_reader *r, struct evp_err *err);

/* The stream behind fd through fn. The exit status: as evp_input_verdict, or EVP_TROUBLE (said). */
int evp_input_read(int fd, const char *name, evp_stream_fn *fn, void *arg);
/* The same for every operand, or for standard input: the worst status. */
int evp_input_each(evp_stream_fn *fn, void *arg);

/* EVP_DONE, or EVP_INCOMPLETE with a warning why: cut, damaged, or promised samples missing. */
int evp_input_verdict(const struct evp_reader *r, const char *name);

/*
 * All operands (or standard input) as one profile. `by`: label names separated by commas, NULL or
 * "" none; `value`: as struct evp_profile_opts has it. *ret_p is set whenever a profile could be
 * made, even if the status is EVP_INCOMPLETE.
 */
int evp_input_profile(const char *by, const char *event, const char *value,
		      unsigned int profile_flags, struct evp_profile **ret_p);

/* EVP_NO (said) where `event` was asked for (NULL: none) and only others have samples. */
int evp_input_event(const struct evp_profile *p, const char *event);
/* The same for who found out itself: says it, returns EVP_NO. */
int evp_input_no_event(const char *event, uint64_t others);

/* The value type called `name` (NULL: the default). 0, or EVP_TROUBLE with the choices said. */
int evp_input_value(const struct evp_profile *p, const char *name, size_t *ret_type);

#endif
