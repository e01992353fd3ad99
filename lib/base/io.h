/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files in and out, the way a filter needs them.
 */
#ifndef EVP_BASE_IO_H
#define EVP_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/mem.h"

/* write(2) until done; 0 or -errno. EINTR is retried. */
int evp_write_all(int fd, const void *bytes, size_t len);
/* read(2) until `len` bytes or the end; the bytes read, or -errno. */
ssize_t evp_read_full(int fd, void *buf, size_t len);
/* The whole file, at most `limit` bytes (-EFBIG past it), appended to `out`. */
int evp_read_file(const char *path, size_t limit, struct evp_str *out, struct evp_err *err);

/*
 * One output: standard output (path NULL or "-") or a file. Buffered; errors are sticky and come
 * back from evp_out_finish.
 *
 * A file is written beside its name and renamed by finish, so that nobody sees half of it; an
 * output dropped without finish leaves no trace. With EVP_OUT_DIRECT it is written in place (a
 * recorder's file must be readable after a kill). Mode 0640. A path that exists and is not a
 * regular file (a FIFO, /dev/null) is written in place too.
 */
enum {
	EVP_OUT_BINARY = 1, /* refuse a terminal ... */
	EVP_OUT_FORCE = 2,  /* ... unless forced */
	EVP_OUT_DIRECT = 4,
	EVP_OUT_NEW = 8, /* with DIRECT: -EEXIST where there is one of this name */
};

struct evp_out {
	int fd;
	int error;	       /* first -errno, sticky */
	char *path, *tmp_path; /* NULL: stdout; NULL: written in place */
	char *buf;
	size_t len, cap;
	uint64_t bytes; /* given to it so far */
};

int evp_out_open(struct evp_out *o, const char *path, unsigned int flags, struct evp_err *err);
int evp_out_write(struct evp_out *o, const void *bytes, size_t len); /* 0 or the sticky -errno */
int evp_out_flush(struct evp_out *o);
/* Flush, fsync nothing, close, rename. 0, or -errno with a message and no file left. */
int evp_out_finish(struct evp_out *o, struct evp_err *err);
void evp_out_drop(struct evp_out *o); /* after finish a no-op */

#endif
