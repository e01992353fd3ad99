// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/mounts.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>

int evp_mounts_each(const char *type, int (*fn)(void *arg, const char *dir), void *arg)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;
	int rc = 0;

	while (f && !rc && (m = getmntent(f)))
		if (!strcmp(m->mnt_type, type))
			rc = fn(arg, m->mnt_dir);
	if (f)
		endmntent(f);
	return rc;
}

static int append(void *arg, const char *dir)
{
	evp_str_puts(arg, dir);
	return 1;
}

int evp_mounts_first(const char *type, struct evp_str *ret_dir)
{
	if (!evp_mounts_each(type, append, ret_dir))
		return -ENOENT;
	return ret_dir->oom ? -ENOMEM : 0;
}
