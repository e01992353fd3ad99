// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stream through the symbolizer. Without arguments the test; with arguments a stream to standard
 * output for tests/symbol*.t, one sample a location, each KIND:ELF:RECORDED:OFFSET with KIND one of
 * native, noid (no build ID recorded), badid, nosegs (no PT_LOADs recorded), vdso.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "symbol/elf.h"
#include "symbol/symbol.h"
#include "symbol/vdso.h"
#include "memory.h"
#include "tap.h"

extern char __executable_start[]; /* the linker's: file offset 0 in memory */

static int to_stdout(void *arg, const void *bytes, size_t len)
{
	return evp_write_all(STDOUT_FILENO, bytes, len);
}

static uint32_t make_event(struct evp_writer *w)
{
	struct evp_event e = { .ntypes = 1, .samples_type = 1, .value_type = 1 };
	uint32_t event = 0;

	evp_writer_cstring(w, "cpu", &e.name);
	evp_writer_cstring(w, "samples", &e.types[0].type);
	evp_writer_cstring(w, "count", &e.types[0].unit);
	e.period_type = e.types[0];
	evp_writer_event(w, &e, &event);
	return event;
}

static struct evp_elf *open_elf(const char *kind, const char *path)
{
	struct evp_elf *e = NULL;
	int fd;

	if (!strcmp(kind, "vdso"))
		return evp_vdso_open();
	fd = evp_open_below(NULL, path);
	if (fd < 0 || evp_elf_open_fd(&e, fd, path, NULL))
		return NULL;
	return e;
}

static int add_sample(struct evp_writer *w, uint32_t event, const char *kind, const char *elf,
		      const char *recorded, uint64_t offset)
{
	bool vdso = !strcmp(kind, "vdso");
	struct evp_location l = { .kind = vdso ? EVP_LOC_VDSO : EVP_LOC_NATIVE, .offset = offset };
	struct evp_sample s = { .event = event,
				.window_len_ns = 1000000000,
				.values = (int64_t[]){ 1 } };
	struct evp_elf *e = open_elf(kind, elf);
	struct evp_file f = { 0 };

	if (!e)
		return -ENOENT;
	if (strcmp(kind, "noid"))
		memcpy(f.build_id, e->build_id.bytes, f.build_id_len = e->build_id.len);
	if (!strcmp(kind, "badid"))
		f.build_id[0] ^= 1;
	if (strcmp(kind, "nosegs") && !vdso) {
		f.segments = e->segments;
		f.nsegments = (uint32_t)e->nsegments;
	}
	evp_writer_cstring(w, vdso ? "[vdso]" : recorded, &f.path);
	evp_writer_file(w, &f, &l.file);
	evp_writer_location(w, &l, &s.stack);
	evp_writer_stack(w, 0, s.stack, &s.stack);
	evp_elf_close(e);
	return evp_writer_sample(w, &s);
}

static int make_stream(int n, char **specs, int (*sink)(void *, const void *, size_t), void *arg)
{
	struct evp_writer_opts opts = { .sink = sink,
					.sink_arg = arg,
					.stream_id = (const uint8_t *)"symbol test 0001" };
	struct evp_writer *w = NULL;
	uint32_t event;
	int rc = evp_writer_new(&w, &opts, NULL);

	if (rc)
		return rc;
	event = make_event(w);
	for (int i = 0; !rc && i < n; i++) {
		char *kind = strtok(specs[i], ":"), *elf = strtok(NULL, ":");
		char *recorded = strtok(NULL, ":"), *offset = strtok(NULL, ":");

		rc = offset ? add_sample(w, event, kind, elf, recorded, strtoull(offset, NULL, 16))
			    : -EINVAL;
	}
	if (!rc)
		rc = evp_writer_end(w);
	evp_writer_free(w);
	return rc;
}

static int symbolize(struct evp_symbolizer *s, const struct evp_str *in, struct evp_str *out)
{
	struct evp_bytes bytes = { in->buf, in->len };
	struct evp_reader_opts ropts = { .read = from_memory, .arg = &bytes };
	struct evp_writer_opts wopts = { .sink = to_memory,
					 .sink_arg = out,
					 .stream_id = (const uint8_t *)"symbol test 0002" };
	struct evp_reader *r = NULL;
	struct evp_writer *w = NULL;
	struct evp_copy *c = NULL;
	struct evp_record rec;
	int rc;

	if (evp_reader_new(&r, &ropts, NULL) || evp_writer_new(&w, &wopts, NULL) ||
	    evp_copy_new(&c, r, w, NULL))
		return -ENOMEM;
	evp_symbolizer_attach(s, c, w);
	while ((rc = evp_reader_next(r, &rec, NULL)) > 0)
		if ((rc = evp_copy_record(c, &rec)))
			break;
	if (!rc)
		rc = evp_writer_end(w);
	evp_copy_free(c);
	evp_writer_free(w);
	evp_reader_free(r);
	return rc;
}

/* This program's own text, 4 bytes apart from here on, in as few and as many bytes of tables as may be. */
static void test_bounds(const char *self)
{
	struct evp_str in = { 0 }, roomy = { 0 }, tight = { 0 };
	struct evp_symbol_opts opts = { 0 };
	struct evp_symbolizer *s = NULL;
	struct evp_symbolizer_stats st;
	enum { N = 4000 };
	unsigned int start = (unsigned int)((uintptr_t)make_stream - (uintptr_t)__executable_start);
	static char *specs[N];

	for (int i = 0; i < N; i++)
		if (asprintf(&specs[i], "native:%s:%s:%x", self, self,
			     start + (unsigned int)i * 4) < 0)
			abort();
	ok(!make_stream(N, specs, to_memory, &in), "a stream of this program's addresses");
	ok(!evp_symbolizer_new(&s, &opts, NULL) && !symbolize(s, &in, &roomy), "symbolized");
	evp_symbolizer_stats(s, &st);
	ok(st.locations == N, "each location seen once");
	ok(st.by_source[EVP_SRC_DWARF] > N / 10, "many of them named by DWARF");
	ok(st.by_source[EVP_SRC_DWARF] + st.by_source[EVP_SRC_SYMTAB] == st.improved,
	   "and counted as better than they came");
	evp_symbolizer_free(s);
	opts.cache_bytes = 1 << 16;
	ok(!evp_symbolizer_new(&s, &opts, NULL) && !symbolize(s, &in, &tight),
	   "with little memory");
	ok(roomy.len == tight.len && !memcmp(roomy.buf, tight.buf, roomy.len),
	   "the same bytes come out");
	roomy.len = 0;
	ok(!symbolize(s, &tight, &roomy) && roomy.len == tight.len,
	   "symbolized twice, nothing changes");
	evp_symbolizer_free(s);
	for (int i = 0; i < N; i++)
		free(specs[i]);
	evp_str_release(&in);
	evp_str_release(&roomy);
	evp_str_release(&tight);
}

int main(int argc, char **argv)
{
	char self[4096] = "";

	if (argc > 1)
		return make_stream(argc - 1, argv + 1, to_stdout, NULL) ? 2 : 0;
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 2;
	test_bounds(self);
	return done_testing();
}
