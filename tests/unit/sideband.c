// SPDX-License-Identifier: GPL-2.0-or-later
/* Decoding side band records, sound and hostile; the order of the queue; the ring's own checks. */
#include <stdlib.h>
#include <string.h>

#include "record/perf_queue.h"
#include "record/perf_ring.h"
#include "record/sideband.h"
#include "tap.h"

/* A record under construction: header, body, trailer. */
static union {
	uint8_t bytes[512];
	struct perf_event_header h;
} rec;

static void start(uint32_t type, uint16_t misc)
{
	memset(&rec, 0, sizeof(rec));
	rec.h = (struct perf_event_header){ .type = type, .misc = misc, .size = sizeof(rec.h) };
}

static void put(const void *bytes, size_t len)
{
	memcpy(rec.bytes + rec.h.size, bytes, len);
	rec.h.size = (uint16_t)(rec.h.size + len);
}

static void put32(uint32_t v)
{
	put(&v, sizeof(v));
}

static void put64(uint64_t v)
{
	put(&v, sizeof(v));
}

static void finish(uint64_t time_ns)
{
	put32(71);
	put32(72);
	put64(time_ns);
	put32(3);
	put32(0);
}

static int decode(struct evp_sideband_event *e)
{
	memset(e, 0xaa, sizeof(*e));
	return evp_sideband_decode(rec.bytes, rec.h.size, e);
}

static void make_mmap2(const char *name, size_t name_len)
{
	start(PERF_RECORD_MMAP2, PERF_RECORD_MISC_MMAP_BUILD_ID);
	put32(10);
	put32(11);
	put64(0x7f0000001000);
	put64(0x2000);
	put64(0x3000);
	put32(254);
	put32(1);
	put64(77);
	put64(3);
	put32(5);
	put32(2);
	put(name, name_len);
	finish(1000);
}

static void sound(void)
{
	struct evp_sideband_event e;

	make_mmap2("/usr/lib/libc.so.6\0\0\0\0\0", 24);
	ok(!decode(&e) && e.type == EVP_SB_MMAP && e.pid == 10 && e.tid == 11 &&
		   e.addr == 0x7f0000001000 && e.len == 0x2000 && e.pgoff == 0x3000 &&
		   e.prot == 5 && e.flags == 2 && e.time_ns == 1000 && e.cpu == 3,
	   "a mapping");
	ok(e.dev_major == 254 && e.dev_minor == 1 && e.inode == 77 && e.inode_generation == 3,
	   "its file, though another program's build ID mark is on the record");
	ok(!strcmp(e.name, "/usr/lib/libc.so.6") && e.name_len == 18, "its file");
	start(PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC);
	put32(10);
	put32(10);
	put("sh\0\0\0\0\0", 8);
	finish(5);
	ok(!decode(&e) && e.type == EVP_SB_COMM && e.is_exec && !strcmp(e.name, "sh"), "an exec");
	start(PERF_RECORD_FORK, 0);
	put32(20);
	put32(10);
	put32(21);
	put32(11);
	put64(99);
	finish(6);
	ok(!decode(&e) && e.type == EVP_SB_FORK && e.pid == 20 && e.ppid == 10 && e.tid == 21 &&
		   e.ptid == 11 && e.time_ns == 6 && !*e.name,
	   "a fork");
	start(PERF_RECORD_LOST, 0);
	put64(1);
	put64(42);
	finish(7);
	ok(!decode(&e) && e.type == EVP_SB_LOST && e.lost == 42, "a loss");
	start(PERF_RECORD_KSYMBOL, 0);
	put64(0xffffffffc0300000);
	put32(0x80);
	put32(PERF_RECORD_KSYMBOL_TYPE_BPF | PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER << 16);
	put("bpf_x\0\0", 8);
	finish(8);
	ok(!decode(&e) && e.type == EVP_SB_KSYMBOL && e.is_bpf && e.is_unregister &&
		   e.len == 0x80 && !strcmp(e.name, "bpf_x"),
	   "a kernel symbol that went");
}

