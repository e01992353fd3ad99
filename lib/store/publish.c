// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/root.h"

#define FILE_MODE 0640
#define DIR_MODE  0750
#define TMP_AGE_S 86400 /* nobody writes one file for so long */

static int sync_dir(int dirfd, const char *dir)
{
	int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	/* Some network file systems cannot sync a directory and need not. */
	if (fsync(fd) && errno != EINVAL && errno != ENOTSUP)
		rc = -errno;
	close(fd);
	return rc;
}

/* The directory of `path`: "" is "." */
static void dir_of(const char *path, char *ret, size_t cap)
{
	const char *slash = strrchr(path, '/');

	snprintf(ret, cap, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
}

/* Makes dir and what leads to it, each synced into its parent before anything is put below it. */
static int make_dirs(int dirfd, const char *dir)
{
	char parent[300];
	int rc;

	if (!mkdirat(dirfd, dir, DIR_MODE))
		goto made;
	if (errno == EEXIST)
		return 0;
	if (errno != ENOENT || !strchr(dir, '/'))
		return -errno;
	dir_of(dir, parent, sizeof(parent));
	rc = make_dirs(dirfd, parent);
	if (rc)
		return rc;
	if (mkdirat(dirfd, dir, DIR_MODE) && errno != EEXIST)
		return -errno;
made:
	dir_of(dir, parent, sizeof(parent));
	return sync_dir(dirfd, parent);
}

static bool is_tmp(const char *name)
{
	return !strncmp(name, ".tmp-", 5) && strspn(name + 5, "0123456789abcdef") == 16 &&
	       !name[5 + 16];
}

/* What crashes left in this directory. */
static void remove_old_tmp(int dirfd, const char *dir)
{
	int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	struct stat st;

	if (!d && fd >= 0)
		close(fd);
	while (d && (e = readdir(d)))
		if (is_tmp(e->d_name) && !fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode) && st.st_mtime < time(NULL) - TMP_AGE_S)
			unlinkat(fd, e->d_name, 0);
	if (d)
		closedir(d);
}

/* For file systems without O_TMPFILE: a name that no reader takes for a segment. */
static int open_named(struct evp_publish *p, const char *dir)
{
	unsigned int tries = 0;
	uint64_t salt;

	remove_old_tmp(p->dirfd, dir);
	do {
		if (getrandom(&salt, sizeof(salt), 0) != sizeof(salt))
			return -errno;
		snprintf(p->tmp, sizeof(p->tmp), "%s/.tmp-%016llx", dir, (unsigned long long)salt);
		p->fd = openat(p->dirfd, p->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	} while (p->fd < 0 && errno == EEXIST && ++tries < 100);
	return p->fd < 0 ? -errno : 0;
}

int evp_publish_begin(struct evp_publish *p, int dirfd, const char *path, struct evp_err *err)
{
	char dir[300];
	int rc;

	*p = (struct evp_publish){ .dirfd = dirfd, .fd = -1, .path = path };
	dir_of(path, dir, sizeof(dir));
	rc = make_dirs(dirfd, dir);
	if (rc)
		return evp_fail_errno(err, -rc, "cannot make the directory '%s'", dir);
	p->fd = openat(dirfd, dir, O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);
	if (p->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		rc = open_named(p, dir);
	else if (p->fd < 0)
		rc = -errno;
	return rc ? evp_fail_errno(err, -rc, "cannot create a file in '%s'", dir) : 0;
}

/* Gives the file its name unless that exists. */
static int name_it(struct evp_publish *p)
{
	char self[40];

	if (!*p->tmp) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", p->fd);
		return linkat(AT_FDCWD, self, p->dirfd, p->path, AT_SYMLINK_FOLLOW) ? -errno : 0;
	}
	if (!renameat2(p->dirfd, p->tmp, p->dirfd, p->path, RENAME_NOREPLACE)) {
		*p->tmp = '\0';
		return 0;
	}
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	return linkat(p->dirfd, p->tmp, p->dirfd, p->path, 0) ? -errno
							      : 0; /* drop unlinks the other */
}

int evp_publish_commit(struct evp_publish *p, struct evp_err *err)
{
	char dir[300];
	int rc = fsync(p->fd) ? -errno : 0;

	if (!rc)
		rc = name_it(p);
	if (!rc) {
		dir_of(p->path, dir, sizeof(dir));
		rc = sync_dir(p->dirfd, dir);
	}
	evp_publish_drop(p);
	return rc && rc != -EEXIST ? evp_fail_errno(err, -rc, "cannot publish '%s'", p->path) : rc;
}

void evp_publish_drop(struct evp_publish *p)
{
	if (p->fd >= 0)
		close(p->fd);
	if (*p->tmp)
		unlinkat(p->dirfd, p->tmp, 0);
	p->fd = -1;
	*p->tmp = '\0';
}
