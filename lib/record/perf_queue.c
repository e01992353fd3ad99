// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/perf_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define LIMIT_DEFAULT (16u << 20)
#define KEEP_BYTES    (256u << 10) /* an empty queue holds on to at most this much */

struct evp_perf_queue_entry {
	int64_t time_ns;
	uint64_t order; /* of arrival: within one CPU records of the same time stay as they came */
	size_t at;	/* in buf */
	uint32_t cpu;
};

int evp_perf_queue_push(struct evp_perf_queue *q, int64_t time_ns, uint32_t cpu,
			const struct perf_event_header *record)
{
	size_t room = (record->size + 7u) & ~(size_t)7;
	size_t limit = q->limit_bytes ? q->limit_bytes : LIMIT_DEFAULT;
	struct evp_perf_queue_entry *e;

	if (room > limit || q->len > limit - room)
		return -ENOSPC;
	if (evp_grow(&q->buf, &q->cap, q->len + room, 1) ||
	    evp_grow(&q->entry, &q->entry_cap, q->n + 1, sizeof(*q->entry)))
		return -ENOMEM;
	memcpy(q->buf + q->len, record, record->size);
	e = &q->entry[q->n++];
	*e = (struct evp_perf_queue_entry){ time_ns, q->pushed++, q->len, cpu };
	q->len += room;
	return 0;
}

static int by_time(const void *pa, const void *pb)
{
	const struct evp_perf_queue_entry *a = pa, *b = pb;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int by_place(const void *pa, const void *pb)
{
	const struct evp_perf_queue_entry *a = pa, *b = pb;

	return a->at < b->at ? -1 : a->at > b->at;
}

/* Moves what is left together at the front of the buffer, in the order in which it lies there. */
static void compact(struct evp_perf_queue *q)
{
	size_t i, len = 0;

	qsort(q->entry, q->n, sizeof(*q->entry), by_place);
	for (i = 0; i < q->n; i++) {
		const struct perf_event_header *h = (const void *)(q->buf + q->entry[i].at);
		size_t room = (h->size + 7u) & ~(size_t)7;

		memmove(q->buf + len, h, room);
		q->entry[i].at = len;
		len += room;
	}
	q->len = len;
	if (!q->n && q->cap > KEEP_BYTES) {
		free(q->buf);
		q->buf = NULL;
		q->cap = 0;
	}
}

void evp_perf_queue_pop(struct evp_perf_queue *q, int64_t before_ns, evp_perf_queue_fn fn,
			void *arg)
{
	size_t i;

	if (!q->n || (before_ns != INT64_MAX && evp_perf_queue_oldest(q) >= before_ns))
		return;
	qsort(q->entry, q->n, sizeof(*q->entry), by_time);
	for (i = 0; i < q->n; i++) {
		const struct evp_perf_queue_entry *e = &q->entry[i];

		if (e->time_ns >= before_ns && before_ns != INT64_MAX)
			break;
		fn(arg, e->time_ns, e->cpu, (const struct perf_event_header *)(q->buf + e->at));
	}
	q->n -= i;
	memmove(q->entry, q->entry + i, q->n * sizeof(*q->entry));
	compact(q);
}

int64_t evp_perf_queue_oldest(const struct evp_perf_queue *q)
{
	int64_t oldest = INT64_MAX;
	size_t i;

	for (i = 0; i < q->n; i++)
		if (q->entry[i].time_ns < oldest)
			oldest = q->entry[i].time_ns;
	return oldest;
}

void evp_perf_queue_release(struct evp_perf_queue *q)
{
	free(q->buf);
	free(q->entry);
	*q = (struct evp_perf_queue){ .limit_bytes = q->limit_bytes };
}
