/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The side band: what happens to processes and mappings while samples are taken. One perf dummy
 * event on every online CPU tells of executable mappings (device and inode), exec, renames, fork,
 * exit, kernel symbols that come and go, and new cgroups; no kprobe and no tracefs is needed.
 *
 * Life cycle: open it *before* scanning /proc, then drain it whenever evp_sideband_fd() is
 * readable, and when something held back may be due:
 *
 *	evp_sideband_open(&sb, &(struct evp_sideband_opts){ .all = true }, &err);
 *	... scan /proc ...
 *	evp_sideband_drain(sb, now_ns - hold_back_ns, on_event, arg);
 *	evp_sideband_close(sb);
 *
 * Events come in order of time over all CPUs, each older than the bound given. The kernel wakes a
 * reader at every event, or when a ring has filled up as far as the options say.
 * What a full ring or the bound on memory drops is an EVP_SB_LOST event: rescan /proc then.
 *
 * There is no munmap event, so the newest overlapping mapping wins. Times are CLOCK_MONOTONIC.
 */
#ifndef EVP_RECORD_SIDEBAND_H
#define EVP_RECORD_SIDEBAND_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum evp_sideband_type {
	EVP_SB_MMAP,	/* an executable mapping: addr, len, pgoff, prot, flags, file */
	EVP_SB_COMM,	/* comm is the thread's new name; is_exec: by execve */
	EVP_SB_FORK,	/* pid/tid is new, from ppid/ptid; pid == ppid: a thread */
	EVP_SB_EXIT,	/* thread tid is gone; pid == tid says the leader, maybe before others */
	EVP_SB_KSYMBOL, /* a piece of kernel text came (or is_unregister: went): addr, len, name */
	EVP_SB_CGROUP,	/* a new cgroup: cgroup_id, name is its path from the hierarchy's root */
	EVP_SB_LOST,	/* `lost` events did not make it */
};

#define EVP_SB_RING_BYTES (256u << 10) /* a CPU, unless the options say */

struct evp_sideband_event {
	enum evp_sideband_type type;
	int64_t time_ns;
	uint32_t cpu;
	pid_t pid, tid;	      /* 0 where the event has none; -1: outside our pid namespace */
	pid_t ppid, ptid;     /* fork, exit */
	uint64_t addr, len;   /* mmap, ksymbol */
	uint64_t pgoff;	      /* mmap: file offset in bytes */
	uint32_t prot, flags; /* mmap: PROT_*, MAP_* */
	uint32_t dev_major, dev_minor;
	uint64_t inode, inode_generation; /* mmap, else 0 */
	/*
	 * mmap: the file, or "//anon", "[vdso]", "[heap]", "/memfd:x (deleted)"; comm: the name;
	 * ksymbol: the symbol; cgroup: the path; else "". NUL-terminated, dies with the call.
	 */
	const char *name;
	uint32_t name_len;
	bool is_exec;	    /* comm */
	bool is_bpf;	    /* ksymbol: a BPF program or trampoline */
	bool is_unregister; /* ksymbol */
	uint64_t cgroup_id;
	uint64_t lost;
};

/* What the kernel agreed to. Asked for all; older kernels get less, attribute by attribute. */
enum {
	EVP_SB_HAS_CGROUP = 1,
	EVP_SB_HAS_KSYMBOL = 2,
	EVP_SB_HAS_COMM_EXEC = 4,
	EVP_SB_SYSTEM_WIDE = 8,
};

struct evp_sideband_opts {
	/*
	 * Everybody. If that is denied, only `pids` and their children are followed, without pids
	 * every process of this user, and no error is made of it: look at evp_sideband_features().
	 * Without `all` and without pids: -EINVAL.
	 */
	bool all;
	const pid_t *pids;
	size_t npids;
	size_t ring_bytes;  /* a CPU; 0: EVP_SB_RING_BYTES */
	size_t queue_bytes; /* held back at most, all CPUs; 0: 16 MiB */
	/*
	 * Wake the reader when a ring holds this much; 0: at every event. Each wake-up costs the
	 * process that caused the event, so who looks now and then anyway says half a ring.
	 */
	size_t wake_bytes;
};

struct evp_sideband;
typedef void (*evp_sideband_fn)(void *arg, const struct evp_sideband_event *event);

/* Opens and starts it. -EACCES or -EPERM with the sysctl or capability that helps in err. */
int evp_sideband_open(struct evp_sideband **ret, const struct evp_sideband_opts *opts,
		      struct evp_err *err);
unsigned int evp_sideband_features(const struct evp_sideband *sb);

/* An epoll fd over all rings, to be polled for POLLIN. Draining makes it quiet again. */
int evp_sideband_fd(const struct evp_sideband *sb);

/*
 * Reads all rings, delivers nothing yet: for who is busy otherwise, so that none fills up. The
 * function that events are delivered to may call this too.
 */
void evp_sideband_read(struct evp_sideband *sb);
/* Reads all rings, delivers what is older than before_ns (INT64_MAX: everything). 0 or -errno. */
int evp_sideband_drain(struct evp_sideband *sb, int64_t before_ns, evp_sideband_fn fn, void *arg);
void evp_sideband_close(struct evp_sideband *sb); /* NULL too */

/* The trailer that sample_id_all puts behind every record: these, in this order. */
#define EVP_SB_SAMPLE_TYPE (PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU)

/*
 * One record, `len` bytes of it at hand, to an event; name points into `record`. 0; -ENOENT: a
 * type that is of no interest; -EBADMSG: sizes that cannot be, or a string without its end.
 */
int evp_sideband_decode(const void *record, size_t len, struct evp_sideband_event *ret_event);

#endif
