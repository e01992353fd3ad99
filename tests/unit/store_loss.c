// SPDX-License-Identifier: GPL-2.0-or-later
/* What a stream says was lost is in the store, also where it has no sample to go with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/add.h"
#include "store/catalog.h"
#include "stream/writer.h"
#include "memory.h"
#include "tap.h"

#define START 1760000040LL /* a whole minute */

static char dir[] = "/tmp/store-loss-XXXXXX";

/* One letter a minute: 's' a sample, 'l' 10 lost samples, '.' neither. */
static void make(struct evp_str *s, const char *minutes)
{
	struct evp_writer_opts opts = { .sink = to_memory, .sink_arg = s };
	struct evp_event e = { .ntypes = 1, .samples_type = 1, .value_type = 1 };
	int64_t one = 1;
	struct evp_sample x = { .window_len_ns = EVP_NSEC, .values = &one };
	struct evp_loss l = { .window_len_ns = EVP_NSEC, .samples = 10 };
	struct evp_writer *w;

	evp_writer_new(&w, &opts, NULL);
	evp_writer_cstring(w, "cpu", &e.name);
	evp_writer_cstring(w, "samples", &e.types[0].type);
	evp_writer_cstring(w, "count", &e.types[0].unit);
	evp_writer_cstring(w, "ring-full", &l.reason);
	evp_writer_event(w, &e, &x.event);
	l.event = x.event;
	for (int64_t i = 0; minutes[i]; i++) {
		x.window_ns = l.window_ns = (START + 60 * i) * EVP_NSEC;
		if (minutes[i] == 's')
			evp_writer_sample(w, &x);
		if (minutes[i] == 'l')
			evp_writer_loss(w, &l);
		evp_writer_watermark(w, x.window_ns + 60 * EVP_NSEC);
	}
	evp_writer_end(w);
	evp_writer_free(w);
}

/* What all segments say was lost. */
static int64_t stored(void)
{
	struct evp_catalog *c;
	struct evp_store_segment *s;
	int64_t sum = 0;

	if (evp_catalog_open(&c, dir, NULL, NULL))
		return -1;
	for (size_t i = 0; i < c->n; i++) {
		if (evp_segment_open(&s, c->dirfd, c->item[i].path, NULL))
			continue;
		sum += s->info.lost_samples;
		evp_segment_close(s);
	}
	evp_catalog_close(c);
	return sum;
}

/* Adds such a stream; the lost samples that no segment tells of. */
static uint64_t add(const char *minutes)
{
	struct evp_store_add_opts opts = { 0 };
	struct evp_str s = { 0 };
	struct evp_bytes left;
	struct evp_reader_opts ro = { .read = from_memory, .arg = &left, .name = "test" };
	struct evp_store_add *a;
	struct evp_reader *r;
	uint64_t lost = UINT64_MAX;

	make(&s, minutes);
	left = (struct evp_bytes){ s.buf, s.len };
	if (!evp_store_add_new(&a, dir, &opts, NULL) && !evp_reader_new(&r, &ro, NULL)) {
		if (!evp_store_add_stream(a, r, NULL))
			lost = evp_store_add_stats(a)->lost_samples;
		evp_reader_free(r);
		evp_store_add_free(a);
	}
	evp_str_release(&s);
	return lost;
}

int main(void)
{
	char command[60];

	if (!mkdtemp(dir))
		return 1;
	ok(!add("sl.l.s") && stored() == 20, "with the next segment");
	ok(!add("ls") && stored() == 30, "also before the first");
	ok(add("s.ll") == 20 && stored() == 30, "behind the last it is counted");
	ok(add("ll") == 20 && stored() == 30, "and where there is no sample at all");
	snprintf(command, sizeof(command), "rm -r %s", dir);
	if (system(command))
		printf("# %s is left\n", dir);
	return done_testing();
}