static void hostile(void)
{
	struct evp_sideband_event e;
	uint16_t size, misread = 0;

	make_mmap2("no end!!", 8);
	ok(decode(&e) == -EBADMSG, "a name without its end");
	make_mmap2("", 0);
	ok(decode(&e) == -EBADMSG, "no name at all");
	make_mmap2("/x\0\0\0\0\0", 8);
	for (size = 0; size < rec.h.size; size++)
		misread += evp_sideband_decode(rec.bytes, size, &e) != -EBADMSG;
	ok(!misread, "every cut of the bytes");
	for (size = (uint16_t)(rec.h.size - 1); size; size--) {
		rec.h.size = size;
		if (!decode(&e) && e.name_len >= 512)
			misread++;
	}
	ok(!misread, "every smaller size in the header");
	rec.h.size = 0xffff;
	ok(evp_sideband_decode(rec.bytes, 100, &e) == -EBADMSG, "a size past the bytes at hand");
	make_mmap2("/x\0\0\0\0\0", 8);
	rec.h.size = (uint16_t)(rec.h.size - 24);
	finish(UINT64_MAX);
	ok(decode(&e) == -EBADMSG, "a time that is none");
	start(999, 0);
	finish(1);
	ok(decode(&e) == -ENOENT, "a type of the future");
}

struct order {
	int64_t last_ns;
	int n, wrong;
};

static void on_record(void *arg, int64_t time_ns, uint32_t cpu,
		      const struct perf_event_header *record)
{
	struct order *o = arg;

	o->wrong += time_ns < o->last_ns || record->type != (uint32_t)time_ns || record->size != 16;
	o->last_ns = time_ns;
	o->n++;
}

static void queue(void)
{
	struct evp_perf_queue q = { .limit_bytes = 16 * 1000 };
	struct {
		struct perf_event_header h;
		uint64_t body;
	} r = { { .size = 16 } };
	struct order o = { 0 };
	int i, refused = 0;

	for (i = 0; i < 1200; i++) {
		r.h.type = (uint32_t)(i * 7919 % 1000);
		refused += evp_perf_queue_push(&q, r.h.type, 0, &r.h) == -ENOSPC;
	}
	ok(refused == 200, "memory is bounded");
	evp_perf_queue_pop(&q, 0, on_record, &o);
	ok(!o.n && evp_perf_queue_oldest(&q) == 0, "nothing is older than the oldest");
	evp_perf_queue_pop(&q, 500, on_record, &o);
	ok(o.n == 500 && !o.wrong && evp_perf_queue_oldest(&q) == 500,
	   "older than the bound, in order");
	r.h.type = 700;
	evp_perf_queue_push(&q, 700, 0, &r.h);
	evp_perf_queue_pop(&q, INT64_MAX, on_record, &o);
	ok(o.n == 1001 && !o.wrong && evp_perf_queue_oldest(&q) == INT64_MAX, "then all the rest");
	evp_perf_queue_release(&q);
}

/* A ring in plain memory, as the kernel lays it out, with one record of `size` at `at`. */
static int one_record(uint64_t at, uint16_t size, uint64_t available,
		      const struct perf_event_header **ret)
{
	static uint8_t data[4096], wrapped[65536];
	static struct perf_event_mmap_page page;
	struct perf_event_header h = { .type = 77, .size = size };
	struct evp_perf_ring ring = { .page = &page,
				      .data = data,
				      .data_bytes = sizeof(data),
				      .next = at,
				      .head = at,
				      .wrapped = wrapped };
	size_t i;
	int rc;

	memset(data, 0x55, sizeof(data));
	for (i = 0; i < sizeof(h); i++)
		data[(at + i) % sizeof(data)] = ((uint8_t *)&h)[i];
	page.data_head = at + available;
	rc = evp_perf_ring_next(&ring, ret);
	if (rc == -EBADMSG)
		ok(page.data_tail == page.data_head && !evp_perf_ring_next(&ring, ret),
		   "a damaged ring is emptied");
	return rc;
}

static void ring(void)
{
	const struct perf_event_header *r = NULL;

	ok(one_record(8, 64, 64, &r) == 1 && r->type == 77 && r->size == 64, "a record");
	ok(one_record(8192 - 16, 64, 64, &r) == 1 && r->type == 77 &&
		   ((const uint8_t *)r)[63] == 0x55,
	   "a record across the end");
	ok(one_record(4096 - 4, 64, 64, &r) == 1 && r->type == 77,
	   "even its header across the end");
	ok(one_record(0, 0, 64, &r) == -EBADMSG, "a size of 0");
	ok(one_record(0, 7, 64, &r) == -EBADMSG, "shorter than a header");
	ok(one_record(0, 72, 64, &r) == -EBADMSG, "longer than what is there");
	ok(one_record(0, 8192, 1 << 20, &r) == -EBADMSG, "longer than the ring");
	ok(one_record(0, 8, 4, &r) == -EBADMSG, "less than a header there");
	ok(one_record(0, 8, 0, &r) == 0, "nothing there");
}

int main(void)
{
	sound();
	hostile();
	queue();
	ring();
	return done_testing();
}
