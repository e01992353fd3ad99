// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/mounts.h"

#include <errno.h>
#include <inttypes.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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

/* A line of /proc/PID/mountinfo: proc_pid_mountinfo(5). */
static bool parse(char *line, uint32_t *ret_major, uint32_t *ret_minor, const char **ret_type)
{
	char *type = strstr(line, " - ");

	if (sscanf(line, "%*d %*d %" SCNu32 ":%" SCNu32 " ", ret_major, ret_minor) != 2 || !type)
		return false;
	type += strlen(" - ");
	type[strcspn(type, " \n")] = '\0';
	*ret_type = type;
	return true;
}

int evp_mounts_type(pid_t pid, uint32_t major, uint32_t minor, char *ret_type, size_t size)
{
	char path[32], *line = NULL;
	uint32_t line_major, line_minor;
	const char *type;
	size_t cap = 0;
	int rc = -ENOENT;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	f = fopen(path, "re");
	while (f && rc && getline(&line, &cap, f) >= 0)
		if (parse(line, &line_major, &line_minor, &type) && line_major == major &&
		    line_minor == minor) {
			snprintf(ret_type, size, "%s", type);
			rc = 0;
		}
	free(line);
	if (f)
		fclose(f);
	return rc;
}
