/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stream operands -> what a filter works on, with the messages and statuses that all of them share.
 */
#ifndef EVP_CMD_COMMON_INPUT_H
#define EVP_CMD_COMMON_INPUT_H

#include "cmd/common/cmd.h"
#include "profile/profile.h"
#include "stream/copy.h"

#define EVP_STREAM_FORMATS "evp-stream 1.0 (reads 1.x, writes 1.0)"

/*
 * All operands (or standard input) as one profile. `by`: label names separated by commas, NULL or ""
 * none; `value`: as struct evp_profile_opts has it. *ret_p is set whenever a profile could be made, even if the status is EVP_INCOMPLETE.
 */
int evp_input_profile(const char *by, const char *event, const char *value,
		      unsigned int profile_flags, struct evp_profile **ret_p);

/* EVP_NO (said) where `event` was asked for (NULL: none) and only others have samples. */
int evp_input_event(const struct evp_profile *p, const char *event);
/* The same for who found out itself: says it, returns EVP_NO. */
int evp_input_no_event(const char *event, uint64_t others);

/* The value type called `name` (NULL: the default). 0, or EVP_TROUBLE with the choices said. */
int evp_input_value(const struct evp_profile *p, const char *name, size_t *ret_type);

/*
 * All operands through one copier into one writer with `out` as its sink. The stream id follows
 * from the first input's, the tool and its options, so that the same again gives the same bytes. `record` (may be NULL) is
 * called for every record before it is copied: 1 copy it, 0 leave it out, -errno.
 * `prepare` (may be NULL) is called once a copier was made for an operand.
 */
struct evp_input_filter {
	const char *tool;
	bool mend; /* end the output as whole although an input was not */
	int level; /* as struct evp_writer_opts */
	int (*prepare)(void *arg, struct evp_copy *c, struct evp_reader *r, struct evp_writer *w);
	int (*record)(void *arg, struct evp_reader *r, const struct evp_record *rec);
	void *arg;
};

int evp_input_copy(const struct evp_input_filter *f, struct evp_out *out);

/* After a reader's end: EVP_DONE, or EVP_INCOMPLETE with what is wrong said. */
int evp_input_verdict(const struct evp_reader *r, const char *name);

#endif
