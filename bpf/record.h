/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What record.bpf.c and lib/record/sampler_bpf.c share: the records of the ring, counters, knobs.
 * Native byte order and alignment; it never leaves the machine.
 *
 * A stack's frames go through the ring once per hash and generation, before the first sample that
 * names them; user space raises the generation when it has forgotten the frames.
 */
#ifndef EVP_BPF_RECORD_H
#define EVP_BPF_RECORD_H

#include "unwind.h"

#define EVP_BPF_KERNEL_FRAMES 127 /* the kernel's default perf_event_max_stack */
#define EVP_BPF_USER_FRAMES   1024
#define EVP_BPF_FEW_FRAMES    64
#define EVP_BPF_COPY_BYTES    65536	  /* of a user stack that user space is to walk */
#define EVP_BPF_OTHER_BYTES   32768	  /* of another one that it leads to */
#define EVP_BPF_GLOBAL_PID    0x80000000u /* in a key of targets: no number of the recorder's */
#define EVP_BPF_THREAD	      0x40000000u /* ...: of one thread, not of a process */
#define EVP_BPF_SEEN_SLOTS    65536
#define EVP_BPF_CGROUP_DEPTH  64 /* levels of the cgroup tree looked at by a -G filter */
#define EVP_BPF_ANCESTORS     8 /* generations looked at for a selected one, once there was no room */
#define EVP_BPF_POOL_WORDS    (4u << 20) /* 16 MiB of unwind tables */
#define EVP_BPF_MAPPINGS      32768
#define EVP_BPF_PROCESSES     8192
#define EVP_BPF_MAX_SEARCH    14 /* steps: so many mappings of a process, 2^14, are looked at */

enum evp_bpf_kind {
	EVP_BPF_SAMPLE = 1,
	EVP_BPF_STACK = 2,
	EVP_BPF_COPY = 3,
};

struct evp_bpf_sample {
	__u32 kind, cpu;
	__u64 hash;
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 cgroup_id;
	__u64 start_ns; /* of the process, CLOCK_BOOTTIME */
	__u32 pid, tid;
	__u32 global_pid; /* in the initial pid namespace: the key of `processes` */
	__u32 exec_id;	  /* raised by every exec */
	char comm[16];
};

struct evp_bpf_stack {
	__u32 kind;
	__u16 nuser, nkernel;
	__u64 hash;
	__u32 end; /* enum evp_walk_end of the user half */
	__u32 reserved;
	/* User frames, then kernel frames, both leaf first; only what is used is sent. */
	__u64 frames[EVP_BPF_USER_FRAMES + EVP_BPF_KERNEL_FRAMES + 1];
};

/* Instead of a stack, where its user half cannot be walked here yet. For one sample. */
struct evp_bpf_copy {
	__u32 kind;
	__u32 nkernel;
	__u64 hash;
	__u64 pc, reg[16]; /* as in struct evp_user_regs */
	__u64 other;	   /* address of the other stack's part */
	__u32 len;	   /* bytes from the stack pointer on; the rest are the other stack's */
	__u32 reserved;
	__u64 kernel[EVP_BPF_KERNEL_FRAMES + 1];
	__u8 bytes[EVP_BPF_COPY_BYTES + EVP_BPF_OTHER_BYTES]; /* only what is used is sent */
};

/* What may be executed where. Sorted by address in a process's part of `mappings`. */
struct evp_bpf_mapping {
	__u64 start, end;
	__u64 bias;  /* ELF virtual address = run-time address - bias */
	__u32 table; /* word in the pool where the table begins: its pages, then its rules */
	__u32 first_page, npages; /* a mapping may be larger than what its table knows of */
	__u16 kind;		  /* enum evp_code_kind */
	__u16 number;		  /* user space's of the table; 0 none */
};

struct evp_bpf_process {
	__u64 start_ns;
	__u32 exec_id;
	__u32 first, n; /* its part of `mappings` */
	__u32 give_up;	/* what is unknown stays unknown: do not ask again */
	__u32 version;	/* of its mappings and their tables, unlike any other's; not 0 */
	__u32 reserved;
};

/* One per CPU; they only ever grow. */
struct evp_bpf_counters {
	__u64 run_ns;	     /* spent in the program, by its own clock */
	__u64 ring_full;     /* samples lost because the ring had no room */
	__u64 stack_missing; /* samples lost because there was no room for their frames */
	__u64 not_followed;  /* samples lost because there was no room for one more process */
};

/* Set between open and load. */
struct evp_bpf_knobs {
	__u64 seed;		    /* of the hash: nobody outside can aim at a collision */
	__u64 pidns_dev, pidns_ino; /* the recorder's pid namespace; 0: the initial one */
	__u64 since_ns;		    /* CLOCK_BOOTTIME: children from now on are followed */
	__u32 wake_bytes;	    /* wake the reader when the ring holds this much */
	__u32 copy_bytes;	    /* a ring that holds this much takes no copies any more */
	__u32 copy_wake_ns;	    /* and when a copy was sent, not sooner than this again */
	__u8 all, user, kernel, by_pid, by_tid, by_cgroup;
	__u8 has_loop;	  /* bpf_loop (5.17); without it walks end after EVP_BPF_FEW_FRAMES */
	__u8 has_pt_regs; /* bpf_task_pt_regs (5.15); without it no user half under the kernel's */
};

#endif
