/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What BPF programs here need to know of the kernel, and nothing else, so that the build needs
 * neither kernel headers nor a running kernel's type information.
 *
 * Structs marked CORE name only the members that are read; libbpf finds their real offsets in the
 * running kernel when the program is loaded. Constants are uapi and never change.
 */
#ifndef EVP_BPF_KERNEL_H
#define EVP_BPF_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef signed short __s16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed int __s32;
typedef signed long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

#define true 1
#define false 0

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
};

enum {
	BPF_F_MMAPABLE = 1 << 10,
};

enum {
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
};

enum {
	BPF_RB_AVAIL_DATA = 0,
};

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define CORE __attribute__((preserve_access_index))

/* The context of a perf_event program: the interrupted registers, then the period. uapi. */
#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs,
		flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct pt_regs { /* user_pt_regs */
	__u64 regs[31], sp, pc, pstate;
};
#else
#error "no register layout for this architecture"
#endif

struct bpf_perf_event_data {
	struct pt_regs regs;
	__u64 sample_period;
	__u64 addr;
};

struct bpf_pidns_info {
	__u32 pid, tgid;
};

struct task_struct {
	__s32 pid, tgid;
	__u32 flags;
	__u64 self_exec_id;
	__u64 start_boottime;		      /* nanoseconds, CLOCK_BOOTTIME */
	unsigned long sas_ss_sp, sas_ss_size; /* sigaltstack */
	struct task_struct *group_leader, *real_parent;
} CORE;

#endif
