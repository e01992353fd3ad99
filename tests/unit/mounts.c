// SPDX-License-Identifier: GPL-2.0-or-later
/* Which paths and devices wait for no server: mounts of our own, one with a blank in its name. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "record/mounts.h"
#include "tap.h"

#define NOBODY 0x7fff0000 /* beyond any pid the kernel gives */

static char dir[64], proc[96];

static int path_is_local(const char *tail)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", dir, tail);
	return evp_mounts_path_is_local(getpid(), path);
}

static int device_is_local(const char *path)
{
	struct stat st;

	return stat(path, &st)
		       ? -1
		       : evp_mounts_device_is_local(getpid(), major(st.st_dev), minor(st.st_dev));
}

/* A tmpfs, and below it what is no file system of files. */
static bool mount_both(void)
{
	char top[] = "/tmp/evp-unit-XXXXXX";

	if (!mkdtemp(top) || unshare(CLONE_NEWNS) ||
	    mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("x", top, "tmpfs", 0, NULL))
		return false;
	snprintf(dir, sizeof(dir), "%s/a b", top);
	snprintf(proc, sizeof(proc), "%s/p", dir);
	return !mkdir(dir, 0700) && !mount("x", dir, "tmpfs", 0, NULL) && !mkdir(proc, 0700) &&
	       !mount("x", proc, "proc", 0, NULL);
}

int main(void)
{
	if (geteuid())
		return skip_all("not root");
	if (!mount_both())
		return 2;
	ok(path_is_local("/x") == 1, "memory waits for nobody");
	ok(path_is_local("") == 1, "nor does its top");
	ok(path_is_local("/p/x") == 0, "what is not known may");
	ok(path_is_local("/p") == 0, "so may its top");
	ok(path_is_local("/px") == 1, "a name that begins alike is another");
	ok(device_is_local(dir) == 1 && device_is_local(proc) == 0, "and their devices");
	ok(evp_mounts_device_is_local(getpid(), 0, 0xfffff) == 0, "one that is mounted nowhere");
	ok(evp_mounts_device_is_local(getpid(), 8, 1) == 1, "a disk");
	ok(evp_mounts_path_is_local(NOBODY, "/") == -ESRCH, "a process that is gone");
	umount2(proc, MNT_DETACH);
	umount2(dir, MNT_DETACH);
	*strrchr(dir, '/') = '\0';
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return done_testing();
}
