// SPDX-License-Identifier: GPL-2.0-or-later
/* Events on every CPU, and CPUs that come and go: played, the machine keeps its own. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record/perf_set.h"
#include "tap.h"

static struct perf_event_attr dummy = {
	.type = PERF_TYPE_SOFTWARE,
	.config = PERF_COUNT_SW_DUMMY,
	.sample_type = PERF_SAMPLE_TIME,
	.exclude_kernel = 1,
	.disabled = 1,
	.comm = 1,
	.task = 1,
};

static size_t mapped(const struct evp_perf_set *set)
{
	size_t i, n = 0;

	for (i = 0; i < set->ncpus; i++)
		n += set->ring[i].page != NULL;
	return n;
}

static int records(struct evp_perf_set *set)
{
	const struct perf_event_header *record;
	int n = 0;
	size_t i;

	for (i = 0; i < set->ncpus; i++)
		while (evp_perf_ring_next(&set->ring[i], &record) > 0)
			n++;
	return n;
}

static void processes(void)
{
	struct evp_perf_set set;
	struct evp_err err = { 0 };

	if (evp_perf_set_init(&set, &dummy, NULL, 32 << 10, &err)) {
		printf("# %s\n", err.msg);
		ok(0, "a set");
		return;
	}
	ok(!evp_perf_set_add_process(&set, getpid(), &err), "this process");
	ok(set.nfds == set.ncpus && mapped(&set) == set.ncpus, "an event and a ring a CPU");
	ok(!evp_perf_set_add_process(&set, getpid(), &err) && set.nfds == 2 * set.ncpus,
	   "more events go into the same rings");
	ok(evp_perf_set_add_process(&set, 0x7ffffff0, &err) == -ESRCH,
	   "a process that is not there");
	ok(!evp_perf_set_follow_cpus(&set, INT64_MAX) && set.nfds == 2 * set.ncpus,
	   "processes need no new CPUs");
	evp_perf_set_release(&set);
}

/* A CPU that is forgotten here is one that came; a number no machine has is one that went. */
static void everybody(void)
{
	struct evp_perf_set set;
	struct evp_err err = { 0 };
	size_t n;

	if (evp_perf_set_init(&set, &dummy, NULL, 32 << 10, &err) ||
	    evp_perf_set_add(&set, -1, 0, &err)) {
		ok(strstr(err.msg, "setcap") != NULL, "a refusal says what would help");
		evp_perf_set_release(&set);
		return;
	}
	n = set.ncpus;
	evp_perf_set_ioctl(&set, PERF_EVENT_IOC_ENABLE);
	set.cpus[0] = 60000;
	ok(evp_perf_set_follow_cpus(&set, INT64_MAX) && set.ncpus == n + 1 && mapped(&set) == n &&
		   set.nfds == n && !set.ring[0].page,
	   "one went, one came");
	records(&set);
	if (!fork())
		_exit(0);
	usleep(50000);
	ok(records(&set) > 0, "what came is switched on");
	evp_perf_set_release(&set);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	processes();
	everybody();
	return done_testing();
}
