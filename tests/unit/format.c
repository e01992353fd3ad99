// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * protobuf, gzip and pprof from below. `format stream FILE` writes the stream that
 * tests/format_pprof.t works on: one sample of every kind of place, in two epochs, and one whose
 * leaf is a function of this very program.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "format/gzip.h"
#include "format/pprof.h"
#include "format/pprof_parse.h"
#include "format/pprof_proto.h"
#include "format/protobuf.h"
#include "stream/writer.h"
#include "memory.h"
#include "tap.h"

/* ---- protobuf ---- */

static void test_protobuf(void)
{
	static const uint64_t numbers[] = { 0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX };
	static const uint8_t slack[] = { 0x08, 0x81, 0x80, 0x00 }, /* 1, spelled long */
		group[] = { 0x0b, 0x08, 0x01, 0x0c, 0x10, 0x05 }, cut[] = { 0x0a, 0x05, 'a' },
			     open[] = { 0x0b, 0x08, 0x01 },
			     zero[] = { 0x00, 0x01 }, eleven[] = { 0x08, 255, 255, 255, 255, 255,
								   255,	 255, 255, 255, 255, 1 };
	struct evp_str s = { 0 }, list = { 0 };
	struct evp_pb_values v;
	struct evp_pb_field f;
	struct evp_pb m;
	uint64_t x;
	size_t i, n;

	for (i = 0; i < EVP_ARRAY_SIZE(numbers); i++) {
		evp_pb_put_u64(&s, (uint32_t)i + 1, numbers[i]);
		evp_pb_put_varint(&list, numbers[i]);
	}
	evp_pb_put_fixed64(&s, 20, 77);
	evp_pb_put_bytes(&s, 536870911, list.buf, list.len);
	m = evp_pb_from(s.buf, s.len);
	for (n = 0, i = 1; i < EVP_ARRAY_SIZE(numbers) && evp_pb_next(&m, &f); i++)
		n += f.number == i + 1 && f.value == numbers[i] && f.wire == EVP_PB_VARINT;
	ok(n == EVP_ARRAY_SIZE(numbers) - 1, "varints come back, 0 is left out");
	ok(evp_pb_next(&m, &f) && f.number == 20 && f.value == 77 && f.wire == EVP_PB_FIXED64,
	   "fixed64");
	ok(evp_pb_next(&m, &f) && f.number == 536870911 && f.len == list.len, "bytes");
	for (n = 0, v = evp_pb_values(&f); evp_pb_value(&v, &x); n++)
		if (x != numbers[n])
			break;
	ok(n == EVP_ARRAY_SIZE(numbers) && !v.packed.bad, "packed numbers");
	ok(!evp_pb_next(&m, &f) && !m.bad, "the end");
	for (i = 0; i < s.len; i++) {
		m = evp_pb_from(s.buf, i);
		while (evp_pb_next(&m, &f))
			;
	}
	m = evp_pb_from(slack, sizeof(slack));
	ok(evp_pb_next(&m, &f) && f.value == 1, "a varint need not be the shortest");
	m = evp_pb_from(group, sizeof(group));
	ok(evp_pb_next(&m, &f) && f.number == 2 && f.value == 5 && !m.bad, "groups are skipped");
	m = evp_pb_from(cut, sizeof(cut));
	ok(!evp_pb_next(&m, &f) && m.bad, "cut bytes");
	m = evp_pb_from(open, sizeof(open));
	ok(!evp_pb_next(&m, &f) && m.bad, "an open group");
	m = evp_pb_from(zero, sizeof(zero));
	ok(!evp_pb_next(&m, &f) && m.bad, "field number 0");
	m = evp_pb_from(eleven, sizeof(eleven));
	ok(!evp_pb_next(&m, &f) && m.bad, "a varint of eleven bytes");
	evp_str_release(&s);
	evp_str_release(&list);
}

/* ---- gzip ---- */

