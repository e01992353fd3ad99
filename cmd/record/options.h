/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of evp-record: their table, what holds where nothing was said, and what excludes
 * what. See evp-record(1).
 */
#ifndef EVP_CMD_RECORD_OPTIONS_H
#define EVP_CMD_RECORD_OPTIONS_H

#include "cmd/common/cmd.h"
#include "record/recorder.h"

struct record_options {
	bool check, json, strict;
	const char *output;	       /* NULL or "-": standard output */
	struct evp_record_opts record; /* all but `out`; it points into the command line ... */
	struct evp_rotate rotate;      /* record.rotate, where it is asked for */
	struct evp_targets targets;    /* ... and here */
};

extern const struct evp_cmd record_cmd;

/* After evp_cmd_parse. -1, or the exit status of an error, which was said. */
int record_options_read(struct record_options *ret);
void record_options_release(struct record_options *ro);

#endif
