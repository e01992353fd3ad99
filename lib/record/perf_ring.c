// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/perf_ring.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RECORD_MAX (64u << 10) /* size is 16 bits */
#define PAGES_MIN  8

int evp_perf_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group_fd,
		  unsigned long flags)
{
	long fd;

	attr->size = sizeof(*attr);
	do {
		fd = syscall(SYS_perf_event_open, attr, pid, cpu, group_fd,
			     flags | PERF_FLAG_FD_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : (int)fd;
}

int evp_perf_try(struct perf_event_attr *attr)
{
	int fd = evp_perf_open(attr, 0, -1, -1, 0);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

/* -ENOBUFS, not -EPERM: the event itself is permitted. */
static int fail_map(int code, size_t bytes, struct evp_err *err)
{
	if (code == EPERM)
		return evp_fail(err, ENOBUFS,
				"no %zu KiB of locked memory left for a perf ring: raise "
				"kernel.perf_event_mlock_kb or 'ulimit -l', or add cap_ipc_lock",
				bytes >> 10);
	return evp_fail_errno(err, code, "cannot map a perf ring of %zu KiB", bytes >> 10);
}

int evp_perf_ring_map(struct evp_perf_ring *ring, int fd, size_t bytes, struct evp_err *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = PAGES_MIN;
	void *map;
	int rc;

	while (pages * page < bytes && pages < (1u << 20))
		pages *= 2;
	*ring = (struct evp_perf_ring){ .fd = fd };
	ring->wrapped = malloc(RECORD_MAX);
	if (!ring->wrapped)
		return evp_fail_oom(err);
	for (;; pages /= 2) {
		map = mmap(NULL, (1 + pages) * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED)
			break;
		/* EPERM is the limit on locked memory, ENOMEM too large a piece. */
		if (pages > PAGES_MIN && (errno == EPERM || errno == ENOMEM))
			continue;
		rc = fail_map(errno, pages * page, err);
		free(ring->wrapped);
		*ring = (struct evp_perf_ring){ 0 };
		return rc;
	}
	ring->page = map;
	ring->data = (uint8_t *)map + page;
	ring->data_bytes = pages * page;
	ring->next = ring->head = ring->page->data_tail;
	return 0;
}

/* The header may cross the end as well, though the kernel aligns records so that it does not. */
static void copy_out(const struct evp_perf_ring *ring, uint64_t at, void *to, size_t len)
{
	size_t offset = at & (ring->data_bytes - 1), first = ring->data_bytes - offset;

	if (first > len)
		first = len;
	memcpy(to, ring->data + offset, first);
	memcpy((uint8_t *)to + first, ring->data, len - first);
}

int evp_perf_ring_next(struct evp_perf_ring *ring, const struct perf_event_header **ret_record)
{
	struct perf_event_header header;
	uint64_t offset;

	if (!ring->page)
		return 0;
	/* All loads from records already handed out come before their space is given back. */
	__atomic_store_n(&ring->page->data_tail, ring->next, __ATOMIC_RELEASE);
	if (ring->next == ring->head)
		ring->head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	if (ring->next == ring->head)
		return 0;
	if (ring->head - ring->next < sizeof(header))
		goto damaged;
	copy_out(ring, ring->next, &header, sizeof(header));
	if (header.size < sizeof(header) || header.size > ring->head - ring->next ||
	    header.size > ring->data_bytes)
		goto damaged;
	offset = ring->next & (ring->data_bytes - 1);
	if (offset % 8 || header.size > ring->data_bytes - offset) {
		copy_out(ring, ring->next, ring->wrapped, header.size);
		*ret_record = (const struct perf_event_header *)ring->wrapped;
	} else {
		*ret_record = (const struct perf_event_header *)(ring->data + offset);
	}
	ring->next += header.size;
	return 1;
damaged:
	ring->next = ring->head;
	__atomic_store_n(&ring->page->data_tail, ring->next, __ATOMIC_RELEASE);
	return -EBADMSG;
}

void evp_perf_ring_put_back(struct evp_perf_ring *ring, const struct perf_event_header *record)
{
	ring->next -= record->size;
}

void evp_perf_ring_release(struct evp_perf_ring *ring)
{
	if (ring->page)
		munmap(ring->page, (size_t)(ring->data - (uint8_t *)ring->page) + ring->data_bytes);
	free(ring->wrapped);
	*ring = (struct evp_perf_ring){ 0 };
}
