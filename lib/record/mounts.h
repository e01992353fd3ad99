/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where file systems of one type ("cgroup2", "tracefs") are mounted, as this process sees them:
 * /proc/self/mounts, in its order. Without /proc there is none.
 */
#ifndef EVP_RECORD_MOUNTS_H
#define EVP_RECORD_MOUNTS_H

#include "base/mem.h"

/* Calls fn with each mount point until it returns other than 0. That, or 0. */
int evp_mounts_each(const char *type, int (*fn)(void *arg, const char *dir), void *arg);
/* Appends the first one. -ENOENT: there is none; -ENOMEM. */
int evp_mounts_first(const char *type, struct evp_str *ret_dir);

#endif
