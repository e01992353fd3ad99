/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process was started with: variables of its environment and its command line, out of /proc.
 * Both are memory of the process, which it may have overwritten with anything; both are bounded.
 * A process that is gone, or may not be looked at, has none.
 */
#ifndef EVP_RECORD_PROCESS_TEXT_H
#define EVP_RECORD_PROCESS_TEXT_H

#include <sys/types.h>

#include "record/labels.h"

#define EVP_ENV_META	 "__meta_env_var_"
#define EVP_CMDLINE_META "__meta_process_cmdline"

/*
 * Sets EVP_ENV_META followed by the name for each of these variables that there is, looking at the
 * first 256 KiB. Of two of a name the first counts, as for the program.
 */
void evp_process_read_env(pid_t pid, const struct evp_bytes *name, size_t n,
			  struct evp_labels *ret);
void evp_process_parse_env(struct evp_bytes environ, const struct evp_bytes *name, size_t n,
			   struct evp_labels *ret);

/* Sets EVP_CMDLINE_META: the arguments with blanks between, the first 4 KiB. */
void evp_process_read_cmdline(pid_t pid, struct evp_labels *ret);

#endif
