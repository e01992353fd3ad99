/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a sample of ours lies in a perf ring: what perf_event_open(2) is asked for, and reading it
 * back. The user half of a stack comes as registers and a copy of the stack from its pointer on,
 * because the kernel could follow frame pointers only.
 */
#ifndef EVP_RECORD_PERF_SAMPLE_H
#define EVP_RECORD_PERF_SAMPLE_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "unwind/walk.h"

/*
 * Bytes of the stack in each sample; a copy that ends before the stack does makes a cut one. The
 * kernel takes that room in the ring even where it copies less. A record has 64 KiB at most.
 */
#define EVP_PERF_COPY_BYTES	(60u << 10)
#define EVP_PERF_COPY_BYTES_MIN (4u << 10)

/* Of a sample beside its copy at most: the header, 127 kernel frames, registers. */
#define EVP_PERF_SAMPLE_REST 2048u

struct evp_perf_sample {
	pid_t pid, tid;
	uint32_t cpu;
	int64_t time_ns;
	uint64_t cgroup_id;	/* 0: not told */
	const uint64_t *kernel; /* leaf first; in the record */
	uint32_t nkernel;
	/*
	 * GOES_ON: regs and copy are there; 32BIT: regs.pc alone; ROOT: there is no user half;
	 * EXITING: none any more, or this is a kernel thread.
	 */
	enum evp_walk_end user;
	struct evp_user_regs regs;
	const void *copy; /* in the record; 8-byte aligned */
	uint32_t copy_len;
};

/* Whether this program knows the registers of this machine. */
bool evp_perf_sample_has_regs(void);

/* Sets in attr what makes samples of this layout. */
void evp_perf_sample_ask(struct perf_event_attr *attr, bool user, bool kernel, uint32_t copy_bytes);
/* Takes the user half back, for a kernel that refuses it. False: it was not asked for. */
bool evp_perf_sample_ask_no_user(struct perf_event_attr *attr);

/*
 * A PERF_RECORD_SAMPLE, 8-byte aligned, record->size bytes of it at hand, of an event that attr
 * opened. 0 or -EBADMSG: its counts do not fit its size.
 */
int evp_perf_sample_read(const struct perf_event_attr *attr, const struct perf_event_header *record,
			 struct evp_perf_sample *ret);

#endif
