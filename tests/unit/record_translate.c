// SPDX-License-Identifier: GPL-2.0-or-later
/* Raw stacks and samples to a stream and back: locations, cut marks, sums, losses, epochs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/inbox.h"
#include "record/translate.h"
#include "record/windows.h"
#include "stream/reader.h"
#include "memory.h"
#include "tap.h"

#define SECOND 1000000000LL
#define T0     (1700000000 * SECOND)

static struct evp_str stream;
static struct evp_translator tr;
static struct evp_mapped_file elf = { .path = "/lib/x.so",
				      .kind = EVP_MAPPED_ELF,
				      .resolved = true };
static struct evp_proc proc = { .pid = 7, .serial = 1, .exe = "/x", .cgroup = "/" };

/* The locations of a translated stack, root first, as a viewer would show them. */
static const char *shown(uint32_t stack)
{
	static struct evp_str out;
	const struct evp_tables *t = evp_writer_tables(tr.w);
	uint32_t path[300], n = 0;

	for (; stack; stack = t->stacks[stack].parent)
		path[n++] = t->stacks[stack].location;
	evp_str_clear(&out);
	evp_str_puts(&out, "");
	while (n--) {
		evp_location_text(t, path[n], &out);
		evp_str_puts(&out, n ? ";" : "");
	}
	return out.buf ? out.buf : "";
}

static const char *translated(const uint64_t *user, uint32_t n, enum evp_walk_end end)
{
	static uint64_t hash;
	struct evp_raw_stack raw = { .hash = ++hash, .user = user, .nuser = n, .end = end };
	uint32_t id = 0, again = 0;

	if (evp_translate_known(&tr, &proc, hash, &id) ||
	    evp_translate_stack(&tr, &proc, &raw, &id) ||
	    !evp_translate_known(&tr, &proc, hash, &again) || id != again)
		return "?";
	return shown(id);
}

static void is(const char *got, const char *wanted, const char *what)
{
	if (strcmp(got, wanted) != 0)
		printf("# got %s, wanted %s\n", got, wanted);
	ok(!strcmp(got, wanted), what);
}

static void test_stacks(void)
{
	const enum evp_walk_end root = EVP_WALK_ROOT;

	is(translated((uint64_t[]){ 0x10 }, 1, root), "[unknown]", "no mappings at all");
	evp_mappings_insert(&proc.maps, &(struct evp_mapping){ 0x10000, 0x20000, 0x3000, &elf });
	evp_mappings_insert(&proc.maps, &(struct evp_mapping){ 0x50000, 0x60000, 0, NULL });
	is(translated((uint64_t[]){ 0x10010, 0x1001f, 0x1002f }, 3, root),
	   "x.so+0x302f;x.so+0x301f;x.so+0x3010", "file offsets");
	is(translated((uint64_t[]){ 0x10010, 0x1ffff }, 2, root), "x.so+0x12fff;x.so+0x3010",
	   "a call at the end of a mapping is inside");
	is(translated((uint64_t[]){ 0x50010, 0x1001f }, 2, root), "x.so+0x301f;[jit]",
	   "code made at run time");
	is(translated((uint64_t[]){ 0x10010, 0x1001f }, 2, EVP_WALK_BROKEN_CHAIN),
	   "[cut:broken-chain];x.so+0x301f;x.so+0x3010", "a walk that lost its way says so");
	is(translated((uint64_t[]){ 0x10010, 5, 0x1001f }, 3, root),
	   "x.so+0x301f;[unknown];x.so+0x3010", "nonsense between frames stays");
	is(translated((uint64_t[]){ 0x10010, 0x1001f }, 2, EVP_WALK_TOO_DEEP),
	   "[cut:too-deep];x.so+0x301f;x.so+0x3010", "too deep");
	is(translated((uint64_t[]){ 5 }, 1, root), "[unknown]", "a leaf nowhere");
	is(translated(NULL, 0, EVP_WALK_GOES_ON), "", "no frames");
}

static const struct evp_location *leaf_of(const struct evp_raw_stack *raw)
{
	uint32_t id = 0;

	if (evp_translate_stack(&tr, &proc, raw, &id) || !id)
		return NULL;
	return &evp_writer_tables(tr.w)->locations[evp_writer_tables(tr.w)->stacks[id].location];
}

