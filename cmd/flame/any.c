// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "cmd/flame/any.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cmd/common/cmd.h"
#include "format/import.h"
#include "cmd/common/input.h"
#include "stream/format.h"
#include "cmd/common/origin.h"

struct begun { /* a descriptor whose first bytes were read already */
	int fd;
	char head[4096];
	size_t at, len;
};

static int64_t read_on(void *arg, void *buf, size_t len)
{
	struct begun *b = arg;
	size_t left = b->len - b->at, n = len < left ? len : left;
	ssize_t got;

	if (n) {
		memcpy(buf, b->head + b->at, n);
		b->at += n;
		return (int64_t)n;
	}
	do
		got = read(b->fd, buf, len);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

static int add_stream(struct begun *b, const char *name, struct evp_origin *s)
{
	struct evp_reader *r = NULL;
	struct evp_err err = { 0 };
	int status;

	if (evp_reader_new(&r, &(struct evp_reader_opts){ read_on, b, name }, &err) ||
	    evp_origin_read(s, r, &err))
		status = evp_error_from(&err);
	else
		status = evp_input_verdict(r, name);
	evp_reader_free(r);
	return status;
}

/* All of it into a memory file, since an import wants a descriptor that begins at the beginning. */
static int spool(struct begun *b, int *ret_fd, struct evp_err *err)
{
	char buf[1 << 16];
	int64_t n;
	int fd = memfd_create("evp-folded", MFD_CLOEXEC), rc = 0;

	if (fd < 0)
		return evp_fail_errno(err, errno, "cannot hold the text in memory");
	while (!rc && (n = read_on(b, buf, sizeof(buf))) != 0)
		rc = n < 0 ? (int)n : evp_write_all(fd, buf, (size_t)n);
	if (rc || lseek(fd, 0, SEEK_SET)) {
		close(fd);
		return evp_fail_errno(err, rc ? -rc : errno, "cannot read the text");
	}
	*ret_fd = fd;
	return 0;
}

static int sink(void *fd, const void *bytes, size_t len)
{
	return evp_write_all(*(int *)fd, bytes, len);
}

static int convert(int fd, const char *name, int to, const struct evp_label_list *by,
		   struct evp_err *err)
{
	struct evp_import_opts io = {
		.format = "folded", .period_ns = 1, .by = by->name, .nby = by->n
	};
	struct evp_writer_opts wo = { .sink = sink, .sink_arg = &to, .level = -1 };
	struct evp_import *im = NULL;
	struct evp_writer *w = NULL;
	int rc = evp_import_new(&im, &io, err);

	if (!rc)
		rc = evp_import_fd(im, fd, name, err);
	if (!rc)
		rc = evp_writer_new(&w, &wo, err);
	if (!rc)
		rc = evp_import_write(im, w, err);
	if (!rc && (rc = evp_writer_end(w)))
		evp_fail_errno(err, -rc, "cannot hold the profile in memory");
	evp_writer_free(w);
	evp_import_free(im);
	return rc;
}

static int add_folded(struct begun *b, const char *name, struct evp_any *any)
{
	int text = -1, stream = memfd_create("evp-stream", MFD_CLOEXEC), status = EVP_DONE;
	struct evp_err err = { 0 };
	bool good = stream >= 0;

	if (!good)
		evp_fail_errno(&err, errno, "cannot hold the profile in memory");
	good = good && !spool(b, &text, &err) && !convert(text, name, stream, &any->by, &err);
	if (!good)
		status = evp_error_from(&err);
	else if (lseek(stream, 0, SEEK_SET))
		status = evp_error("'%s': %s", name, strerror(errno));
	else
		status = evp_origin_add(stream, name, &any->origin);
	if (text >= 0)
		close(text);
	if (stream >= 0)
		close(stream);
	return status;
}

int evp_any_add(int fd, const char *name, void *arg)
{
	struct begun b = { .fd = fd };
	ssize_t n = evp_read_full(fd, b.head, sizeof(b.head));

	if (n < 0)
		return evp_error("'%s': %s", name, strerror((int)-n));
	b.len = (size_t)n;
	if (b.len &&
	    memcmp(b.head, evp_sync_mark, b.len < EVP_MARK_LEN ? b.len : EVP_MARK_LEN) != 0 &&
	    evp_folded_guess(b.head, b.len))
		return add_folded(&b, name, arg);
	return add_stream(&b, name, &((struct evp_any *)arg)->origin);
}
