// SPDX-License-Identifier: GPL-2.0-or-later
/* A pprof profile from anyone, compressed or not, all the way into a stream. */
#define _GNU_SOURCE
#include "format/gzip.c"
#include "format/pprof_import.c"
#include "format/pprof_parse.c"
#include "format/pprof_stream.c"
#include "format/protobuf.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int nowhere(void *arg, const void *bytes, size_t len)
{
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "x";
	struct evp_writer_opts wopts = { .sink = nowhere, .level = -1 };
	struct evp_import_opts opts = { 0 };
	struct evp_pprofs ps = { .opts = &opts };
	struct input in = { .bytes = { .buf = (char *)(uintptr_t)data, .len = size },
			    .name = name };
	struct evp_writer *w = NULL;
	struct evp_err err = { 0 };

	if (evp_writer_new(&w, &wopts, &err))
		return 0;
	if (size < 64 << 10)
		write_input(&ps, &in, w, &err);
	evp_writer_free(w);
	return 0;
}
