// SPDX-License-Identifier: GPL-2.0-or-later
/* From samples to rows and back: labels, texts, variants, row groups, sums, the blob. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/build.h"
#include "stream/writer.h"
#include "memory.h"
#include "tap.h"

/* A stream in memory. */
struct stream {
	struct evp_str bytes;
	struct evp_writer *w;
	uint32_t event;
};

static void begin(struct stream *s)
{
	struct evp_writer_opts opts = { .sink = to_memory, .sink_arg = &s->bytes };
	struct evp_event e = { .ntypes = 2, .samples_type = 1, .value_type = 2 };

	*s = (struct stream){ 0 };
	evp_writer_new(&s->w, &opts, NULL);
	evp_writer_cstring(s->w, "cpu", &e.name);
	evp_writer_cstring(s->w, "samples", &e.types[0].type);
	evp_writer_cstring(s->w, "count", &e.types[0].unit);
	e.types[1].type = e.name;
	evp_writer_cstring(s->w, "nanoseconds", &e.types[1].unit);
	evp_writer_event(s->w, &e, &s->event);
}

/* "a;b": functions without an address; native locations at `offset` + depth if that is not 0. */
static uint32_t stack(struct stream *s, const char *folded, uint64_t offset)
{
	struct evp_file f = { 0 };
	uint32_t id = 0, file;
	const char *p = folded;

	evp_writer_cstring(s->w, "/bin/x", &f.path);
	evp_writer_file(s->w, &f, &file);
	while (*p) {
		size_t n = strcspn(p, ";");
		struct evp_function fn = { 0 };
		struct evp_line line = { 0 };
		struct evp_location l = { .lines = &line, .nlines = 1, .source = EVP_SRC_TEXT };

		evp_writer_string(s->w, p, n, &fn.name);
		evp_writer_function(s->w, &fn, &line.function);
		if (offset) {
			l.kind = EVP_LOC_NATIVE;
			l.file = file;
			l.offset = offset++;
		}
		evp_writer_location(s->w, &l, &file);
		evp_writer_stack(s->w, id, file, &id);
		evp_writer_file(s->w, &f, &file);
		p += n + (p[n] == ';');
	}
	return id;
}

static void add(struct stream *s, uint32_t labels, uint32_t stack_id, int64_t samples,
		int64_t value)
{
	int64_t values[2] = { samples, value };
	struct evp_sample x = { .event = s->event,
				.labels = labels,
				.stack = stack_id,
				.window_ns = 1760000000LL * 1000000000,
				.window_len_ns = 1000000000,
				.values = values };

	evp_writer_sample(s->w, &x);
}

/* "key=value": a label set of these, n of them; NULL ends. */
static uint32_t labels(struct stream *s, const char *const *pair)
{
	struct evp_label l[8] = { 0 };
	uint32_t id = 0;
	size_t n = 0;

	for (; pair[n]; n++) {
		const char *eq = strchr(pair[n], '=');

		evp_writer_string(s->w, pair[n], (size_t)(eq - pair[n]), &l[n].key);
		evp_writer_cstring(s->w, eq + 1, &l[n].text);
	}
	evp_writer_label_set(s->w, l, n, &id);
	return id;
}

#define LABELS(s, ...) labels(s, (const char *const[]){ __VA_ARGS__, NULL })

/* Ends the stream, reads it into a pool, builds and writes a segment, and opens that. */
static struct evp_store_segment *segment(struct stream *s)
{
	char path[] = "/tmp/evp-store-XXXXXX";
	struct evp_store_segment *seg = NULL;
	struct evp_pool p;
	struct evp_build *b = NULL;
	struct evp_build_opts opts = { .streams = "" };
	struct evp_err err = { 0 };
	struct evp_reader *r;
	struct evp_record rec;
	struct evp_bytes left;
	uint64_t size;
	int fd = mkstemp(path), rc;

	evp_writer_end(s->w);
	left = (struct evp_bytes){ s->bytes.buf, s->bytes.len };
	evp_pool_init(&p);
	rc = evp_reader_new(
		&r, &(struct evp_reader_opts){ .read = from_memory, .arg = &left, .name = "test" },
		&err);
	while (!rc && evp_reader_next(r, &rec, &err) > 0)
		if (rec.type == EVP_REC_EPOCH)
			evp_pool_forget(&p);
		else if (rec.type == EVP_REC_SAMPLE)
			rc = evp_pool_add_sample(&p, evp_reader_tables(r), &rec.sample);
	rc = rc ? rc : evp_build_new(&b, &p, p.rows, p.nrows, &err);
	rc = rc ? rc : evp_build_write(b, fd, &opts, &size, &err);
	rc = rc ? rc : evp_segment_open(&seg, AT_FDCWD, path, &err);
	if (rc)
		printf("# %d %s\n", rc, err.msg);
	unlink(path);
	close(fd);
	evp_build_free(b);
	evp_pool_release(&p);
	evp_reader_free(r);
	evp_writer_free(s->w);
	evp_str_release(&s->bytes);
	return seg;
}

