// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "format/any.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "format/import.h"
#include "stream/format.h"
#include "stream/writer.h"

struct evp_any {
	struct evp_reader *reader;
	int fd, made; /* the input; the stream that was made of it, in memory, or -1 */
	char head[4096];
	size_t at, len; /* of head: given to the reader, read */
};

static int64_t read_on(void *arg, void *buf, size_t len)
{
	struct evp_any *a = arg;
	size_t left = a->len - a->at, n = len < left ? len : left;
	ssize_t got;

	if (n) {
		memcpy(buf, a->head + a->at, n);
		a->at += n;
		return (int64_t)n;
	}
	do
		got = read(a->fd, buf, len);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

/* All of it into a memory file, since an import wants a descriptor that begins at the beginning. */
static int spool(struct evp_any *a, int *ret_fd, struct evp_err *err)
{
	char buf[1 << 16];
	int64_t n;
	int fd = memfd_create("evp-folded", MFD_CLOEXEC), rc = 0;

	if (fd < 0)
		return evp_fail_errno(err, errno, "cannot hold the text in memory");
	while (!rc && (n = read_on(a, buf, sizeof(buf))) != 0)
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

static int convert(int fd, const char *name, int to, const char *const *by, size_t nby,
		   struct evp_err *err)
{
	struct evp_import_opts io = { .format = "folded", .period_ns = 1, .by = by, .nby = nby };
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

static int make_stream(struct evp_any *a, const char *name, const char *const *by, size_t nby,
		       struct evp_err *err)
{
	int text, rc;

	a->made = memfd_create("evp-stream", MFD_CLOEXEC);
	if (a->made < 0)
		return evp_fail_errno(err, errno, "cannot hold the profile in memory");
	rc = spool(a, &text, err);
	if (rc)
		return rc;
	rc = convert(text, name, a->made, by, nby, err);
	close(text);
	if (!rc && lseek(a->made, 0, SEEK_SET))
		rc = evp_fail_errno(err, errno, "'%s'", name);
	return rc ? rc : evp_reader_open_fd(&a->reader, a->made, name, err);
}

static bool is_text(const struct evp_any *a)
{
	size_t n = a->len < EVP_MARK_LEN ? a->len : EVP_MARK_LEN;

	return n && memcmp(a->head, evp_sync_mark, n) != 0 && evp_folded_guess(a->head, a->len);
}

int evp_any_open(struct evp_any **ret_a, int fd, const char *name, const char *const *by,
		 size_t nby, struct evp_err *err)
{
	struct evp_any *a = calloc(1, sizeof(*a));
	ssize_t n;
	int rc;

	if (!a)
		return evp_fail_oom(err);
	a->fd = fd;
	a->made = -1;
	n = evp_read_full(fd, a->head, sizeof(a->head));
	a->len = n > 0 ? (size_t)n : 0;
	if (n < 0)
		rc = evp_fail_errno(err, (int)-n, "'%s'", name);
	else if (is_text(a))
		rc = make_stream(a, name, by, nby, err);
	else
		rc = evp_reader_new(&a->reader, &(struct evp_reader_opts){ read_on, a, name }, err);
	if (rc)
		evp_any_close(a);
	else
		*ret_a = a;
	return rc;
}

struct evp_reader *evp_any_reader(struct evp_any *a)
{
	return a->reader;
}

void evp_any_close(struct evp_any *a)
{
	if (!a)
		return;
	evp_reader_free(a->reader);
	if (a->made >= 0)
		close(a->made);
	free(a);
}
