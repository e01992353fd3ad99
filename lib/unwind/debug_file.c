// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEBUG_DIR "/usr/lib/debug"

bool evp_debug_file_wanted(const struct evp_debug_file *f)
{
	return f->build_id_len || f->link[0];
}

static int open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd < 0 ? -ENOENT : fd;
}

static int open_by_id(const struct evp_debug_file *f)
{
	char path[sizeof(DEBUG_DIR) + 2 * sizeof(f->build_id) + 32];
	int n = snprintf(path, sizeof(path), DEBUG_DIR "/.build-id/%02x/", f->build_id[0]);
	uint32_t i;

	for (i = 1; i < f->build_id_len; i++)
		n += snprintf(path + n, sizeof(path) - (size_t)n, "%02x", f->build_id[i]);
	snprintf(path + n, sizeof(path) - (size_t)n, ".debug");
	return open_regular(path);
}

static int open_by_name(const struct evp_debug_file *f, int fd)
{
	char at[32], program[PATH_MAX], path[PATH_MAX + sizeof(f->link) + 32];
	char *slash;
	ssize_t n;

	snprintf(at, sizeof(at), "/proc/self/fd/%d", fd);
	n = readlink(at, program, sizeof(program) - 1);
	if (n <= 0)
		return -ENOENT;
	program[n] = '\0';
	slash = strrchr(program, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	snprintf(path, sizeof(path), DEBUG_DIR "%s/%s", program, f->link);
	return open_regular(path);
}

int evp_debug_file_open(const struct evp_debug_file *f, int fd)
{
	int rc = -ENOENT;

	if (f->build_id_len > 1 && f->build_id_len <= sizeof(f->build_id))
		rc = open_by_id(f);
	if (rc < 0 && f->link[0] && memchr(f->link, '\0', sizeof(f->link)) &&
	    !strchr(f->link, '/') && strcmp(f->link, "..") != 0)
		rc = open_by_name(f, fd);
	return rc;
}