static void test_kernel(void)
{
	static const uint64_t frame[] = { 0xffffffff81000010, 0xffffffff81000020 };
	struct evp_raw_stack raw = {
		.hash = 1000, .kernel = frame, .nkernel = 1, .end = EVP_WALK_ROOT
	};
	struct evp_proc thread = { .pid = 8, .serial = 2, .exe = "", .cgroup = "/" };
	const struct evp_location *l = leaf_of(&raw);
	uint32_t id = 0;

	ok(l && l->offset == frame[0], "a kernel's leaf is where it was");
	raw.hash++;
	raw.nkernel = 2;
	raw.kernel_cut = true;
	evp_translate_stack(&tr, &proc, &raw, &id);
	is(shown(id), "[cut:too-deep];[unknown];[unknown]", "as much as the kernel tells");
	id = evp_writer_tables(tr.w)->stacks[id].parent;
	l = &evp_writer_tables(tr.w)->locations[evp_writer_tables(tr.w)->stacks[id].location];
	ok(l->offset == frame[1] - 1, "its callers are within their calls");
	ok(!evp_translate_known(&tr, &thread, raw.hash, &id),
	   "known of one process, not of another");
	raw = (struct evp_raw_stack){ .hash = 1002, .end = EVP_WALK_EXITING };
	id = 1;
	ok(!evp_translate_stack(&tr, &thread, &raw, &id) && !id, "a kernel thread is not cut");
}

static void test_vdso(void)
{
	struct evp_mapped_file vdso = { .path = "[vdso]",
					.kind = EVP_MAPPED_VDSO,
					.resolved = true };
	struct evp_raw_stack raw = {
		.hash = 1003, .user = (uint64_t[]){ 0x70010 }, .nuser = 1, .end = EVP_WALK_ROOT
	};
	const struct evp_location *l;

	evp_mappings_insert(&proc.maps, &(struct evp_mapping){ 0x70000, 0x71000, 0, &vdso });
	l = leaf_of(&raw);
	ok(l && l->kind == EVP_LOC_VDSO && l->offset == 0x10, "the vdso");
}

/* Everything that was put in comes out, in windows, whatever the clock did. */
static void test_windows(struct evp_windows *ws)
{
	uint32_t who[2], again;
	int64_t open_ns;
	int bad = 0;

	bad |= evp_windows_who(ws, 1, 0, &who[0]) || evp_windows_who(ws, 2, 0, &who[1]);
	bad |= evp_windows_who(ws, 1, 0, &again) || again != who[0] || who[1] == who[0];
	for (int i = 0; i < 1000; i++) /* one sample a 10 ms: 10 windows */
		bad |= evp_windows_add(ws, T0 + i * SECOND / 100, who[i % 2], 0, 10);
	bad |= evp_windows_add(ws, T0 - SECOND, who[0], 0, 10); /* the clock was put back */
	bad |= evp_windows_loss(ws, T0 + 9 * SECOND, "ring-full", 3);
	bad |= evp_windows_loss(ws, T0, "ring-full", 2); /* that window is written already */
	bad |= evp_windows_dropped(ws, T0 + 9 * SECOND) || evp_windows_dropped(ws, T0);
	bad |= evp_windows_advance(ws, T0 + 10 * SECOND, &open_ns);
	ok(!bad && open_ns == T0 + 10 * SECOND && ws->samples == 1001, "added up");
	bad = evp_windows_epoch(ws) || evp_writer_watermark(ws->w, open_ns) ||
	      evp_translator_epoch(&tr);
	bad |= evp_windows_who(ws, 0, 0, &again);
	bad |= evp_windows_add(ws, T0 + 10 * SECOND, again, 0, 10);
	bad |= evp_windows_write(ws) || evp_writer_end(ws->w);
	ok(!bad, "written");
}

static void test_read_back(void)
{
	struct evp_bytes left = { stream.buf, stream.len };
	struct evp_reader *r;
	struct evp_record rec;
	int64_t samples = 0, lost = 0, records = 0, late = 0;
	int aligned = 1;

	if (evp_reader_new(&r, &(struct evp_reader_opts){ from_memory, &left, "x" }, NULL))
		return;
	while (evp_reader_next(r, &rec, NULL) > 0) {
		if (rec.type == EVP_REC_LOSS) {
			lost += rec.loss.samples;
			late += rec.loss.window_ns < T0 + 9 * SECOND;
		}
		if (rec.type != EVP_REC_SAMPLE)
			continue;
		records++;
		samples += rec.sample.values[0];
		aligned = aligned && rec.sample.window_ns % SECOND == 0 &&
			  rec.sample.values[1] == 10 * rec.sample.values[0];
	}
	ok(evp_reader_whole(r, NULL), "a whole stream");
	ok(samples == 1002 && lost == 5 && evp_reader_status(r)->lost_samples == 5 &&
		   evp_reader_status(r)->dropped_samples == 2,
	   "every sample, every loss, and what was dropped is none");
	ok(!late, "none of them in a window of before");
	ok(records == 21 && aligned, "two processes a window, one afterwards");
	evp_reader_free(r);
}

