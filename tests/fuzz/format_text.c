// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables and folded text from anyone, as `evp-import --mem 4K` takes them. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "format/folded.c"
#include "format/stacktext.c"
#include "format/tsv.c"

#include "base/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int nowhere(void *arg, const void *bytes, size_t len)
{
	return 0;
}

static void import(int fd, const char *format)
{
	static const char *const by[] = { "comm", "pid" };
	struct evp_import_opts opts = { .format = format, .by = by, .nby = 2, .memory = 4096 };
	struct evp_writer_opts wopts = { .sink = nowhere, .level = -1 };
	struct evp_import *im = NULL;
	struct evp_writer *w = NULL;
	struct evp_err err = { 0 };

	if (!evp_import_new(&im, &opts, &err) && !evp_writer_new(&w, &wopts, &err) &&
	    !evp_import_fd(im, fd, "x", &err) && !evp_import_write(im, w, &err))
		evp_writer_end(w);
	evp_writer_free(w);
	evp_import_free(im);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0)
		return 0;
	if (!evp_write_all(fd, data, size)) {
		lseek(fd, 0, SEEK_SET);
		import(fd, "tsv");
		lseek(fd, 0, SEEK_SET);
		import(fd, "folded");
		lseek(fd, 0, SEEK_SET);
		import(fd, NULL);
	}
	close(fd);
	return 0;
}
