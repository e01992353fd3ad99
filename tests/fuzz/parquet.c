// SPDX-License-Identifier: GPL-2.0-or-later
/* A file that says it is a segment: footer, every page of every column, by page and by run, labels, blob. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ignore(void *arg, const char *key, size_t key_len, const char *value, size_t value_len)
{
	return 0;
}

static void walk(const struct evp_pq_file *f, size_t group, size_t field)
{
	struct evp_pq_column c = { 0 };
	struct evp_err err = { 0 };
	uint64_t row, nrows = f->groups[group].nrows, n64;
	const uint32_t *index;
	const int64_t *v;
	uint32_t one;
	size_t n = 1, i;
	int rc = evp_pq_column_open(&c, f, group, field, &err);

	for (row = 0; !rc && row < nrows; row += n)
		if (f->fields[field].type == EVP_PQ_STRING)
			rc = evp_pq_column_indexes(&c, row, &index, &n, &err);
		else
			rc = evp_pq_column_ints(&c, row, &v, &n, &err);
	for (i = 1; i < c.ndict && c.dict; i++) {
		evp_stack_compare(&c.dict[i - 1], &c.dict[i]);
		evp_segment_labels_each(&c.dict[i], ignore, NULL);
	}
	rc = evp_pq_column_open(&c, f, group, field, &err);
	for (row = 0; !rc && row < nrows; row += n64)
		rc = evp_pq_column_run(&c, row, &one, &n64, &err);
	evp_pq_column_release(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evp_segment_blob_entry e;
	struct evp_segment_blob *b;
	struct evp_store_segment *s;
	struct evp_pq_file *f;
	struct evp_err err = { 0 };
	char path[40];
	size_t g, i;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!evp_pq_open(&f, AT_FDCWD, path, &err)) {
		for (g = 0; g < f->ngroups && g < 4; g++)
			for (i = 0; i < f->nfields; i++)
				walk(f, g, i);
		evp_pq_close(f);
	} else if (!err.msg[0]) {
		abort();
	}
	if (!evp_segment_open(&s, AT_FDCWD, path, &err)) {
		if (!evp_segment_blob_open(&b, s, &err)) {
			while (evp_segment_blob_next(b, &e, &err) > 0)
				;
			evp_segment_blob_close(b);
		}
		evp_segment_close(s);
	}
	close(fd);
	return 0;
}
