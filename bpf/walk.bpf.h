/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk over a user stack in BPF: the tables as user space loads them, the mapping and the rule
 * of an address, one frame a turn of bpf_loop.
 *
 * All state is in a map value rather than on the stack: the verifier then knows nothing of it, and
 * every turn looks the same to it. Bounds come from constants and from the loop's own index.
 */
#ifndef EVP_WALK_BPF_H
#define EVP_WALK_BPF_H

#include "kernel.h"
#include "record.h"

#define EVP_WALK_INLINE static __always_inline
#include "walk.h"

/* Cells of two words: the kernel rounds an array's elements up to 8 bytes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, EVP_BPF_POOL_WORDS / 2);
	__type(key, __u32);
	__type(value, __u64);
} pool SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, EVP_BPF_MAPPINGS);
	__type(key, __u32);
	__type(value, struct evp_bpf_mapping);
} mappings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EVP_BPF_PROCESSES);
	__type(key, __u32);
	__type(value, struct evp_bpf_process);
} processes SEC(".maps");

EVP_WALK_INLINE bool evp_walk_read(struct evp_walk *w, __u64 address, __u64 *ret, __u32 words)
{
	return !bpf_probe_read_user(ret, words * 8, (const void *)address);
}

/* Without bpf_loop not at all: a loop of so many turns costs the verifier too much. */
EVP_WALK_INLINE void evp_walk_loop(__u32 n, long (*fn)(__u32 i, void *arg), void *arg)
{
	if (knobs.has_loop)
		bpf_loop(n, fn, arg, 0);
}

/*
 * The rule of an address as it was found before, for the process in this version: most frames of a
 * sample were in the one before.
 */
struct evp_bpf_known {
	__u64 pc;
	__u32 version, reserved;
	struct evp_unwind_rule rule;
};

#define KNOWN_BITS 9

struct evp_bpf_walker {
	struct evp_walk w;
	struct evp_bpf_mapping m; /* the last one, mostly also the next frame's */
	struct evp_bpf_process process;
	__u64 hash;
	__u32 n;
	__u32 end;
	struct pt_regs regs; /* of user space, where the kernel was interrupted */
	struct evp_bpf_known known[1 << KNOWN_BITS];
	struct evp_bpf_stack stack;
	struct evp_bpf_copy copy;
};

static __always_inline __u64 mix(__u64 h, __u64 v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ULL;
	return h ^ (h >> 32);
}

static __always_inline __u64 pool_cell(__u32 word)
{
	__u32 key = word / 2;
	__u64 *cell = bpf_map_lookup_elem(&pool, &key);

	return cell ? *cell : 0;
}

static __always_inline __u32 pool_word(__u32 word)
{
	return (__u32)(pool_cell(word) >> (word % 2 * 32));
}

/* The process's mapping of this address into b->m; kind EVP_CODE_NONE: there is none. */
static __always_inline void find_mapping(struct evp_bpf_walker *b, __u64 address)
{
	__u32 first = b->process.first, n = b->process.n;
	struct evp_bpf_mapping *m;

	b->m.kind = EVP_CODE_NONE;
	b->m.start = b->m.end = 0;
	/* The last one that begins at or below the address. */
	for (int i = 0; i < EVP_BPF_MAX_SEARCH && n > 1; i++) {
		__u32 half = n / 2, key = first + half;

		m = bpf_map_lookup_elem(&mappings, &key);
		if (!m)
			return;
		if (m->start <= address)
			first = key;
		n -= half;
	}
	m = bpf_map_lookup_elem(&mappings, &first);
	if (m && n && address >= m->start && address < m->end)
		b->m = *m;
}

/* The rule of an address in b->m, a table's mapping. */
static __always_inline void find_rule(const struct evp_bpf_walker *b, __u64 address,
				      struct evp_unwind_rule *ret)
{
	__u64 vaddr = address - b->m.bias, page, *rule = (__u64 *)ret;
	__u64 number = (vaddr >> EVP_UNWIND_PAGE_BITS) - b->m.first_page;
	__u32 low = vaddr & ((1 << EVP_UNWIND_PAGE_BITS) - 1);
	__u32 kib = low >> EVP_UNWIND_INDEX_BITS, block, nrows, row, n, word;

