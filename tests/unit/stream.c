// SPDX-License-Identifier: GPL-2.0-or-later
/* The stream's reader and writer: round trip, cuts at every byte, flips of every byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/copy.h"
#include "stream/reader.h"
#include "stream/writer.h"
#include "memory.h"
#include "tap.h"

#define SAMPLES_A (2 * 20 * 3)
#define SAMPLES_B (2 * 7 * 3)

struct source {
	const char *p;
	size_t len, chunk;
};

static int64_t source_read(void *arg, void *buf, size_t len)
{
	struct source *s = arg;

	if (s->chunk && len > s->chunk)
		len = s->chunk;
	if (len > s->len)
		len = s->len;
	memcpy(buf, s->p, len);
	s->p += len;
	s->len -= len;
	return (int64_t)len;
}

static const uint8_t id_a[16] = "stream-a", id_b[16] = "stream-b";

static uint32_t make_event(struct evp_writer *w)
{
	struct evp_event e = {
		.ntypes = 2, .samples_type = 1, .value_type = 2, .period = 10101010
	};
	uint32_t event = 0;

	evp_writer_cstring(w, "cpu", &e.name);
	evp_writer_cstring(w, "samples", &e.types[0].type);
	evp_writer_cstring(w, "count", &e.types[0].unit);
	evp_writer_cstring(w, "cpu", &e.types[1].type);
	evp_writer_cstring(w, "nanoseconds", &e.types[1].unit);
	e.period_type = e.types[1];
	evp_writer_event(w, &e, &event);
	return event;
}

static uint32_t make_stack(struct evp_writer *w, int i)
{
	struct evp_location l = { .kind = EVP_LOC_NONE, .source = EVP_SRC_TEXT, .nlines = 1 };
	struct evp_function f = { 0 };
	struct evp_line line = { 0 };
	uint32_t loc, stack = 0;
	char text[32];

	snprintf(text, sizeof(text), "function_%d", i);
	evp_writer_cstring(w, text, &f.name);
	evp_writer_function(w, &f, &line.function);
	l.lines = &line;
	evp_writer_location(w, &l, &loc);
	evp_writer_stack(w, 0, loc, &stack);
	return stack;
}

/* A small stream: two epochs of `n` samples of 3 each, a loss of 5. */
static void make_stream(struct evp_str *out, const uint8_t *id, int n, int level)
{
	struct evp_writer_opts opts = {
		.sink = to_memory, .sink_arg = out, .tool = "test", .level = level, .stream_id = id
	};
	const int64_t values[] = { 3, 30303030 };
	struct evp_writer *w;
	struct evp_err err;
	uint32_t event;
	int epoch, i;

	if (evp_writer_new(&w, &opts, &err))
		abort();
	event = make_event(w);
	for (epoch = 0; epoch < 2; epoch++) {
		struct evp_label label = { 0 };
		struct evp_loss loss = { event, 0, 1000, 1000, 5 };
		uint32_t labels = 0;

		evp_writer_cstring(w, "comm", &label.key);
		evp_writer_cstring(w, "busy", &label.text);
		evp_writer_label_set(w, &label, 1, &labels);
		for (i = 0; i < n; i++)
			evp_writer_sample(w, &(struct evp_sample){ event, 0, labels,
								   make_stack(w, i), 1000 * i,
								   i % 2 ? 0 : 1000, values });
		evp_writer_cstring(w, "ring-full", &loss.reason);
		if (epoch)
			evp_writer_loss(w, &loss);
		evp_writer_watermark(w, 1000 * n);
		if (!epoch)
			evp_writer_epoch(w);
	}
	evp_writer_end(w);
	if (evp_writer_error(w))
		abort();
	evp_writer_free(w);
}

struct result {
	int rc;
	int64_t samples;
	struct evp_reader_status status;
};

static struct result read_all(const char *p, size_t len, size_t chunk)
{
	struct source s = { p, len, chunk };
	struct evp_reader_opts opts = { .read = source_read, .arg = &s, .name = "test" };
	struct result res;
	struct evp_record rec;
	struct evp_reader *r;
	struct evp_err err;

	memset(&res, 0, sizeof(res));
	if (evp_reader_new(&r, &opts, &err))
		abort();
	while ((res.rc = evp_reader_next(r, &rec, &err)) > 0)
		if (rec.type == EVP_REC_SAMPLE)
			res.samples += rec.sample.values[0];
	memcpy(&res.status, evp_reader_status(r), sizeof(res.status));
	evp_reader_free(r);
	return res;
}

static void test_whole(const struct evp_str *s)
{
	struct result r = read_all(s->buf, s->len, 0), one = read_all(s->buf, s->len, 1);

	ok(r.rc == 0 && r.samples == SAMPLES_A, "all samples come back");
	ok(!r.status.cut && !r.status.damaged && !r.status.missing_samples, "the stream is whole");
	ok(r.status.lost_samples == 5, "loss is read");
	ok(!memcmp(&r, &one, sizeof(r)), "one byte at a time gives the same");
}

