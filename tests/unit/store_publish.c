// SPDX-License-Identifier: GPL-2.0-or-later
/* Publishing where there is no O_TMPFILE, and no renameat2 either: a filter refuses them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "store/root.h"
#include "tap.h"

/* From now on `nr` with any of `flags` in its argument `arg` fails with `code`. */
static int refuse(int nr, int arg, unsigned int flags, int code)
{
	struct sock_filter rule[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[arg])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flags, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(rule) / sizeof(*rule), rule };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static int publish(int dirfd, const char *path)
{
	struct evp_publish p;
	int rc = evp_publish_begin(&p, dirfd, path, NULL);

	if (!rc && write(p.fd, path, strlen(path)) < 0)
		rc = -errno;
	return rc ? rc : evp_publish_commit(&p, NULL);
}

static void leave(int dirfd, const char *path, long age_s)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT }, { 0 } };
	int fd = openat(dirfd, path, O_CREAT | O_WRONLY, 0640);

	clock_gettime(CLOCK_REALTIME, &t[1]);
	t[1].tv_sec -= age_s;
	if (fd < 0 || futimens(fd, t))
		printf("# cannot make %s\n", path);
	close(fd);
}

static bool is_there(int dirfd, const char *path)
{
	return !faccessat(dirfd, path, F_OK, 0);
}

int main(void)
{
	char dir[] = "/tmp/store-publish-XXXXXX", command[60];
	int fd = mkdtemp(dir) ? open(dir, O_RDONLY | O_DIRECTORY) : -1;

	if (fd < 0 || refuse(SYS_openat, 2, O_TMPFILE & ~O_DIRECTORY, EOPNOTSUPP)) {
		return skip_all("no filters here");
	}
	ok(openat(fd, ".", O_TMPFILE | O_RDWR, 0600) < 0, "no O_TMPFILE");
	ok(!publish(fd, "a/b/one"), "published by renaming");
	ok(publish(fd, "a/b/one") == -EEXIST, "never in place of another");
	leave(fd, "a/b/.tmp-0123456789abcdef", 2 * 86400L);
	leave(fd, "a/b/.tmp-0123456789abcde0", 60);
	leave(fd, "a/b/.tmp-mine", 2 * 86400L);
	ok(!refuse(SYS_renameat2, 4, UINT32_MAX, EINVAL) && !publish(fd, "a/b/two"),
	   "published by linking");
	ok(publish(fd, "a/b/two") == -EEXIST, "nor so");
	ok(!is_there(fd, "a/b/.tmp-0123456789abcdef"), "what a crash left is gone after a day");
	ok(is_there(fd, "a/b/.tmp-0123456789abcde0"), "not what somebody may be writing");
	ok(is_there(fd, "a/b/.tmp-mine"), "nor what is not ours");
	snprintf(command, sizeof(command), "ls -A %s/a/b | wc -l | grep -qx 4", dir);
	ok(!system(command), "nothing else is left");
	snprintf(command, sizeof(command), "rm -r %s", dir);
	if (system(command))
		printf("# %s is left\n", dir);
	return done_testing();
}
