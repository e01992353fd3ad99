// SPDX-License-Identifier: GPL-2.0-or-later
/* Samples as the kernel lays them out, and as it never would. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/perf_sample.h"
#include "tap.h"

/* perf_event_open(2): tid, time, cpu, callchain, user registers, user stack, cgroup. */
struct record {
	struct perf_event_header header;
	uint64_t word[64];
	size_t n;
};

static void put(struct record *r, uint64_t word)
{
	r->word[r->n++] = word;
	r->header.size = (uint16_t)(sizeof(r->header) + r->n * sizeof(word));
}

static struct record sample(bool user, uint64_t abi, uint64_t copied)
{
	struct record r = { .header = { .type = PERF_RECORD_SAMPLE } };
	int i;

	put(&r, 11 | 12ULL << 32);
	put(&r, 1000);
	put(&r, 3);
	put(&r, 4);
	put(&r, (uint64_t)PERF_CONTEXT_KERNEL);
	put(&r, 0xffffffff81000001);
	put(&r, 0xffffffff81000002);
	put(&r, (uint64_t)PERF_CONTEXT_USER);
	if (user) {
		put(&r, abi);
		/* ax bx cx dx si di bp sp ip r8-r15, as asm/perf_regs.h numbers them. */
		for (i = 0; i < 17 && abi; i++)
			put(&r, 100 + (uint64_t)i);
		put(&r, 16);
		put(&r, 0x1111);
		put(&r, 0x2222);
		put(&r, copied);
	}
	put(&r, 77);
	return r;
}

static int read_with(bool user, const struct record *r, struct evp_perf_sample *ret)
{
	struct perf_event_attr attr = { 0 };

	evp_perf_sample_ask(&attr, user, true, 16);
	return evp_perf_sample_read(&attr, &r->header, ret);
}

static void whole(void)
{
	struct record r = sample(true, PERF_SAMPLE_REGS_ABI_64, 9);
	/* rax rdx rcx rbx rsi rdi rbp rsp r8-r15: DWARF's order. */
	static const uint64_t reg[] = { 100, 103, 102, 101, 104, 105, 106, 107,
					109, 110, 111, 112, 113, 114, 115, 116 };
	struct evp_perf_sample s;

	ok(!read_with(true, &r, &s) && s.pid == 11 && s.tid == 12 && s.time_ns == 1000 &&
		   s.cpu == 3 && s.cgroup_id == 77,
	   "who and when");
	ok(s.nkernel == 2 && s.kernel[1] == 0xffffffff81000002, "the kernel half");
	ok(s.user == EVP_WALK_GOES_ON && s.regs.pc == 108 && sizeof(reg) == sizeof(s.regs.reg) &&
		   !memcmp(s.regs.reg, reg, sizeof(reg)),
	   "registers by DWARF number");
	ok(s.copy_len == 9 && !memcmp(s.copy, &r.word[r.n - 4], 16),
	   "the stack, as far as it was copied");
}

static void without(void)
{
	struct record r = sample(false, 0, 0);
	struct evp_perf_sample s;

	ok(!read_with(false, &r, &s) && s.user == EVP_WALK_ROOT && s.cgroup_id == 77,
	   "no user half was asked for");
	r = sample(true, PERF_SAMPLE_REGS_ABI_NONE, 0);
	ok(!read_with(true, &r, &s) && s.user == EVP_WALK_EXITING && !s.copy_len,
	   "a kernel thread has none");
	r = sample(true, PERF_SAMPLE_REGS_ABI_32, 16);
	ok(!read_with(true, &r, &s) && s.user == EVP_WALK_32BIT && s.regs.pc == 108,
	   "a process of 32 bits is known as such");
}

static void hostile(void)
{
	struct record r = sample(true, PERF_SAMPLE_REGS_ABI_64, 16), bad;
	struct evp_perf_sample s;
	uint16_t size;
	int taken = 0;

	for (size = 0; size < r.header.size; size++) {
		/* A block of its exact size, so that a sanitizer sees what is read behind it. */
		struct perf_event_header *cut = malloc(size < sizeof(*cut) ? sizeof(*cut) : size);

		memcpy(cut, &r, size < sizeof(*cut) ? sizeof(*cut) : size);
		cut->size = size;
		taken += !evp_perf_sample_read(
			&(struct perf_event_attr){ .sample_type = PERF_SAMPLE_REGS_USER |
								  PERF_SAMPLE_STACK_USER |
								  PERF_SAMPLE_CGROUP },
			cut, &s);
		free(cut);
	}
	ok(!taken, "cut anywhere: refused");
	bad = r;
	bad.word[3] = UINT64_MAX;
	ok(read_with(true, &bad, &s) == -EBADMSG, "frames without end");
	bad = r;
	bad.word[r.n - 5] = UINT64_MAX - 7;
	ok(read_with(true, &bad, &s) == -EBADMSG, "a stack without end");
	bad = r;
	bad.word[r.n - 5] = 15;
	ok(read_with(true, &bad, &s) == -EBADMSG, "a stack of half words");
	bad = r;
	bad.word[r.n - 2] = 17;
	ok(read_with(true, &bad, &s) == -EBADMSG, "more copied than there was room for");
	bad = r;
	bad.word[1] = UINT64_MAX;
	ok(read_with(true, &bad, &s) == -EBADMSG, "no time");
}

int main(void)
{
	if (!evp_perf_sample_has_regs()) {
		return skip_all("no registers of this machine are known");
	}
	whole();
	without();
	hostile();
	return done_testing();
}