static void test_gzip(void)
{
	struct evp_str in = { 0 }, z = { 0 }, again = { 0 }, out = { 0 };
	struct evp_err err = { 0 };
	size_t i, bad = 0;

	for (i = 0; i < 100000; i++)
		evp_str_putc(&in, (char)(i * i >> 7));
	ok(!evp_gzip(in.buf, in.len, &z, &err) && !evp_gzip(in.buf, in.len, &again, &err) &&
		   z.len == again.len && !memcmp(z.buf, again.buf, z.len),
	   "the same bytes twice");
	ok(!evp_gunzip(z.buf, z.len, in.len, "x", &out, &err) && out.len == in.len &&
		   !memcmp(out.buf, in.buf, in.len),
	   "and back, at exactly the limit");
	evp_str_clear(&out);
	ok(evp_gunzip(z.buf, z.len, in.len - 1, "x", &out, &err) == -EFBIG, "one byte past it");
	evp_str_add(&again, z.buf, z.len);
	evp_str_clear(&out);
	ok(!evp_gunzip(again.buf, again.len, SIZE_MAX / 4, "x", &out, &err) &&
		   out.len == 2 * in.len,
	   "two members");
	for (i = 0; i < z.len; i += 97) {
		evp_str_clear(&out);
		bad += evp_gunzip(z.buf, i, 1 << 20, "x", &out, &err) == -ENODATA;
	}
	ok(bad == (z.len + 96) / 97, "cut anywhere");
	z.buf[z.len / 2] ^= 0x10;
	evp_str_clear(&out);
	ok(evp_gunzip(z.buf, z.len, 1 << 20, "x", &out, &err) == -EBADMSG, "a flipped bit");
	evp_str_release(&in);
	evp_str_release(&z);
	evp_str_release(&again);
	evp_str_release(&out);
}

/* ---- a stream with everything in it ---- */

__attribute__((noinline)) int evp_format_test_leaf(int x); /* the name that pprof must find */

__attribute__((noinline)) int evp_format_test_leaf(int x)
{
	return x * 3 + (int)getpid();
}

struct self { /* where evp_format_test_leaf is in this program's file */
	struct evp_segment segment;
	uint64_t offset;
};

static int find_self(struct dl_phdr_info *info, size_t size, void *arg)
{
	uint64_t vaddr = (uint64_t)(uintptr_t)evp_format_test_leaf + 4 - info->dlpi_addr;
	struct self *self = arg;
	int i;

	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || vaddr < p->p_vaddr || vaddr >= p->p_vaddr + p->p_filesz)
			continue;
		self->segment = (struct evp_segment){ p->p_offset, p->p_vaddr, p->p_filesz };
		self->offset = vaddr - p->p_vaddr + p->p_offset;
	}
	return 1;
}

static uint32_t text(struct evp_writer *w, const char *s)
{
	uint32_t id = 0;

	evp_writer_cstring(w, s, &id);
	return id;
}

static struct evp_line line(struct evp_writer *w, const char *name, const char *file, int64_t n)
{
	struct evp_function f = { text(w, name), 0, text(w, file), n ? n - 1 : 0 };
	struct evp_line l = { .line = n };

	evp_writer_function(w, &f, &l.function);
	return l;
}

static uint32_t location(struct evp_writer *w, struct evp_location l, const struct evp_line *lines,
			 uint32_t n)
{
	uint32_t id = 0;

	l.lines = lines;
	l.nlines = n;
	evp_writer_location(w, &l, &id);
	return id;
}

static uint32_t file(struct evp_writer *w, const char *path, const struct evp_segment *s,
		     uint32_t n)
{
	struct evp_file f = { .path = text(w, path),
			      .build_id = { 0xab, 0xcd, 0xef },
			      .build_id_len = 3,
			      .segments = s,
			      .nsegments = n };
	uint32_t id = 0;

	evp_writer_file(w, &f, &id);
	return id;
}

static void sample(struct evp_writer *w, uint32_t event, uint32_t leaf, int64_t n, uint32_t process)
{
	struct evp_line main_line = line(w, "main", "main.c", 10);
	struct evp_location root = { .kind = EVP_LOC_NATIVE,
				     .source = EVP_SRC_DWARF,
				     .file = file(w, "/bin/app", NULL, 0),
				     .offset = 0x1234 };
	struct evp_label labels[] = { { text(w, "service"), text(w, "shop"), 0, 0, false },
				      { text(w, "size"), 0, 64, text(w, "bytes"), true } };
	int64_t values[] = { n, n * 1000 };
	struct evp_sample s = { .event = event,
				.process = process,
				.window_ns = 1760000000000000000 + n * 1000000000,
				.window_len_ns = 1000000000,
				.values = values };

	evp_writer_stack(w, 0, location(w, root, &main_line, 1), &s.stack);
	evp_writer_stack(w, s.stack, leaf, &s.stack);
	evp_writer_label_set(w, labels, 2, &s.labels);
	evp_writer_sample(w, &s);
}

