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
#include <sys/stat.h>

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

/* ---- what waits for a server ---- */

struct mount {
	uint32_t major, minor;
	char *dir;
	const char *type;
};

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* "\040" stands for a blank. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++)
		if (s[0] == '\\' && is_octal(s[1]) && is_octal(s[2]) && is_octal(s[3])) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	*to = '\0';
}

/* A line of /proc/PID/mountinfo: proc_pid_mountinfo(5). */
static bool parse(char *line, struct mount *ret)
{
	char *type = strstr(line, " - ");
	int dir = 0;

	if (!type ||
	    sscanf(line, "%*d %*d %" SCNu32 ":%" SCNu32 " %*s %n", &ret->major, &ret->minor,
		   &dir) != 2 ||
	    !dir)
		return false;
	type += strlen(" - ");
	type[strcspn(type, " \n")] = '\0';
	ret->type = type;
	ret->dir = line + dir;
	ret->dir[strcspn(ret->dir, " ")] = '\0';
	unescape(ret->dir);
	return true;
}

static bool in_our_user_namespace(pid_t pid)
{
	struct stat its, ours;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	return !stat(path, &its) && !stat("/proc/self/ns/user", &ours) &&
	       its.st_ino == ours.st_ino && its.st_dev == ours.st_dev;
}

/*
 * Of what has no block device it is assumed that it asks somebody. What overlays lie upon cannot be
 * seen from here: where anybody may mount, it may be FUSE.
 */
static bool is_local(const struct mount *m, pid_t pid)
{
	static const char *const local[] = { "tmpfs", "ramfs", "rootfs",    "devtmpfs",
					     "btrfs", "zfs",   "hugetlbfs", "bcachefs" };

	if (!strcmp(m->type, "overlay"))
		return in_our_user_namespace(pid);
	if (m->major)
		return strcmp(m->type, "fuseblk") != 0;
	for (size_t i = 0; i < EVP_ARRAY_SIZE(local); i++)
		if (!strcmp(m->type, local[i]))
			return true;
	return false;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len && dir[len - 1] == '/')
		len--;
	return !strncmp(path, dir, len) && (path[len] == '/' || !path[len]);
}

/* Of every mount on the way to the path, or where that is NULL of one with this device number. */
static int are_local(pid_t pid, const char *path, uint32_t major, uint32_t minor)
{
	bool local = true, found = false;
	char name[32], *line = NULL;
	struct mount m;
	size_t cap = 0;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/mountinfo", pid);
	f = fopen(name, "re");
	if (!f)
		return errno == EACCES || errno == EPERM ? 0 : -ESRCH;
	while (local && (path || !found) && getline(&line, &cap, f) >= 0)
		if (parse(line, &m) &&
		    (path ? is_below(path, m.dir) : m.major == major && m.minor == minor)) {
			found = true;
			local = is_local(&m, pid);
		}
	free(line);
	fclose(f);
	return local && found;
}

int evp_mounts_device_is_local(pid_t pid, uint32_t major, uint32_t minor)
{
	return major ? 1 : are_local(pid, NULL, major, minor);
}

int evp_mounts_path_is_local(pid_t pid, const char *path)
{
	return are_local(pid, path, 0, 0);
}
