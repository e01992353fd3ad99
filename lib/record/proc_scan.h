/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What /proc says of one process. Every function takes the folder ("/proc/1234" or, in tests, any
 * other) and gives 0 or -errno; -ESRCH or -ENOENT: the process is gone.
 */
#ifndef EVP_RECORD_PROC_SCAN_H
#define EVP_RECORD_PROC_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/mem.h"

struct evp_proc_stat {
	char comm[64];
	pid_t ppid;
	int64_t start_ns; /* since boot, CLOCK_BOOTTIME, in steps of the clock tick */
	uint32_t threads;
	char state; /* 'R', 'S' ... 'Z': this thread has ended */
	bool kernel_thread;
};

/* proc(5), /proc/PID/stat: the name may hold anything, so fields count from the last ')'. */
int evp_proc_read_stat(const char *dir, struct evp_proc_stat *ret);
int evp_proc_parse_stat(const char *text, struct evp_proc_stat *ret); /* -EBADMSG */

/* The number in the innermost pid namespace ("NSpid:" of /proc/PID/status); 0 unknown. */
pid_t evp_proc_read_ns_pid(const char *dir);

/* Target of /proc/PID/exe without " (deleted)"; nothing for kernel threads. Appends to `out`. */
int evp_proc_read_exe(const char *dir, struct evp_str *out);

/*
 * The cgroup: the v2 path unless it is "/", else the longest v1 path ("/" where all are). Appended
 * to `out`. cgroups(7), "/proc/pid/cgroup".
 */
int evp_proc_read_cgroup(const char *dir, struct evp_str *out);
void evp_proc_parse_cgroup(const char *text, struct evp_str *out);

struct evp_proc_map { /* one executable line of /proc/PID/maps */
	uint64_t start, end, pgoff, inode;
	uint32_t dev_major, dev_minor;
	const char *name; /* "" anonymous; dies with the call */
};

/*
 * Calls fn for every executable mapping, in order of address, until it returns nonzero, which is
 * then the result. At most 64 MiB of text is read.
 */
int evp_proc_read_maps(const char *dir, int (*fn)(void *arg, const struct evp_proc_map *map),
		       void *arg);
/* One line, NUL-terminated, cut apart in place: 1 executable, 0 not, -EBADMSG. */
int evp_proc_parse_map(char *line, struct evp_proc_map *ret);

#endif
