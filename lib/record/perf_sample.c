// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/perf_sample.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "record/sideband.h"

#define USER_HALF ((uint64_t)PERF_SAMPLE_REGS_USER | PERF_SAMPLE_STACK_USER)

#if defined(__x86_64__)

#include <asm/perf_regs.h>

#define PC PERF_REG_X86_IP

/* By DWARF number: the number that perf gives the register. */
static const uint8_t perf_reg[] = {
	PERF_REG_X86_AX,  PERF_REG_X86_DX,  PERF_REG_X86_CX,  PERF_REG_X86_BX,
	PERF_REG_X86_SI,  PERF_REG_X86_DI,  PERF_REG_X86_BP,  PERF_REG_X86_SP,
	PERF_REG_X86_R8,  PERF_REG_X86_R9,  PERF_REG_X86_R10, PERF_REG_X86_R11,
	PERF_REG_X86_R12, PERF_REG_X86_R13, PERF_REG_X86_R14, PERF_REG_X86_R15,
};

_Static_assert(sizeof(perf_reg) == EVP_REGS, "a place for every register");

#else

#define PC 0

static const uint8_t perf_reg[1];

#endif

bool evp_perf_sample_has_regs(void)
{
	return EVP_ARRAY_SIZE(perf_reg) > 1;
}

static uint64_t regs_mask(void)
{
	uint64_t mask = 1ULL << PC;
	size_t i;

	for (i = 0; i < EVP_ARRAY_SIZE(perf_reg); i++)
		mask |= 1ULL << perf_reg[i];
	return mask;
}

void evp_perf_sample_ask(struct perf_event_attr *attr, bool user, bool kernel, uint32_t copy_bytes)
{
	attr->sample_type = EVP_SB_SAMPLE_TYPE | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_CGROUP;
	attr->sample_id_all = 1;
	attr->cgroup = 1;
	/* Half a stack is left away, not the time that was spent there. */
	attr->exclude_callchain_kernel = !kernel;
	attr->exclude_callchain_user = 1;
	if (!user)
		return;
	attr->sample_type |= USER_HALF;
	attr->sample_regs_user = regs_mask();
	attr->sample_stack_user = copy_bytes;
}

bool evp_perf_sample_ask_no_user(struct perf_event_attr *attr)
{
	bool asked = attr->sample_type & USER_HALF;

	attr->sample_type &= ~USER_HALF;
	attr->sample_regs_user = 0;
	attr->sample_stack_user = 0;
	return asked;
}

/* ---- reading ---- */

/* 8-byte words of a record, `n` of them left. */
struct words {
	const uint64_t *at;
	size_t n;
};

/* The next `n` words, or NULL: there are not so many. */
static const uint64_t *take(struct words *w, uint64_t n)
{
	const uint64_t *at = w->at;

	if (n > w->n)
		return NULL;
	w->at += n;
	w->n -= n;
	return at;
}

/* The frames behind PERF_CONTEXT_KERNEL, up to another context's marker. */
static void kernel_half(const uint64_t *ip, uint64_t n, struct evp_perf_sample *ret)
{
	uint64_t from = 0, to;

	while (from < n && ip[from] != (uint64_t)PERF_CONTEXT_KERNEL)
		from++;
	if (from == n)
		return;
	for (to = ++from; to < n && ip[to] < (uint64_t)PERF_CONTEXT_MAX; to++)
		;
	ret->kernel = ip + from;
	ret->nkernel = (uint32_t)(to - from);
}

/* Values come in the order of perf's numbers, those asked for only. */
static uint64_t reg_value(const uint64_t *value, uint64_t mask, unsigned int number)
{
	return value[__builtin_popcountll(mask & ((1ULL << number) - 1))];
}

static int read_regs(struct words *w, struct evp_perf_sample *ret)
{
	const uint64_t *abi = take(w, 1), *value;
	uint64_t mask = regs_mask();
	size_t i;

	if (!abi)
		return -EBADMSG;
	if (*abi == PERF_SAMPLE_REGS_ABI_NONE) { /* past its own exit, or a kernel thread */
		ret->user = EVP_WALK_EXITING;
		return 0;
	}
	value = take(w, (uint64_t)__builtin_popcountll(mask));
	if (!value)
		return -EBADMSG;
	ret->user = *abi == PERF_SAMPLE_REGS_ABI_64 ? EVP_WALK_GOES_ON : EVP_WALK_32BIT;
	ret->regs.pc = reg_value(value, mask, PC);
	for (i = 0; i < EVP_ARRAY_SIZE(perf_reg); i++)
		ret->regs.reg[i] = reg_value(value, mask, perf_reg[i]);
	return 0;
}

/* A size, so many bytes, and behind them how many of those the kernel could read. */
static int read_copy(struct words *w, struct evp_perf_sample *ret)
{
	const uint64_t *size = take(w, 1), *bytes, *copied;

	if (!size)
		return -EBADMSG;
	if (!*size)
		return 0;
	bytes = *size % 8 ? NULL : take(w, *size / 8);
	copied = bytes ? take(w, 1) : NULL;
	if (!copied || *copied > *size)
		return -EBADMSG;
	ret->copy = bytes;
	ret->copy_len = (uint32_t)*copied;
	return 0;
}

int evp_perf_sample_read(const struct perf_event_attr *attr, const struct perf_event_header *record,
			 struct evp_perf_sample *ret)
{
	struct words w = { (const void *)(record + 1),
			   (record->size - sizeof(*record)) / sizeof(uint64_t) };
	const uint64_t *head, *ip, *cgroup;
	struct evp_perf_sample s = { .user = EVP_WALK_ROOT };

	if (record->size < sizeof(*record))
		return -EBADMSG;
	head = take(&w, 4); /* pid and tid, time, cpu, the number of what follows */
	ip = head ? take(&w, head[3]) : NULL;
	if (!ip || head[1] > INT64_MAX)
		return -EBADMSG;
	memcpy(&s.pid, head, sizeof(s.pid));
	memcpy(&s.tid, (const char *)head + sizeof(s.pid), sizeof(s.tid));
	s.time_ns = (int64_t)head[1];
	memcpy(&s.cpu, &head[2], sizeof(s.cpu));
	kernel_half(ip, head[3], &s);
	if ((attr->sample_type & USER_HALF) && (read_regs(&w, &s) || read_copy(&w, &s)))
		return -EBADMSG;
	if (attr->sample_type & PERF_SAMPLE_CGROUP) {
		cgroup = take(&w, 1);
		if (!cgroup)
			return -EBADMSG;
		s.cgroup_id = *cgroup;
	}
	*ret = s;
	return 0;
}
