// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "base/io.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_BUFFER (128u << 10)

int evp_write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len) {
		ssize_t n = write(fd, p, len > SSIZE_MAX ? SSIZE_MAX : len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t evp_read_full(int fd, void *buf, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, (char *)buf + got, len - got);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!n)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

int evp_read_file(const char *path, size_t limit, struct evp_str *out, struct evp_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return evp_fail_errno(err, errno, "cannot open '%s'", path);
	for (;;) {
		size_t room = 64u << 10;
		char *p = evp_str_reserve(out, room);
		ssize_t n;

		if (!p) {
			rc = evp_fail_oom(err);
			break;
		}
		n = evp_read_full(fd, p, room);
		if (n < 0) {
			rc = evp_fail_errno(err, (int)-n, "cannot read '%s'", path);
			break;
		}
		out->len += (size_t)n;
		out->buf[out->len] = '\0';
		if (out->len > limit) {
			rc = evp_fail(err, EFBIG, "'%s' is larger than %zu bytes", path, limit);
			break;
		}
		if ((size_t)n < room)
			break;
	}
	close(fd);
	return rc;
}

/* An existing name that is no regular file is written in place; so is a direct output. */
static int open_file(struct evp_out *o, const char *path, unsigned int flags, struct evp_err *err)
{
	struct stat st;

	o->path = strdup(path);
	if (!o->path)
		return evp_fail_oom(err);
	if ((flags & EVP_OUT_DIRECT) || (!stat(path, &st) && !S_ISREG(st.st_mode))) {
		o->fd = open(path,
			     O_WRONLY | O_CREAT | O_CLOEXEC |
				     (flags & EVP_OUT_NEW ? O_EXCL : O_TRUNC),
			     0640);
		if (o->fd < 0)
			return evp_fail_errno(err, errno, "cannot create '%s'", path);
		return 0;
	}
	if (asprintf(&o->tmp_path, "%s.tmp-%ld", path, (long)getpid()) < 0) {
		o->tmp_path = NULL;
		return evp_fail_oom(err);
	}
	o->fd = open(o->tmp_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (o->fd < 0) {
		int code = errno;

		free(o->tmp_path);
		o->tmp_path = NULL;
		return evp_fail_errno(err, code, "cannot create '%s'", path);
	}
	return 0;
}

int evp_out_open(struct evp_out *o, const char *path, unsigned int flags, struct evp_err *err)
{
	int rc;

	*o = (struct evp_out){ .fd = -1 };
	if (!path || !strcmp(path, "-")) {
		if ((flags & EVP_OUT_BINARY) && !(flags & EVP_OUT_FORCE) && isatty(STDOUT_FILENO))
			return evp_fail(err, ENOTTY,
					"refusing to write binary data to a terminal (pipe it on, "
					"use -o FILE, or --force)");
		o->fd = STDOUT_FILENO;
	} else {
		rc = open_file(o, path, flags, err);
		if (rc) {
			evp_out_drop(o);
			return rc;
		}
	}
	o->buf = malloc(OUT_BUFFER);
	if (!o->buf) {
		evp_out_drop(o);
		return evp_fail_oom(err);
	}
	o->cap = OUT_BUFFER;
	return 0;
}

int evp_out_flush(struct evp_out *o)
{
	if (!o->error && o->len)
		o->error = evp_write_all(o->fd, o->buf, o->len);
	o->len = 0;
	return o->error;
}

int evp_out_write(struct evp_out *o, const void *bytes, size_t len)
{
	o->bytes += len;
	if (len > o->cap - o->len)
		evp_out_flush(o);
	if (o->error)
		return o->error;
	if (len >= o->cap) {
		o->error = evp_write_all(o->fd, bytes, len);
		return o->error;
	}
	memcpy(o->buf + o->len, bytes, len);
	o->len += len;
	return 0;
}

int evp_out_finish(struct evp_out *o, struct evp_err *err)
{
	const char *name = o->path ? o->path : "standard output";
	int rc = evp_out_flush(o);

	if (o->fd >= 0 && close(o->fd) && !rc)
		rc = -errno;
	o->fd = -1;
	if (!rc && o->tmp_path && rename(o->tmp_path, o->path))
		rc = -errno;
	if (rc)
		evp_fail_errno(err, -rc, "cannot write '%s'", name);
	else {
		free(o->tmp_path);
		o->tmp_path = NULL;
	}
	evp_out_drop(o);
	return rc;
}

void evp_out_drop(struct evp_out *o)
{
	if (o->fd > STDERR_FILENO)
		close(o->fd);
	if (o->tmp_path)
		unlink(o->tmp_path);
	free(o->tmp_path);
	free(o->path);
	free(o->buf);
	*o = (struct evp_out){ .fd = -1 };
}
