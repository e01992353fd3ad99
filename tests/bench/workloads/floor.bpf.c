// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What walking 52 frames cannot do without: for each frame ten steps of a binary search in an
 * array of 8 KiB and a read of eight bytes of the user's stack, then a record of 424 bytes in a
 * ring. The recorder's BPF time is compared with this one's, on the same machine in the same run.
 */
#include "kernel.h"

#define FRAMES 52
#define STEPS  10
#define ROWS   (1 << STEPS)
#define STRIDE 48 /* bytes of stack between two reads: such a stack is some 2.5 KB */

char LICENSE[] SEC("license") = "GPL";

struct record {
	__u64 n;
	__u64 frame[FRAMES];
};

struct rows {
	__u64 row[ROWS];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rows);
} table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct record);
} scratch SEC(".maps");

/*
 * The steps depend on what memory holds, as a real search's do. They have no branches: those would
 * cost more, and are too many for the verifier.
 */
static __always_inline __u64 search(const struct rows *t, __u64 key)
{
	__u64 at = 0;

	for (int bit = STEPS - 1; bit >= 0; bit--) {
		__u64 before = (key - t->row[(at + (1u << bit)) & (ROWS - 1)]) >> 63;

		asm volatile("" : "+r"(before)); /* else the compiler makes branches of it */
		at += (before ^ 1) << bit;
	}
	return at;
}

SEC("perf_event")
int on_tick(struct bpf_perf_event_data *ctx)
{
	__u32 zero = 0;
	struct rows *t = bpf_map_lookup_elem(&table, &zero);
	struct record *r = bpf_map_lookup_elem(&scratch, &zero);
	__u64 sp = ctx->regs.sp, word = 0;

	if (!t || !r)
		return 0;
	for (int i = 0; i < FRAMES; i++) {
		bpf_probe_read_user(&word, sizeof(word), (void *)(sp + (__u64)i * STRIDE));
		r->frame[i] = word + search(t, (word + (__u64)i) * 0x9e3779b97f4a7c15ULL >> 54);
	}
	r->n = FRAMES;
	bpf_ringbuf_output(&ring, r, sizeof(*r), BPF_RB_NO_WAKEUP);
	return 0;
}
