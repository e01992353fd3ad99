/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where file systems of one type ("cgroup2", "tracefs") are mounted, as this process sees them:
 * /proc/self/mounts, in its order. Without /proc there is none. And which of them, as any process
 * sees them, are of this machine alone.
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
 * Whether what process `pid` sees there waits for no server: on the file system with this device
 * number; anywhere on the way to this absolute path, symbolic links aside. 1 or 0 (also where it is
 * not known); -ESRCH: there is no such process any more.
 */
int evp_mounts_device_is_local(pid_t pid, uint32_t major, uint32_t minor);
int evp_mounts_path_is_local(pid_t pid, const char *path);

#endif
