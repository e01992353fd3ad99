/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sampler: something that interrupts CPUs at a rate and says who ran what. There are two, over
 * BPF and over perf_event_open rings; the rest of the recorder cannot tell them apart.
 *
 * Stacks come apart from samples: the addresses of a stack are delivered once per hash, before the
 * first sample that names it, and may be delivered again. Times are CLOCK_MONOTONIC nanoseconds.
 */
#ifndef EVP_RECORD_SAMPLER_H
#define EVP_RECORD_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "record/targets.h"
#include "unwind/walk.h"

/*
 * Kernel frames: the leaf as sampled, the others are return addresses. User frames: of each an
 * address inside the instruction that was going on (a call's return address - 1). Leaf first.
 *
 * Where `regs` is set the user half is still to be walked: by these registers and copies of memory
 * as struct evp_walk_in wants them. Such a stack belongs to one sample.
 */
struct evp_raw_stack {
	uint64_t hash;
	const uint64_t *kernel, *user;
	uint32_t nkernel, nuser;
	bool kernel_cut;       /* the kernel half did not fit */
	enum evp_walk_end end; /* of the user half; GOES_ON: there is none */
	const struct evp_user_regs *regs;
	struct evp_walk_copy copy, other;
};

struct evp_raw_sample {
	uint64_t stack_hash;
	int64_t time_ns;    /* CLOCK_MONOTONIC */
	int64_t period_ns;  /* what this sample stands for */
	uint64_t cgroup_id; /* cgroup v2 inode; 0 unknown */
	int64_t start_ns;   /* of the process, CLOCK_BOOTTIME; 0 unknown */
	pid_t pid, tid;	    /* in the recorder's pid namespace */
	uint32_t cpu;
	uint32_t global_pid, exec_id; /* BPF's: what evp_bpf_tables knows the process by */
	char comm[16];		      /* of the thread */
};

struct evp_sampler_sink {
	void *arg;
	void (*stack)(void *arg, const struct evp_raw_stack *stack);
	void (*sample)(void *arg, const struct evp_raw_sample *sample);
	/* n samples around time_ns that could not be delivered; reason "ring-full", "stack-missing"... */
	void (*loss)(void *arg, int64_t time_ns, const char *reason, uint64_t n);
};

struct evp_sampler_opts {
	int64_t period_ns; /* of CPU time between samples */
	bool user, kernel; /* which halves of the stacks */
	bool all;	   /* the whole machine; else only what follows */
	const pid_t *pids; /* these, every thread, and children from now on */
	uint32_t npids;
	const struct evp_target_thread *threads; /* just these, and processes that they start */
	uint32_t nthreads;
	const uint64_t *cgroup_ids; /* and below */
	uint32_t ncgroups;
	uint32_t max_procs;  /* BPF: selected at once, children too; 0: 32768. The rest is loss */
	uint32_t ring_bytes; /* what waits to be drained; a power of two; 0: a second's worth */
};

struct evp_sampler;
struct evp_bpf_tables;

struct evp_sampler_ops {
	const char *name; /* "bpf", "perf" */
	/* Opens everything, samples nothing yet. -errno with the exact hint in err. */
	int (*open)(struct evp_sampler **ret, const struct evp_sampler_opts *opts,
		    struct evp_err *err);
	int (*start)(struct evp_sampler *s, struct evp_err *err);
	int (*stop)(struct evp_sampler
			    *s); /* no new samples; what is in the rings can still be drained */
	/*
	 * Another period from now on; samples still to be drained keep theirs. At most one change
	 * between two drains. -ENOTSUP: this sampler cannot. May be NULL.
	 */
	int (*set_period)(struct evp_sampler *s, int64_t period_ns);
	/* Delivers what is there now, in no order across CPUs. */
	int (*drain)(struct evp_sampler *s, const struct evp_sampler_sink *sink);
	/* A selected process had a child, then: the sampler may need to follow it. May be NULL. */
	int (*follow)(struct evp_sampler *s, pid_t pid, int64_t forked_ns);
	/* The core dropped the stacks it has: deliver each again. NULL: every one always comes anew. */
	void (*forget)(struct evp_sampler *s);
	/* What its walks go by, to be filled by the core. NULL: it never walks, it sends copies. */
	struct evp_bpf_tables *(*tables)(struct evp_sampler *s);
	/* An fd that is readable (or hung up) when a drain should not wait for the timer; -1 none. */
	int (*poll_fd)(struct evp_sampler *s);
	uint64_t (*kernel_cost_ns)(
		struct evp_sampler *s); /* time spent inside BPF so far; 0 unknown */
	void (*close)(struct evp_sampler *s);
};

extern const struct evp_sampler_ops evp_sampler_bpf, evp_sampler_perf;

#endif
