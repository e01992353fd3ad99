// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "store/root.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"

#define MAX_STORE_FILE (1u << 20)

char *evp_store_default_dir(void)
{
	const char *store = getenv("EVP_STORE"), *xdg = getenv("XDG_DATA_HOME"),
		   *home = getenv("HOME");
	struct evp_str dir = { 0 };

	if (store && *store)
		evp_str_puts(&dir, store);
	else if (!geteuid())
		evp_str_puts(&dir, "/var/lib/evprofiler");
	else if (xdg && *xdg == '/')
		evp_str_printf(&dir, "%s/evprofiler", xdg);
	else
		evp_str_printf(&dir, "%s/.local/share/evprofiler", home ? home : "");
	if (dir.oom)
		evp_str_release(&dir);
	return dir.buf;
}

/* ---- the store file ---- */

static int read_store_file(int dirfd, const char *dir, struct evp_err *err)
{
	int fd = openat(dirfd, EVP_STORE_FILE, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;
	char *text = NULL;
	json_t *root = NULL;
	json_int_t format;
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return evp_fail(err, EINVAL, "'%s' is no store: it has no %s", dir, EVP_STORE_FILE);
	if (fd < 0)
		return evp_fail_errno(err, errno, "cannot read '%s/%s'", dir, EVP_STORE_FILE);
	text = malloc(MAX_STORE_FILE);
	n = text ? evp_read_full(fd, text, MAX_STORE_FILE) : -ENOMEM;
	if (n < 0) {
		rc = evp_fail_errno(err, (int)-n, "cannot read '%s/%s'", dir, EVP_STORE_FILE);
		goto out;
	}
	root = json_loadb(text, (size_t)n, 0, NULL);
	format = json_integer_value(json_object_get(root, "format"));
	if (format < 1)
		rc = evp_fail(err, EBADMSG, "'%s/%s' is damaged: no format version in it", dir,
			      EVP_STORE_FILE);
	else if (format > EVP_STORE_FORMAT)
		rc = evp_fail(err, EPROTONOSUPPORT, "'%s' has format %lld, this program knows %d",
			      dir, (long long)format, EVP_STORE_FORMAT);
out:
	json_decref(root);
	free(text);
	close(fd);
	return rc;
}

int evp_store_root_open(const char *dir, int *ret_fd, struct evp_err *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0 && errno == ENOTDIR)
		return evp_fail(err, ENOTDIR, "'%s' is no store: not a directory", dir);
	if (fd < 0)
		return evp_fail_errno(err, errno, "cannot open the store '%s'", dir);
	rc = read_store_file(fd, dir, err);
	if (rc && rc != -EPROTONOSUPPORT) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return rc;
}

/* 1: empty, 0: not, -errno. What an interrupted creation may have left behind does not count. */
static int is_empty(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), empty = 1;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d)
		return -errno;
	while (empty && (e = readdir(d)))
		empty = !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") ||
			!strncmp(e->d_name, ".tmp-", 5) || !strcmp(e->d_name, EVP_STORE_FILE);
	closedir(d);
	return empty;
}

static int write_store_file(int dirfd, struct evp_err *err)
{
	struct evp_publish p;
	uint8_t id[16];
	char text[120];
	int i, n, rc;

	if (getrandom(id, sizeof(id), 0) != sizeof(id))
		return evp_fail_errno(err, errno, "cannot make a store id");
	n = snprintf(text, sizeof(text), "{\"format\": %d, \"store_id\": \"", EVP_STORE_FORMAT);
	for (i = 0; i < 16; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "%02x", id[i]);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "\"}\n");
	rc = evp_publish_begin(&p, dirfd, EVP_STORE_FILE, err);
	if (rc)
		return rc;
	rc = evp_write_all(p.fd, text, (size_t)n);
	if (rc) {
		evp_publish_drop(&p);
		return evp_fail_errno(err, -rc, "cannot write '%s'", EVP_STORE_FILE);
	}
	rc = evp_publish_commit(&p, err);
	return rc == -EEXIST ? 0 : rc; /* somebody else was first: as good */
}

/* mkdir -p: each made directory is synced into its parent. */
static int make_dir(const char *dir, struct evp_err *err)
{
	char *path = strdup(dir), *slash;
	int fd, rc = 0;

	if (!path)
		return evp_fail_oom(err);
	if (mkdir(path, 0750) && errno == ENOENT && (slash = strrchr(path, '/')) && slash > path) {
		*slash = '\0';
		rc = make_dir(path, err);
		*slash = '/';
		if (!rc && mkdir(path, 0750) && errno != EEXIST)
			rc = evp_fail_errno(err, errno, "cannot make the store '%s'", dir);
	} else if (access(path, F_OK)) {
		rc = evp_fail_errno(err, errno, "cannot make the store '%s'", dir);
	}
	slash = strrchr(path, '/');
	if (slash)
		slash[slash == path] = '\0';
	fd = rc ? -1 : open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(path);
	return rc;
}

int evp_store_root_create(const char *dir, int *ret_fd, struct evp_err *err)
{
	int fd = -1, rc = 0, empty;

	if (access(dir, F_OK) && errno == ENOENT)
		rc = make_dir(dir, err);
	if (rc)
		return rc;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOTDIR)
		return evp_fail(err, ENOTDIR, "'%s' is no store: not a directory", dir);
	if (fd < 0)
		return evp_fail_errno(err, errno, "cannot open the store '%s'", dir);
	if (faccessat(fd, EVP_STORE_FILE, F_OK, 0) && errno == ENOENT) {
		empty = is_empty(fd);
		if (!empty)
			rc = evp_fail(err, EINVAL, "'%s' is no store and not empty: left as it is",
				      dir);
		else
			rc = write_store_file(fd, err);
	}
	if (!rc)
		rc = read_store_file(fd, dir, err);
	if (rc) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}
