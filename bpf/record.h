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

#define EVP_BPF_HALF_FRAMES  127 /* of one half: the kernel's default perf_event_max_stack */
#define EVP_BPF_GLOBAL_PID   0x80000000u /* in a key of targets: no number of the recorder's */
#define EVP_BPF_SEEN_SLOTS   65536
#define EVP_BPF_CGROUP_DEPTH 64 /* levels of the cgroup tree looked at by a -G filter */
#define EVP_BPF_ANCESTORS    8 /* generations looked at for a selected one, once there was no room */

enum evp_bpf_kind {
	EVP_BPF_SAMPLE = 1,
	EVP_BPF_STACK = 2,
};

struct evp_bpf_sample {
	__u32 kind, cpu;
	__u64 hash;
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 period_ns;
	__u64 cgroup_id;
	__u64 start_ns; /* of the process, CLOCK_BOOTTIME */
	__u32 pid, tid;
	char comm[16];
};

struct evp_bpf_stack {
	__u32 kind;
	__u16 nkernel, nuser;
	__u64 hash;
	/* Kernel frames, then user frames, both leaf first; only what is used is sent. */
	__u64 frames[2 * (EVP_BPF_HALF_FRAMES + 1)];
};

/* One per CPU; they only ever grow. */
struct evp_bpf_counters {
	__u64 runs, run_ns;  /* times the program ran, and for how long by its own clock */
	__u64 samples;	     /* delivered */
	__u64 ring_full;     /* samples lost because the ring had no room */
	__u64 stack_missing; /* samples lost because there was no room for their frames */
	__u64 not_followed;  /* samples lost because there was no room for one more process */
	__u64 foreign;	     /* not samples of ours: a pid that our pid namespace cannot name */
};

/* Set between open and load. */
struct evp_bpf_knobs {
	__u64 seed;		    /* of the hash: nobody outside can aim at a collision */
	__u64 pidns_dev, pidns_ino; /* the recorder's pid namespace; 0: the initial one */
	__u64 since_ns;		    /* CLOCK_BOOTTIME: children from now on are followed */
	__u32 wake_bytes;	    /* wake the reader when the ring holds this much */
	__u8 all, user, kernel, by_pid, by_cgroup;
};

#endif
