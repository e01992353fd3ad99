/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One ring of perf events: perf_event_open(2), the shared pages behind it, and reading records
 * out of them. The format is the kernel's (linux/perf_event.h, perf_event_open(2)).
 *
 *	fd = evp_perf_open(&attr, -1, cpu, -1, 0);
 *	evp_perf_ring_map(&ring, fd, 128 << 10, &err);
 *	while (evp_perf_ring_next(&ring, &record) > 0)
 *		... record->type, record->size bytes ...
 *	evp_perf_ring_release(&ring);
 *
 * A record is valid until the next call; the kernel gets its space back with the next call too.
 * Sizes in the ring are checked: a record that cannot be (shorter than its header, longer than
 * what is there) empties the ring and is reported, so that nobody can make a reader loop.
 */
#ifndef EVP_RECORD_PERF_RING_H
#define EVP_RECORD_PERF_RING_H

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* perf_event_open(2), the fd close-on-exec; sets attr->size. The fd, or -errno. EINTR is retried. */
int evp_perf_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group_fd,
		  unsigned long flags);
/* Whether the kernel opens such an event of this process itself: 0, or -errno. */
int evp_perf_try(struct perf_event_attr *attr);

struct evp_perf_ring {
	int fd;				   /* not owned */
	struct perf_event_mmap_page *page; /* NULL: not mapped */
	uint8_t *data;
	size_t data_bytes; /* a power of two */
	uint64_t next;	   /* where the next record starts */
	uint64_t head;	   /* how far the kernel was when last looked */
	uint8_t *wrapped;  /* a record that crosses the end is put together here, 64 KiB */
};

/*
 * Maps a ring of `bytes` (rounded up to a power of two pages) behind fd. Where the user's locked
 * memory does not suffice (kernel.perf_event_mlock_kb) smaller ones are tried down to 8 pages.
 */
int evp_perf_ring_map(struct evp_perf_ring *ring, int fd, size_t bytes, struct evp_err *err);

/*
 * 1 and the next record; 0: no more now; -EBADMSG: damaged, everything there was thrown away.
 */
int evp_perf_ring_next(struct evp_perf_ring *ring, const struct perf_event_header **ret_record);

/* The record handed out last comes again next time. */
void evp_perf_ring_put_back(struct evp_perf_ring *ring, const struct perf_event_header *record);

void evp_perf_ring_release(struct evp_perf_ring *ring); /* a zeroed one too; does not close fd */

#endif
