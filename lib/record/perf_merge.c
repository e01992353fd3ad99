// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/perf_merge.h"

#include <stdlib.h>

#include "base/mem.h"

struct evp_perf_merge_head {
	const struct perf_event_header *record; /* NULL: no more in this ring, for now */
	int64_t time_ns;
	uint64_t start; /* of the reading */
};

static void next(struct evp_perf_merge_head *h, struct evp_perf_ring *ring,
		 const struct evp_perf_merge_sink *sink)
{
	while (ring->next - h->start < ring->data_bytes) {
		int rc = evp_perf_ring_next(ring, &h->record);

		if (!rc)
			break;
		if (rc > 0)
			rc = sink->time(sink->arg, h->record, &h->time_ns);
		if (!rc)
			return;
		if (rc != -ENOENT)
			sink->damaged(sink->arg);
	}
	h->record = NULL;
}

static size_t oldest(const struct evp_perf_merge *m, size_t n)
{
	size_t found = n;

	for (size_t i = 0; i < n; i++)
		if (m->head[i].record &&
		    (found == n || m->head[i].time_ns < m->head[found].time_ns))
			found = i;
	return found;
}

int evp_perf_merge(struct evp_perf_merge *m, struct evp_perf_set *set, int64_t before_ns,
		   const struct evp_perf_merge_sink *sink)
{
	size_t n = set->ncpus, i;

	if (evp_grow(&m->head, &m->cap, n, sizeof(*m->head)))
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		m->head[i].start = set->ring[i].next;
		next(&m->head[i], &set->ring[i], sink);
	}
	while ((i = oldest(m, n)) < n) {
		if (m->head[i].time_ns >= before_ns && before_ns != INT64_MAX)
			break;
		sink->record(sink->arg, m->head[i].record);
		next(&m->head[i], &set->ring[i], sink);
	}
	for (i = 0; i < n; i++)
		if (m->head[i].record)
			evp_perf_ring_put_back(&set->ring[i], m->head[i].record);
	return 0;
}

void evp_perf_merge_release(struct evp_perf_merge *m)
{
	free(m->head);
	*m = (struct evp_perf_merge){ 0 };
}
