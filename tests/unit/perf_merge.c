// SPDX-License-Identifier: GPL-2.0-or-later
/* Rings of several CPUs in order of time: every record once, those too young the next time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/perf_merge.h"
#include "tap.h"

enum { RINGS = 3, BYTES = 256, RECORD = 24 /* crosses the end of a ring now and then */ };
enum { GOOD = 1, BAD = 2, BORING = 3 }; /* types of records */

struct record {
	struct perf_event_header header;
	int64_t time_ns;
	uint64_t number;
};

static struct perf_event_mmap_page page[RINGS];
static _Alignas(8) uint8_t data[RINGS][BYTES], wrapped[RINGS][RECORD];
static struct evp_perf_ring ring[RINGS];
static struct evp_perf_set set = { .ring = ring, .ncpus = RINGS };
static struct evp_perf_merge merge;

static struct {
	int64_t before_ns, last_ns;
	unsigned int n, damaged, late, unordered;
	uint8_t times[4000]; /* that each record came */
} seen;

static int time_of(void *arg, const struct perf_event_header *h, int64_t *ret_ns)
{
	*ret_ns = ((const struct record *)h)->time_ns;
	return h->type == GOOD ? 0 : h->type == BORING ? -ENOENT : -EBADMSG;
}

static void on_record(void *arg, const struct perf_event_header *h)
{
	const struct record *r = (const void *)h;

	seen.n++;
	seen.times[r->number]++;
	seen.unordered += r->time_ns < seen.last_ns;
	seen.late += r->time_ns >= seen.before_ns;
	seen.last_ns = r->time_ns;
}

static void on_damage(void *arg)
{
	seen.damaged++;
}

static void merged(int64_t before_ns)
{
	const struct evp_perf_merge_sink sink = { NULL, time_of, on_record, on_damage };

	seen.before_ns = before_ns;
	if (evp_perf_merge(&merge, &set, before_ns, &sink))
		ok(false, "merges");
}

/* What the kernel does; false: the ring is full. */
static bool put(size_t cpu, struct record r)
{
	uint64_t at = page[cpu].data_head;

	if (at + RECORD - page[cpu].data_tail > BYTES)
		return false;
	for (size_t i = 0; i < RECORD; i++)
		data[cpu][(at + i) % BYTES] = ((uint8_t *)&r)[i];
	page[cpu].data_head += RECORD;
	return true;
}

static bool put_good(size_t cpu, int64_t time_ns, uint64_t number)
{
	return put(cpu, (struct record){ { .type = GOOD, .size = RECORD }, time_ns, number });
}

static void everything_once(void)
{
	unsigned int n = 0, once = 0;

	srand(1);
	for (int64_t now = 10; n < 3000; now += 10) {
		for (size_t cpu = 0; cpu < RINGS; cpu++)
			for (int64_t t = now; t < now + 10 && n < 3000; t += 1 + rand() % 6)
				n += put_good(cpu, t, n);
		merged(now + rand() % 10);
	}
	ok(seen.n < n, "what is too young waits");
	merged(INT64_MAX);
	for (unsigned int i = 0; i < n; i++)
		once += seen.times[i] == 1;
	ok(once == n && seen.n == n, "each record comes once");
	ok(!seen.unordered && !seen.late, "in order of time, none before its time");
	ok(!seen.damaged, "none is damaged");
}

static void damage(void)
{
	unsigned int n = seen.n;

	seen.last_ns = 0;
	put(0, (struct record){ { .type = BAD, .size = RECORD } });
	put(0, (struct record){ { .type = BORING, .size = RECORD } });
	put_good(0, 5, 3000);
	put(1, (struct record){ { .type = GOOD, .size = 4 } });
	put_good(1, 6, 3001);
	put_good(2, 7, 3002);
	merged(100);
	ok(seen.damaged == 2 && seen.n == n + 2 && seen.times[3000] && seen.times[3002],
	   "what cannot be, and a ring that makes no sense, are counted; the others go on");
	put_good(1, 8, 3003);
	merged(100);
	ok(seen.times[3003] == 1 && seen.damaged == 2, "that ring, too, from then on");
}

int main(void)
{
	for (size_t i = 0; i < RINGS; i++)
		ring[i] = (struct evp_perf_ring){ .page = &page[i],
						  .data = data[i],
						  .data_bytes = BYTES,
						  .wrapped = wrapped[i] };
	everything_once();
	damage();
	evp_perf_merge_release(&merge);
	return done_testing();
}
