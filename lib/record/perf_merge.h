/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records of several perf rings in one order of time, without copying them: each ring's next
 * record is looked at, the oldest of them is handed out. Within a ring the order is the ring's.
 *
 * What one ring says must wait until the others can no longer have something older: records that
 * are not older than the bound stay where they are. For samples, which are large; a side band that
 * must not fill up copies them instead (perf_queue.h).
 */
#ifndef EVP_RECORD_PERF_MERGE_H
#define EVP_RECORD_PERF_MERGE_H

#include "record/perf_set.h"

struct evp_perf_merge { /* a zeroed struct is fine */
	struct evp_perf_merge_head *head;
	size_t cap;
};

struct evp_perf_merge_sink {
	void *arg;
	/* The time of a record; -ENOENT: it is of no interest; -EBADMSG: it cannot be. */
	int (*time)(void *arg, const struct perf_event_header *record, int64_t *ret_ns);
	/* The next record; it lives as long as the call. */
	void (*record)(void *arg, const struct perf_event_header *record);
	void (*damaged)(void *arg); /* a record, or the rest of a ring, is thrown away */
};

/*
 * Hands out what is older than before_ns (INT64_MAX: everything), of each ring at most what it
 * holds at once, so that nobody who writes faster than this reads can hold it up. 0 or -ENOMEM.
 */
int evp_perf_merge(struct evp_perf_merge *m, struct evp_perf_set *set, int64_t before_ns,
		   const struct evp_perf_merge_sink *sink);
void evp_perf_merge_release(struct evp_perf_merge *m);

#endif