static void test_inbox(void)
{
	struct evp_inbox in = { 0 };
	uint64_t frames[3] = { 1, 2, 3 };
	struct evp_raw_stack raw = {
		.hash = 9, .kernel = frames, .nkernel = 1, .user = frames + 1, .nuser = 2
	};
	const struct evp_raw_sample *s;
	int64_t last = 0;
	int n = 0, sorted = 1;

	evp_inbox_put_stack(&in, &raw);
	frames[2] = 0;
	ok(evp_inbox_stack(&in, 9) && evp_inbox_stack(&in, 9)->user[1] == 3 &&
		   !evp_inbox_stack(&in, 8),
	   "stacks are kept");
	evp_inbox_age(&in);
	ok(evp_inbox_stack(&in, 9) != NULL, "through one aging");
	evp_inbox_age(&in);
	ok(!evp_inbox_stack(&in, 9), "not through two");
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < 100; i++)
			evp_inbox_put_sample(&in,
					     &(struct evp_raw_sample){ .time_ns = round * 100 +
										  (i * 37) % 150 });
		evp_inbox_sort(&in);
		while ((s = evp_inbox_take(&in, round * 100 + 100))) {
			sorted = sorted && s->time_ns >= last;
			last = s->time_ns;
			n++;
		}
	}
	evp_inbox_sort(&in);
	while (evp_inbox_take(&in, INT64_MAX))
		n++;
	ok(sorted && n == 1000, "samples leave in order, all of them");
	evp_inbox_release(&in);
}

/* Two stacks to be walked; the sample of one was lost, others wait as ever. */
static void test_orphans(void)
{
	struct evp_inbox in = { 0 };
	struct evp_user_regs regs = { .pc = 7 };
	struct evp_raw_stack raw = { .regs = &regs, .copy = { "abc", 4, 0 } };

	for (raw.hash = 1; raw.hash <= 2; raw.hash++)
		evp_inbox_put_stack(&in, &raw);
	evp_inbox_put_sample(&in, &(struct evp_raw_sample){ .stack_hash = 2, .time_ns = 5 });
	evp_inbox_rest(&in);
	ok(evp_inbox_copied(&in, 1) && evp_inbox_copied(&in, 2), "a sample may be on its way");
	evp_inbox_rest(&in);
	ok(!evp_inbox_copied(&in, 1) && in.copied.n == 1, "whose sample was lost goes");
	for (int i = 0; i < 5; i++)
		evp_inbox_rest(&in);
	ok(evp_inbox_copied(&in, 2)->regs->pc == 7 &&
		   !memcmp(evp_inbox_copied(&in, 2)->copy.bytes, "abc", 4),
	   "what a sample waits for stays");
	evp_inbox_walked(&in, evp_inbox_copied(&in, 2));
	ok(!in.copied.n && !in.copied_bytes, "until it was walked");
	evp_inbox_release(&in);
}

int main(void)
{
	struct evp_event e = { .ntypes = 2, .samples_type = 1, .value_type = 2 };
	struct evp_windows ws = { .len_ns = SECOND };
	struct evp_kernel_syms *ks = NULL;
	struct evp_writer *w;

	if (evp_kernel_syms_new(&ks, "/nonexistent") ||
	    evp_writer_new(&w, &(struct evp_writer_opts){ .sink = to_memory, .sink_arg = &stream },
			   NULL))
		return 1;
	evp_translator_init(&tr, w, ks, "here", "boot");
	evp_writer_cstring(w, "cpu", &e.name);
	evp_writer_event(w, &e, &ws.event);
	ws.w = w;
	for (int64_t pid = 1; pid <= 2; pid++)
		evp_writer_process(w, &(struct evp_process){ .pid = pid }, &(uint32_t){ 0 });
	test_stacks();
	test_kernel();
	test_vdso();
	test_windows(&ws);
	test_read_back();
	test_inbox();
	test_orphans();
	evp_windows_release(&ws);
	evp_translator_release(&tr);
	evp_writer_free(w);
	evp_kernel_syms_free(ks);
	evp_mappings_drop(proc.maps);
	evp_str_release(&stream);
	return done_testing();
}
