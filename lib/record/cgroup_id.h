/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The path of a cgroup (v2) by its id, which is all that a sample says of it: exact where /proc is
 * too late, because the process was moved there just before, or has ended. The id makes a file
 * handle, which the kernel opens (5.5, CAP_DAC_READ_SEARCH); nothing is searched.
 */
#ifndef EVP_RECORD_CGROUP_ID_H
#define EVP_RECORD_CGROUP_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

struct evp_cgroup_ids { /* a zeroed struct has not looked yet */
	char mount[256];
	int fd;
	bool open, refused;
};

/*
 * Appends the path within the hierarchy ("/" is its root). -ESTALE: it is gone; other -errno: this
 * cannot be had here.
 */
int evp_cgroup_path_of_id(struct evp_cgroup_ids *c, uint64_t id, struct evp_str *out);
void evp_cgroup_ids_release(struct evp_cgroup_ids *c);

#endif