/* The text of a string column in row `row` of a group; static buffer. */
static const char *text(struct evp_store_segment *s, size_t group, int col, uint64_t row)
{
	static char out[200];
	struct evp_pq_column c = { 0 };
	const uint32_t *index;
	size_t n;

	snprintf(out, sizeof(out), "?");
	if (!evp_segment_column(s, group, (enum evp_segment_column)col, &c, NULL) &&
	    !evp_pq_column_indexes(&c, row, &index, &n, NULL))
		snprintf(out, sizeof(out), "%.*s", (int)c.dict[*index].len, c.dict[*index].ptr);
	evp_pq_column_release(&c);
	return out;
}

static int64_t number(struct evp_store_segment *s, size_t group, int col, uint64_t row)
{
	struct evp_pq_column c = { 0 };
	const int64_t *v;
	size_t n;
	int64_t out = INT64_MIN;

	if (!evp_segment_column(s, group, (enum evp_segment_column)col, &c, NULL) &&
	    !evp_pq_column_ints(&c, row, &v, &n, NULL))
		out = *v;
	evp_pq_column_release(&c);
	return out;
}

static void services(void)
{
	static const struct {
		const char *label, *service;
	} t[] = {
		{ "service=shop", "shop" },
		{ "unit=nginx@1.service", "nginx" },
		{ "unit=session-3.scope", "session-3" },
		{ "container=redis", "redis" },
		{ "pod=api-7c9d8f6b5d-x2x9v", "api" },
		{ "pod=db-0", "db" },
		{ "pod=plain", "plain" },
		{ "exe=/usr/bin/make", "make" },
		{ "comm=worker", "worker" },
		{ "other=x", "" },
	};
	struct evp_store_segment *seg;
	struct stream s;
	size_t i;

	for (i = 0; i < EVP_ARRAY_SIZE(t); i++) {
		begin(&s);
		add(&s, LABELS(&s, t[i].label), stack(&s, "f", 0), 1, 1);
		seg = segment(&s);
		ok(seg && !strcmp(text(seg, 0, EVP_COL_SERVICE, 0), t[i].service), t[i].label);
		evp_segment_close(seg);
	}
	begin(&s);
	add(&s, LABELS(&s, "container=60130da376bbabbac529", "pod=web-5", "comm=c"),
	    stack(&s, "f", 0), 1, 1);
	seg = segment(&s);
	ok(seg && !strcmp(text(seg, 0, EVP_COL_SERVICE, 0), "web"), "a container id is no service");
	evp_segment_close(seg);
}

static void label_columns(void)
{
	struct evp_store_segment *seg;
	struct evp_bytes json;
	struct evp_str value = { 0 };
	struct stream s;

	begin(&s);
	add(&s, LABELS(&s, "cpu=0", "pid=x1", "tid=007", "zone=a\"\\\n\xff", "comm=a;b"),
	    stack(&s, "f", 0), 1, 1);
	seg = segment(&s);
	ok(number(seg, 0, EVP_COL_CPU, 0) == 0, "CPU 0 is there");
	ok(number(seg, 0, EVP_COL_PID, 0) == -1 && number(seg, 0, EVP_COL_TID, 0) == -1,
	   "what is no number is not in the column");
	ok(!strcmp(text(seg, 0, EVP_COL_COMM, 0), "a\\;b"), "columns are escaped");
	json.ptr = text(seg, 0, EVP_COL_LABELS, 0);
	json.len = strlen(json.ptr);
	printf("# %s\n", json.ptr);
	ok(evp_segment_label_json(&json, "zone", 4, &value) && value.len == 5 &&
		   !memcmp(value.buf, "a\"\\\n\xff", 5),
	   "any bytes come back from the JSON");
	evp_str_clear(&value);
	ok(evp_segment_label_json(&json, "tid", 3, &value) && !strcmp(value.buf, "007"),
	   "and what has no column");
	ok(!evp_segment_label_json(&json, "none", 4, &value), "and nothing else");
	evp_str_release(&value);
	evp_segment_close(seg);
}

