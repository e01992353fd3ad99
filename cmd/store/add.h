/* SPDX-License-Identifier: GPL-2.0-or-later */
/* evp-store add: the operands into a store, until they end or somebody says stop. */
#ifndef EVP_CMD_STORE_ADD_H
#define EVP_CMD_STORE_ADD_H

#include "store/add.h"

/* dir: NULL for want of memory; opts: `endless` and `warn` are set here. The exit status; what is behind it was said. */
int store_add(const char *dir, struct evp_store_add_opts *opts);

#endif
