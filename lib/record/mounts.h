/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where file systems of one type ("cgroup2", "tracefs") are mounted, as this process sees them:
 * /proc/self/mounts, in its order. Without /proc there is none. And of what type one is.
 */
#ifndef EVP_RECORD_MOUNTS_H
#define EVP_RECORD_MOUNTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/mem.h"

/* Calls fn with each mount point until it returns other than 0. That, or 0. */
int evp_mounts_each(const char *type, int (*fn)(void *arg, const char *dir), void *arg);
/* Appends the first one. -ENOENT: there is none; -ENOMEM. */
int evp_mounts_first(const char *type, struct evp_str *ret_dir);

/*
 * The type ("nfs4", "fuse.sshfs") of the file system with this device number, as process `pid` sees
 * its mounts. 0; -ENOENT: there is none such.
 */
int evp_mounts_type(pid_t pid, uint32_t major, uint32_t minor, char *ret_type, size_t size);

#endif
