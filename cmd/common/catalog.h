/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What could not be read of a store. */
#ifndef EVP_CMD_COMMON_CATALOG_H
#define EVP_CMD_COMMON_CATALOG_H

#include "store/catalog.h"

/* Says each: "<what>'<path>': <reason>". The status for it: EVP_DONE, or EVP_INCOMPLETE. */
int evp_tell_bad(const struct evp_catalog *c, const char *what);

#endif
