/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The path of a cgroup (v2) by its id, which is all that a sample says of it: exact where /proc is
 * too late, because the process was moved there just before, or has ended. The id makes a file
 * handle, which the kernel opens (5.5, CAP_DAC_READ_SEARCH); nothing is searched. Each is asked for
 * once; what the side band tells of new cgroups need not be asked.
 *
 * The root has no path here: a process in it may be in a v1 cgroup.
 */
#ifndef EVP_RECORD_CGROUP_ID_H
#define EVP_RECORD_CGROUP_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

struct evp_cgroup_ids { /* a zeroed struct has not looked yet */
	char mount[256];
	int fd;
	bool open, refused;
	struct evp_interner paths;
	struct evp_map known; /* id -> number of its path + 1; 0 asked for, none */
};

/* The path, until the next call; NULL: it is gone, is the root, or cannot be had here. */
const struct evp_bytes *evp_cgroup_ids_path(struct evp_cgroup_ids *c, uint64_t id);
/* A cgroup was made that has this id and path. 0 or -errno: it is not remembered. */
int evp_cgroup_ids_learn(struct evp_cgroup_ids *c, uint64_t id, const char *path, size_t len);
void evp_cgroup_ids_forget(struct evp_cgroup_ids *c); /* every path, so that memory is bounded */
void evp_cgroup_ids_release(struct evp_cgroup_ids *c);

#endif
