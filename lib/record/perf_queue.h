/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of several perf rings brought into one order of time.
 *
 * Each CPU writes its own ring, so what one ring says must wait until the others can no longer
 * have something older. Records are copied in as they are read and come out sorted by (time, order
 * of arrival) once they are older than a bound that the caller chooses. Memory is bounded: past
 * `limit_bytes` evp_perf_queue_push refuses (-ENOSPC) and the caller counts the record as lost.
 * A zeroed struct with a limit is an empty queue.
 */
#ifndef EVP_RECORD_PERF_QUEUE_H
#define EVP_RECORD_PERF_QUEUE_H

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

struct evp_perf_queue {
	size_t limit_bytes; /* of records; 0: 16 MiB */
	uint8_t *buf;
	size_t len, cap;
	struct evp_perf_queue_entry *entry;
	size_t n, entry_cap;
	uint64_t pushed;
};

/* Copies `record` (record->size bytes). 0, -ENOSPC at the limit, -ENOMEM. */
int evp_perf_queue_push(struct evp_perf_queue *q, int64_t time_ns, uint32_t cpu,
			const struct perf_event_header *record);

typedef void (*evp_perf_queue_fn)(void *arg, int64_t time_ns, uint32_t cpu,
				  const struct perf_event_header *record);

/* Calls fn for every record with time < before_ns, oldest first, and forgets it. fn must not push.
 */
void evp_perf_queue_pop(struct evp_perf_queue *q, int64_t before_ns, evp_perf_queue_fn fn,
			void *arg);

int64_t evp_perf_queue_oldest(const struct evp_perf_queue *q); /* INT64_MAX: empty */
void evp_perf_queue_release(struct evp_perf_queue *q);

#endif
