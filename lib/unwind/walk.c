// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/walk.h"

#include <string.h>

#define EVP_WALK_INLINE static inline
#include "../bpf/walk.h"

/* Farther than this above the stack pointer nothing is the same stack. */
#define STACK_REACH (64u << 20)
/* What user space may map, less the first pages, which nobody maps. */
#define USER_BEGIN (1u << 16)
#define USER_END   ((uint64_t)1 << 56)

struct walker {
	struct evp_walk w; /* first: evp_walk_read finds the rest by it */
	const struct evp_walk_in *in;
	bool past_copy; /* a read failed because the copy ended before it */
	struct evp_code code;
};

static inline bool read_copy(const struct evp_walk_copy *c, uint64_t address, void *ret, size_t len)
{
	uint64_t at = address - c->at;

	if (len > c->len || at > c->len - len)
		return false;
	memcpy(ret, (const char *)c->bytes + at, len);
	return true;
}

EVP_WALK_INLINE bool evp_walk_read(struct evp_walk *w, __u64 address, __u64 *ret, __u32 words)
{
	struct walker *k = (struct walker *)w;
	size_t len = words * sizeof(*ret);

	if (read_copy(&k->in->stack, address, ret, len) ||
	    read_copy(&k->in->other, address, ret, len))
		return true;
	/* Rules lead from signal handlers and Go's system stacks to other stacks; a guess does not. */
	k->past_copy = address - k->in->stack.at < STACK_REACH ||
		       (!w->guess && address >= USER_BEGIN && address < USER_END);
	return false;
}

EVP_WALK_INLINE void evp_walk_loop(__u32 n, long (*fn)(__u32 i, void *arg), void *arg)
{
	for (__u32 i = 0; i < n && !fn(i, arg); i++)
		;
}

static enum evp_walk_end step(struct walker *k, uint64_t *frame)
{
	const struct evp_unwind_rule *rule;

	switch (k->code.kind) {
	case EVP_CODE_TABLE:
		rule = evp_unwind_table_find(k->code.table, k->w.pc - k->code.bias);
		if (!rule || rule->cfa == EVP_CFA_NONE)
			return evp_walk_guess(&k->w, EVP_WALK_NO_TABLE);
		if (rule->cfa == EVP_CFA_SIGNAL && !k->w.exact)
			(*frame)++; /* its beginning: a handler returns there, nothing called it */
		return evp_walk_step(&k->w, rule);
	case EVP_CODE_JIT:
		return evp_walk_guess(&k->w, EVP_WALK_BROKEN_CHAIN);
	default:
		return evp_walk_guess(&k->w, EVP_WALK_NO_TABLE);
	}
}

/* A copy that was too short explains more than what the walk was about to do there. */
static enum evp_walk_end ended(const struct walker *k, enum evp_walk_end end)
{
	if (end == EVP_WALK_BAD_ADDRESS && k->past_copy)
		return EVP_WALK_NOT_COPIED;
	return k->w.guess ? (enum evp_walk_end)k->w.guess : end;
}

enum evp_walk_end evp_walk(const struct evp_walk_in *in, uint64_t *frame, size_t max, size_t *ret_n)
{
	struct walker k = { .in = in };
	enum evp_walk_end end = EVP_WALK_TOO_DEEP;
	size_t n = 0;

	k.w.pc = in->regs.pc;
	memcpy(k.w.reg, in->regs.reg, sizeof(k.w.reg));
	evp_walk_set_exact(&k.w);
	while (n < max) {
		uint64_t pc = k.w.pc;

		if (pc < k.code.start || pc >= k.code.end)
			in->find(in->arg, pc, &k.code);
		if (k.code.kind == EVP_CODE_NONE) {
			if (!n)
				frame[n++] = pc;
			end = ended(&k, EVP_WALK_NO_MAPPING);
			break;
		}
		frame[n] = pc;
		end = step(&k, &frame[n++]);
		if (end == EVP_WALK_ROOT)
			break;
		if (end != EVP_WALK_GOES_ON) {
			end = ended(&k, end);
			break;
		}
		end = EVP_WALK_TOO_DEEP;
	}
	*ret_n = n;
	return end;
}

const char *evp_walk_reason(enum evp_walk_end end)
{
	static const char *const reasons[] = {
		[EVP_WALK_TOO_DEEP] = "too-deep",
		[EVP_WALK_NO_TABLE] = "no-table",
		[EVP_WALK_NO_MAPPING] = "no-mapping",
		[EVP_WALK_BAD_ADDRESS] = "bad-address",
		[EVP_WALK_NO_RULE] = "no-rule",
		[EVP_WALK_BROKEN_CHAIN] = "broken-chain",
		[EVP_WALK_32BIT] = "32-bit",
		[EVP_WALK_NO_REGS] = "no-registers",
		[EVP_WALK_EXEC] = "exec",
		[EVP_WALK_EXITING] = "exiting",
		[EVP_WALK_NOT_COPIED] = "not-copied",
		[EVP_WALK_REMAPPED] = "remapped",
		[EVP_WALK_PENDING] = "not-copied",
	};

	return (size_t)end < sizeof(reasons) / sizeof(*reasons) ? reasons[end] : "unknown";
}