static void variants(void)
{
	struct evp_segment_blob_entry e;
	struct evp_segment_blob *b;
	struct evp_store_segment *seg;
	struct stream s;
	uint64_t offsets[4] = { 0 };
	size_t n = 0;

	begin(&s);
	add(&s, 0, stack(&s, "main;f", 100), 1, 10);
	add(&s, 0, stack(&s, "main;f", 200), 5, 50);
	add(&s, 0, stack(&s, "main;f", 200), 2, 20);
	add(&s, 0, stack(&s, "main", 300), 1, 10);
	seg = segment(&s);
	ok(seg->info.rows == 3 && seg->info.samples == 9 && seg->info.value == 90,
	   "equal rows are merged");
	ok(!strcmp(text(seg, 0, EVP_COL_STACK, 0), "main") &&
		   !strcmp(text(seg, 0, EVP_COL_STACK, 1), "main;f"),
	   "rows are sorted by stack");
	ok(number(seg, 0, EVP_COL_VARIANT, 1) == 0 && number(seg, 0, EVP_COL_SAMPLES, 1) == 7,
	   "the most common address stack is variant 0");
	ok(number(seg, 0, EVP_COL_VARIANT, 2) == 1 && number(seg, 0, EVP_COL_SAMPLES, 2) == 1,
	   "the other is 1");
	evp_segment_blob_open(&b, seg, NULL);
	for (; n < 4 && evp_segment_blob_next(b, &e, NULL) > 0; n++)
		offsets[n] = e.tables->locations[e.tables->stacks[e.id].location].offset;
	ok(n == 3 && e.stack == 1 && e.variant == 1 && offsets[0] == 300 && offsets[1] == 201 &&
		   offsets[2] == 101,
	   "the blob has their addresses");
	evp_segment_blob_close(b);
	evp_segment_close(seg);
}

static void sums(void)
{
	struct evp_store_segment *seg;
	struct stream s;

	begin(&s);
	add(&s, 0, stack(&s, "f", 0), 1, INT64_MAX);
	add(&s, 0, stack(&s, "f", 0), 1, INT64_MAX);
	seg = segment(&s);
	ok(seg->info.rows == 2 && seg->info.value == INT64_MAX &&
		   number(seg, 0, EVP_COL_VALUE, 1) == INT64_MAX,
	   "a sum that does not fit stays two rows");
	evp_segment_close(seg);
}

/* Three services with 20 MiB of texts each, of few and long names: a row group each. */
static void groups(void)
{
	static char folded[(1 << 20)];
	struct evp_store_segment *seg;
	struct evp_segment_blob_entry e;
	struct evp_segment_blob *b;
	struct stream s;
	size_t i, n = 0;

	begin(&s);
	for (i = 0; i < 60; i++) {
		char name[20];
		size_t at = (size_t)snprintf(folded, sizeof(folded), "f%02zu", i);

		snprintf(name, sizeof(name), "service=s%zu", i / 20);
		while (at + 60001 < sizeof(folded)) {
			folded[at++] = ';';
			memset(folded + at, 'a' + (int)(at / 60000), 60000);
			at += 60000;
		}
		folded[at] = '\0';
		add(&s, LABELS(&s, name), stack(&s, folded, 0), 1, 1);
	}
	seg = segment(&s);
	ok(seg && seg->file->ngroups == 3 && seg->info.rows == 60,
	   "a row group is cut at a service");
	ok(!strcmp(text(seg, 2, EVP_COL_SERVICE, 0), "s2"), "each service is in one");
	evp_segment_blob_open(&b, seg, NULL);
	while (evp_segment_blob_next(b, &e, NULL) > 0)
		n += e.stack == n % 20 && e.group == n / 20 && !e.variant;
	ok(n == 60, "the blob follows the groups");
	evp_segment_blob_close(b);
	evp_segment_close(seg);

	begin(&s);
	memset(folded, 'a', sizeof(folded) - 1);
	for (i = 60000; i < sizeof(folded) - 1; i += 60000)
		folded[i] = ';';
	folded[sizeof(folded) - 1] = '\0';
	i = stack(&s, folded, 0);
	for (n = 0; n < 100; n++) { /* deeper still, on top of the same stack */
		struct evp_function fn = { 0 };
		struct evp_line line = { 0 };
		struct evp_location l = { .lines = &line, .nlines = 1 };
		uint32_t location, id;

		evp_writer_cstring(s.w, "deeper", &fn.name);
		evp_writer_function(s.w, &fn, &line.function);
		evp_writer_location(s.w, &l, &location);
		evp_writer_stack(s.w, (uint32_t)i, location, &id);
		i = id;
	}
	add(&s, 0, (uint32_t)i, 1, 1);
	seg = segment(&s);
	ok(seg && !strncmp(text(seg, 0, EVP_COL_STACK, 0), "[cut:too-long];deeper;deeper", 28),
	   "a text that would be too long begins again");
	evp_segment_close(seg);
}

static int order(const char *a, const char *b)
{
	struct evp_bytes x = { a, strlen(a) }, y = { b, strlen(b) };

	return evp_stack_compare(&x, &y);
}

int main(void)
{
	ok(order("a;b", "a b") < 0 && order("a b", "a;b") > 0, "a separator is the lowest byte");
	ok(order("a", "a;b") < 0 && order("a;b", "a;b") == 0, "fewer frames first");
	ok(order("a\\;b", "a b") > 0, "an escaped one is a byte like others");
	ok(order("a\\\\;b", "a\\\\ b") < 0, "behind an escaped backslash it separates");
	services();
	label_columns();
	variants();
	sums();
	groups();
	return done_testing();
}