static void samples(struct evp_writer *w, uint32_t event, int64_t n)
{
	struct evp_process proc = { .comm = text(w, "app"), .pid = 42, .node = text(w, "box") };
	struct evp_line chain[] = { line(w, "inner", "in.h", 7), line(w, "outer", "out.c", 90) },
			bytes = line(w, "na\xffme", NULL, 0), k = line(w, "sys_read", NULL, 0),
			j = line(w, "js", NULL, 0);
	struct evp_segment seg = { 0x2000, 0x403000, 0x5000 };
	char exe[4096] = "";
	struct self self = { 0 };
	uint32_t process;

	dl_iterate_phdr(find_self, &self);
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		exe[0] = '\0';
	evp_writer_process(w, &proc, &process);
#define AT(...)		     location(w, (struct evp_location){ __VA_ARGS__ }, NULL, 0)
#define NAMED(lines, n, ...) location(w, (struct evp_location){ __VA_ARGS__ }, lines, n)
	sample(w, event,
	       NAMED(chain, 2, .kind = EVP_LOC_NATIVE, .source = EVP_SRC_DWARF, .offset = 0x2010,
		     .file = file(w, "/bin/lib.so", &seg, 1)),
	       n++, process);
	sample(w, event,
	       AT(.kind = EVP_LOC_NATIVE, .file = file(w, "/bin/bare", &seg, 1), .offset = 0x2345),
	       n++, process);
	sample(w, event,
	       AT(.kind = EVP_LOC_NATIVE, .file = file(w, exe, &self.segment, 1),
		  .offset = self.offset),
	       n++, process);
	sample(w, event,
	       NAMED(&k, 1, .kind = EVP_LOC_KERNEL, .source = EVP_SRC_KALLSYMS, .offset = 0x99,
		     .file = file(w, "[kernel]", NULL, 0)),
	       n++, process);
	sample(w, event,
	       AT(.kind = EVP_LOC_MODULE, .file = file(w, "[nf_tables]", NULL, 0), .offset = 0x77),
	       n++, process);
	sample(w, event,
	       AT(.kind = EVP_LOC_VDSO, .file = file(w, "[vdso]", NULL, 0), .offset = 0x9a0), n++,
	       process);
	sample(w, event, NAMED(&j, 1, .kind = EVP_LOC_BPF, .source = EVP_SRC_KALLSYMS, .offset = 8),
	       n++, process);
	sample(w, event,
	       NAMED(&j, 1, .kind = EVP_LOC_JIT, .source = EVP_SRC_JIT, .process = process,
		     .offset = 0x7f0012345678),
	       n++, process);
	sample(w, event,
	       NAMED(&bytes, 1, .kind = EVP_LOC_INTERPRETER, .source = EVP_SRC_TEXT,
		     .text = text(w, "python")),
	       n++, 0);
	sample(w, event, AT(.kind = EVP_LOC_UNKNOWN, .process = process, .offset = 0x10), n++,
	       process);
	sample(w, event, AT(.kind = EVP_LOC_CUT, .text = text(w, "too-deep")), n++, process);
}

static int write_stream(struct evp_writer *w)
{
	struct evp_event e = { .name = text(w, "cpu"),
			       .types = { { text(w, "samples"), text(w, "count") },
					  { text(w, "cpu"), text(w, "nanoseconds") } },
			       .ntypes = 2,
			       .samples_type = 1,
			       .value_type = 2,
			       .period_type = { text(w, "cpu"), text(w, "nanoseconds") },
			       .period = 1000 };
	struct evp_event other = { .name = text(w, "fault"),
				   .types = { { text(w, "samples"), text(w, "count") } },
				   .ntypes = 1,
				   .samples_type = 1,
				   .value_type = 1 };
	struct evp_location unknown = { .kind = EVP_LOC_UNKNOWN };
	uint32_t event, fault;

	evp_writer_event(w, &e, &event);
	evp_writer_event(w, &other, &fault);
	samples(w, event, 1);
	evp_writer_epoch(w);
	samples(w, event, 5);
	sample(w, fault, location(w, unknown, NULL, 0), 3, 0);
	return evp_writer_end(w);
}

static int make_stream(struct evp_str *out)
{
	static const uint8_t id[16] = "format test";
	struct evp_writer_opts o = {
		.sink = to_memory, .sink_arg = out, .tool = "test", .stream_id = id
	};
	struct evp_writer *w;
	int rc = evp_writer_new(&w, &o, NULL);

	if (!rc) {
		rc = write_stream(w);
		evp_writer_free(w);
	}
	return rc;
}

/* ---- pprof ---- */