	rule[0] = rule[1] = 0;
	if (number >= b->m.npages)
		return;
	page = pool_cell(b->m.table + (__u32)number * EVP_UNWIND_PAGE_WORDS);
	nrows = page >> 32;
	if (!nrows)
		return;
	block = b->m.table + (__u32)page;
	row = (pool_word(block + kib / 2) >> (kib % 2 * 16)) & 0xffff;
	n = nrows;
	if (kib < EVP_UNWIND_INDEX_COUNT - 1) {
		kib++;
		n = ((pool_word(block + kib / 2) >> (kib % 2 * 16)) & 0xffff) + 1;
	}
	n -= row;
	row += block + EVP_UNWIND_INDEX_WORDS;
	/* The last row at or below the address is among n from `row` on. */
	for (int i = 0; i < EVP_UNWIND_INDEX_BITS + 1 && n > 1; i++) {
		__u32 half = n / 2;
		/* All ones where the row in the middle is not behind the address: no jump to guess. */
		__u64 take = (__s64)((pool_word(row + half) & 0xffff) - (__u64)low - 1) >> 63;

		row += half & (__u32)take;
		n -= half;
	}
	word = b->m.table + b->m.npages * EVP_UNWIND_PAGE_WORDS +
	       (pool_word(row) >> 16) * EVP_UNWIND_RULE_WORDS;
	rule[0] = pool_cell(word);
	rule[1] = pool_cell(word + 2);
}

/* Why a walk that cannot go on here ends; what follows a guess is the guess's fault. */
static __always_inline __u32 ended(const struct evp_bpf_walker *b, __u32 end)
{
	return b->w.guess && end != EVP_WALK_ROOT && end != EVP_WALK_PENDING ? b->w.guess : end;
}

/* The frame's caller by a table's rule. */
static __always_inline __u32 by_rule(struct evp_walk *w, const struct evp_unwind_rule *rule,
				     __u64 *frame)
{
	if (rule->cfa == EVP_CFA_NONE)
		return evp_walk_guess(w, EVP_WALK_NO_TABLE);
	/* A handler returns to the beginning of the code that ends it: nothing called there. */
	if (rule->cfa == EVP_CFA_SIGNAL && !w->exact)
		(*frame)++;
	return evp_walk_step(w, rule);
}

/* The caller of a frame in code without a table. */
static __always_inline __u32 without_rule(struct evp_bpf_walker *b)
{
	switch (b->m.kind) {
	case EVP_CODE_JIT:
		return evp_walk_guess(&b->w, EVP_WALK_BROKEN_CHAIN);
	case EVP_CODE_PENDING:
		if (!b->process.give_up)
			return EVP_WALK_PENDING;
		break;
	}
	return evp_walk_guess(&b->w, EVP_WALK_NO_TABLE);
}

/* There is nothing at `pc`: the walk ends before it, unless it is all there is. */
static __always_inline long nowhere(struct evp_bpf_walker *b, __u32 i, __u64 pc)
{
	b->end = EVP_WALK_PENDING;
	if (b->w.guess || b->process.give_up)
		b->end = ended(b, EVP_WALK_NO_MAPPING);
	if (!i) {
		b->stack.frames[0] = pc;
		b->n = 1;
	}
	return 1;
}

struct turn {
	struct evp_bpf_walker *b;
};

/* One frame. 1: the walk has ended. */
static long walk_frame(__u32 i, void *arg)
{
	struct evp_bpf_walker *b = ((struct turn *)arg)->b;
	__u64 pc = b->w.pc;
	struct evp_bpf_known *k = &b->known[(pc * 0x9e3779b97f4a7c15ULL) >> (64 - KNOWN_BITS)];
	bool known = k->pc == pc && k->version == b->process.version;
	__u32 end;

	if (i >= EVP_BPF_USER_FRAMES)
		return 1;
	if (!known) {
		if (pc < b->m.start || pc >= b->m.end)
			find_mapping(b, pc);
		if (b->m.kind == EVP_CODE_NONE)
			return nowhere(b, i, pc);
		if (b->m.kind == EVP_CODE_TABLE) {
			find_rule(b, pc, &k->rule);
			k->pc = pc;
			k->version = b->process.version;
			known = true;
		}
	}
	b->stack.frames[i] = pc;
	b->n = i + 1;
	end = known ? by_rule(&b->w, &k->rule, &b->stack.frames[i]) : without_rule(b);
	b->hash = mix(b->hash, b->stack.frames[i]);
	if (end == EVP_WALK_GOES_ON)
		return 0;
	b->end = ended(b, end);
	return 1;
}

/* The walk from the registers in b->w on: frames and their number, how it ended. */
static __always_inline void walk(struct evp_bpf_walker *b)
{
	struct turn turn = { b };

	b->n = 0;
	b->end = EVP_WALK_TOO_DEEP;
	b->m.start = b->m.end = 0;
	b->w.guess = 0;
	if (knobs.has_loop) {
		bpf_loop(EVP_BPF_USER_FRAMES, walk_frame, &turn, 0);
		return;
	}
	for (__u32 i = 0; i < EVP_BPF_FEW_FRAMES; i++)
		if (walk_frame(i, &turn))
			return;
}

#endif