static void test_cuts(const struct evp_str *s)
{
	size_t i, bad = 0, fell = 0;
	int64_t last = 0;

	for (i = 0; i < s->len; i++) {
		struct result r = read_all(s->buf, i, 0);

		/* Fewer bytes than a sync mark are no stream; from there on it is one cut short. */
		if (i && i < 16 ? r.rc != -EBADMSG : r.rc != 0 || !r.status.cut)
			bad++;
		fell += r.samples < last;
		last = r.samples;
	}
	ok(!bad, "every cut is noticed");
	ok(!fell, "a longer prefix never gives less");
}

static void test_flips(const struct evp_str *s)
{
	char *copy = malloc(s->len);
	size_t i, unseen = 0, unaccounted = 0;
	int bit;

	memcpy(copy, s->buf, s->len);
	for (i = 0; i < s->len; i++)
		for (bit = 0; bit < 8; bit += 7) {
			struct result r;

			copy[i] ^= (char)(1 << bit);
			r = read_all(copy, s->len, 0);
			copy[i] ^= (char)(1 << bit);
			unseen += r.rc == 0 && !r.status.damaged && !r.status.cut;
			/* When the end record is there, read + missing is all. */
			unaccounted += r.rc == 0 && !r.status.cut &&
				       r.samples + r.status.missing_samples != SAMPLES_A;
		}
	ok(!unseen, "every flipped byte is noticed");
	ok(!unaccounted, "what damage cost is counted when the end is there");
	free(copy);
}

static void test_cat(const struct evp_str *a, const struct evp_str *b)
{
	struct evp_str both = { 0 };
	struct result r;

	evp_str_add(&both, a->buf, a->len);
	evp_str_add(&both, b->buf, b->len);
	r = read_all(both.buf, both.len, 0);
	ok(r.rc == 0 && r.samples == SAMPLES_A + SAMPLES_B && !r.status.cut &&
		   r.status.streams == 2,
	   "cat a b is both");
	evp_str_clear(&both);
	evp_str_add(&both, a->buf, a->len - 10);
	evp_str_add(&both, b->buf, b->len);
	r = read_all(both.buf, both.len, 0);
	ok(r.rc == 0 && r.samples >= SAMPLES_B && r.status.cut + r.status.damaged > 0,
	   "a stream behind one cut short is read");
	evp_str_clear(&both);
	evp_str_add(&both, a->buf, a->len);
	evp_str_puts(&both, "garbage between");
	evp_str_add(&both, b->buf, b->len);
	r = read_all(both.buf, both.len, 3);
	ok(r.rc == 0 && r.samples == SAMPLES_A + SAMPLES_B && r.status.damaged == 1 &&
		   r.status.skipped_bytes == 15,
	   "garbage between streams is skipped and counted");
	evp_str_release(&both);
}

static void test_copy(const struct evp_str *s)
{
	struct source src = { s->buf, s->len, 0 };
	struct evp_reader_opts ropts = { .read = source_read, .arg = &src };
	struct evp_str out = { 0 };
	struct evp_writer_opts wopts = {
		.sink = to_memory, .sink_arg = &out, .stream_id = id_a, .level = -1
	};
	struct evp_reader *r;
	struct evp_writer *w;
	struct evp_copy *c;
	struct evp_record rec;
	struct evp_err err;
	struct result res;

	if (evp_reader_new(&r, &ropts, &err) || evp_writer_new(&w, &wopts, &err) ||
	    evp_copy_new(&c, r, w, &err))
		abort();
	while (evp_reader_next(r, &rec, &err) > 0)
		if (evp_copy_record(c, &rec))
			abort();
	evp_writer_end(w);
	res = read_all(out.buf, out.len, 0);
	ok(res.rc == 0 && res.samples == SAMPLES_A && res.status.lost_samples == 5 &&
		   !res.status.cut,
	   "a copy is whole and holds the same");
	evp_copy_free(c);
	evp_writer_free(w);
	evp_reader_free(r);
	evp_str_release(&out);
}

int main(void)
{
	struct evp_str a = { 0 }, b = { 0 }, plain = { 0 };

	make_stream(&a, id_a, 20, 0);
	make_stream(&b, id_b, 7, 0);
	make_stream(&plain, id_a, 20, -1);
	test_whole(&a);
	test_whole(&plain);
	test_cuts(&a);
	test_cuts(&plain);
	test_flips(&a);
	test_flips(&plain);
	test_cat(&a, &b);
	test_copy(&a);
	ok(read_all("", 0, 0).status.cut, "empty input is cut short");
	ok(read_all("plain text, no stream at all\n", 29, 0).rc == -EBADMSG, "text is no stream");
	evp_str_release(&a);
	evp_str_release(&b);
	evp_str_release(&plain);
	return done_testing();
}