static int export(const struct evp_str *stream, struct evp_str *plain)
{
	struct evp_bytes left = { stream->buf, stream->len };
	struct evp_reader_opts ro = { .read = from_memory, .arg = &left, .name = "x" };
	struct evp_pprof_opts po = { .all_labels = true, .comments = true };
	struct evp_reader *r = NULL;
	struct evp_pprof *p = NULL;
	struct evp_str z = { 0 };
	struct evp_err err;
	int rc = evp_reader_new(&r, &ro, &err);

	if (!rc)
		rc = evp_pprof_new(&p, &po, &err);
	if (!rc)
		rc = evp_pprof_add(p, r, &err);
	if (!rc)
		rc = evp_pprof_finish(p, &z, &err);
	ok(!rc && evp_pprof_left_out(p) == 1, "the other event is counted as left out");
	if (!rc)
		rc = evp_gunzip(z.buf, z.len, 1 << 20, "x", plain, &err);
	evp_pprof_free(p);
	evp_reader_free(r);
	evp_str_release(&z);
	return rc;
}

static int sequential(const struct evp_pprof_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		const uint64_t *at = evp_map_find(&list->by_id, i + 1);

		if (!at || *at != i)
			return 0;
	}
	return list->n > 0;
}

/* has_* of the mapping with this file name as bits, lowest has_functions; -1: none such. */
static int flags_of(const struct evp_pprof_parsed *p, const char *name,
		    struct evp_pprof_mapping_fields *m)
{
	struct evp_pb_field f;
	struct evp_pb pb;
	int flags = 0;
	size_t i;

	for (i = 0; i < p->mappings.n; i++) {
		evp_pprof_get_mapping(p, i, m);
		if (p->strings.item[m->file].len != strlen(name) ||
		    memcmp(p->strings.item[m->file].bytes, name, strlen(name)))
			continue;
		pb = evp_pb_from(p->mappings.item[i].bytes, p->mappings.item[i].len);
		while (evp_pb_next(&pb, &f))
			if (f.number >= MAPPING_HAS_FUNCTIONS && f.number <= MAPPING_HAS_INLINES)
				flags |= (int)f.value << (f.number - MAPPING_HAS_FUNCTIONS);
		return flags;
	}
	return -1;
}

static void test_pprof(void)
{
	struct evp_pprof_mapping_fields m;
	struct evp_str stream = { 0 }, plain = { 0 };
	struct evp_pprof_parsed p = { 0 };
	struct evp_err err;
	size_t i, refused = 0;
	int rc = make_stream(&stream);

	ok(!rc && !export(&stream, &plain), "a stream becomes a profile");
	ok(!evp_pprof_parse(plain.buf, plain.len, &p, &err), "which is valid");
	ok(p.samples.n == 11 && p.types.n == 2, "equal stacks of two epochs are one");
	ok(sequential(&p.mappings) && sequential(&p.locations) && sequential(&p.functions),
	   "ids are 1 to n in the order of the tables");
	ok(p.time_ns == 1760000001000000000 && p.duration_ns == 15000000000 && p.period == 1000,
	   "time, duration, period");
	ok(flags_of(&p, "/bin/lib.so", &m) == 15 && m.start == 0x403000 && m.limit == 0x408000 &&
		   m.offset == 0x2000,
	   "all flags where all is known; addresses are the ELF's own");
	ok(flags_of(&p, "/bin/bare", &m) == 0, "none where nothing is");
	ok(flags_of(&p, "/bin/app", &m) == 15 && m.start == EVP_PPROF_FILE_START && !m.offset,
	   "a file of unknown segments");
	ok(flags_of(&p, EVP_PPROF_KERNEL, &m) == 1 && m.start == EVP_PPROF_KERNEL_START,
	   "kernel functions have no lines");
	evp_pprof_parsed_release(&p);
	for (i = 1; i < plain.len; i++)
		if (!evp_pprof_parse(plain.buf, i, &p, &err))
			evp_pprof_parsed_release(&p);
		else
			refused++;
	ok(refused > plain.len * 9 / 10, "cut profiles are refused");
	for (i = 0; i < plain.len * 8; i += 3) {
		plain.buf[i / 8] ^= (char)(1 << i % 8);
		if (!evp_pprof_parse(plain.buf, plain.len, &p, &err))
			evp_pprof_parsed_release(&p);
		plain.buf[i / 8] ^= (char)(1 << i % 8);
	}
	ok(1, "flipped bits do no harm");
	evp_str_release(&stream);
	evp_str_release(&plain);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "stream")) {
		struct evp_str s = { 0 };
		struct evp_out out;
		int rc = make_stream(&s) || evp_out_open(&out, argv[2], 0, NULL);

		if (!rc)
			rc = evp_out_write(&out, s.buf, s.len) || evp_out_finish(&out, NULL);
		evp_str_release(&s);
		return rc;
	}
	test_protobuf();
	test_gzip();
	test_pprof();
	return done_testing();
}
