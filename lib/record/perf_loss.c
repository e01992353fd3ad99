// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/perf_loss.h"

#include <stdlib.h>

#include "base/mem.h"

/* Notes a CPU's latest record; how long it had had none before. */
static int64_t silence(struct evp_perf_loss *l, uint32_t cpu, int64_t time_ns)
{
	int64_t before_ns;

	if (evp_grow(&l->heard_ns, &l->cap, (size_t)cpu + 1, sizeof(*l->heard_ns)))
		return INT64_MAX;
	while (l->n <= cpu)
		l->heard_ns[l->n++] = l->began_ns;
	before_ns = l->heard_ns[cpu];
	if (time_ns <= before_ns)
		return 0;
	l->heard_ns[cpu] = time_ns;
	return time_ns - before_ns;
}

static uint64_t samples_in(int64_t silence_ns, uint64_t records, int64_t period_ns)
{
	uint64_t most = (uint64_t)(silence_ns / period_ns) + 1;

	return records < most ? records : most;
}

void evp_perf_loss_heard(struct evp_perf_loss *l, uint32_t cpu, int64_t time_ns)
{
	silence(l, cpu, time_ns);
}

uint64_t evp_perf_loss_told(struct evp_perf_loss *l, uint32_t cpu, int64_t time_ns,
			    uint64_t records, int64_t period_ns)
{
	l->told += records;
	return samples_in(silence(l, cpu, time_ns), records, period_ns);
}

uint64_t evp_perf_loss_untold(const struct evp_perf_loss *l, int64_t now_ns, uint64_t counted,
			      int64_t period_ns)
{
	int64_t silence_ns = 0;

	for (size_t i = 0; i < l->n; i++)
		silence_ns += now_ns - l->heard_ns[i];
	return counted > l->told ? samples_in(silence_ns, counted - l->told, period_ns) : 0;
}

void evp_perf_loss_release(struct evp_perf_loss *l)
{
	free(l->heard_ns);
	*l = (struct evp_perf_loss){ 0 };
}
