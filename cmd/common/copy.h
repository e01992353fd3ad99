/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stream out: the writer that every program has, and copying the operands through it. */
#ifndef EVP_CMD_COMMON_COPY_H
#define EVP_CMD_COMMON_COPY_H

#include "base/io.h"
#include "stream/copy.h"

/*
 * A writer into `out` that puts this program and its options into the provenance, unless
 * --no-prov. id (16 bytes) and level: as struct evp_writer_opts has them. 0 or -errno.
 */
int evp_output_writer(struct evp_writer **ret_w, struct evp_out *out, const uint8_t *id, int level,
		      struct evp_err *err);
/* Warns of names and labels that the writer had to cut. */
void evp_output_tell_cut(const struct evp_writer *w);

/*
 * All operands through one copier into one writer with `out` as its sink. The stream id follows
 * from the first input's, the program and its options, so that the same again gives the same bytes.
 * `record` (may be NULL) is called for every record before it is copied: 1 copy it, 0 leave it out,
 * -errno. `prepare` (may be NULL) is called once a copier was made for an operand.
 */
struct evp_input_filter {
	bool mend; /* end the output as whole although an input was not */
	int (*prepare)(void *arg, struct evp_copy *c, struct evp_reader *r, struct evp_writer *w);
	int (*record)(void *arg, struct evp_reader *r, const struct evp_record *rec);
	void *arg;
};

/* The exit status; what is behind it was said. The output is the caller's to finish. */
int evp_input_copy(const struct evp_input_filter *f, struct evp_out *out);

#endif
