// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/sideband.h"

#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "record/perf_queue.h"
#include "record/perf_set.h"

struct evp_sideband {
	struct evp_perf_set set;
	struct evp_perf_queue queue;
	struct evp_perf_queue later; /* what is read while events are being handed out */
	bool handing_out;
	bool system_wide;
	uint64_t lost;	    /* by the bound on memory or by damage, not by the kernel */
	int64_t lost_ns;    /* the time of the first of them */
	evp_sideband_fn fn; /* of the drain under way */
	void *arg;
};

/*
 * build_id stays 0. Kernels from 5.12 to at least 6.18 mark an mmap record as carrying a build ID in
 * a header that is shared by all events it is delivered to, and never take the mark off: while one
 * program asks for build IDs, every other program's records claim to carry one too, and perf record
 * aborts on them. Files are identified by device and inode instead and opened for their build ID.
 */
static const struct perf_event_attr side_attr = {
	.type = PERF_TYPE_SOFTWARE,
	.config = PERF_COUNT_SW_DUMMY,
	.sample_type = EVP_SB_SAMPLE_TYPE,
	.sample_id_all = 1,
	.exclude_kernel = 1, /* it never samples anything; asking for less lets more users in */
	.exclude_hv = 1,
	.mmap = 1,
	.mmap2 = 1,
	.comm = 1,
	.comm_exec = 1,
	.task = 1,
	.ksymbol = 1,
	.cgroup = 1,
	.use_clockid = 1,
	.clockid = CLOCK_MONOTONIC,
	/* wakeup_events counts samples only; a watermark of one byte wakes for these records. */
	.watermark = 1,
	.wakeup_watermark = 1,
};

/* Gives up the youngest attribute still set. False: there is none left to give up. */
static bool step_down(struct perf_event_attr *attr)
{
	if (attr->cgroup) /* 5.7, and CONFIG_CGROUP_PERF */
		attr->cgroup = 0;
	else if (attr->ksymbol) /* 5.1 */
		attr->ksymbol = 0;
	else if (attr->comm_exec) /* 3.16 */
		attr->comm_exec = 0;
	else
		return false;
	return true;
}

/* What anybody may: some processes and their children, by default all of one's own. */
static int add_processes(struct evp_sideband *sb, const struct evp_sideband_opts *opts,
			 struct evp_err *err)
{
	size_t i;
	int rc = 0;

	sb->set.attr.inherit = 1;
	if (!opts->npids)
		return evp_perf_set_add_own(&sb->set, err);
	for (i = 0; i < opts->npids && !rc; i++)
		rc = evp_perf_set_add_process(&sb->set, opts->pids[i], err);
	return rc;
}

int evp_sideband_open(struct evp_sideband **ret, const struct evp_sideband_opts *opts,
		      struct evp_err *err)
{
	struct perf_event_attr attr = side_attr;
	struct evp_err refusal = { 0 };
	struct evp_sideband *sb;
	size_t ring;
	int rc;

	if (!opts->all && !opts->npids)
		return evp_fail(err, EINVAL, "a side band of nobody");
	sb = calloc(1, sizeof(*sb));
	if (!sb)
		return evp_fail_oom(err);
	if (opts->wake_bytes) {
		/* 0 is half of a ring, also of one that had to be smaller than asked for. */
		ring = opts->ring_bytes ? opts->ring_bytes : EVP_SB_RING_BYTES;
		attr.wakeup_watermark = opts->wake_bytes < ring / 2 ? (uint32_t)opts->wake_bytes
								    : 0;
	}
	sb->queue.limit_bytes = sb->later.limit_bytes = opts->queue_bytes;
	rc = evp_perf_set_init(&sb->set, &attr, step_down,
			       opts->ring_bytes ? opts->ring_bytes : EVP_SB_RING_BYTES, &refusal);
	if (rc)
		goto out;
	rc = -EACCES;
	if (opts->all) {
		rc = evp_perf_set_add(&sb->set, -1, 0, &refusal);
		sb->system_wide = !rc;
	}
	if (rc == -EACCES || rc == -EPERM)
		rc = add_processes(sb, opts, &refusal);
out:
	if (rc) {
		evp_sideband_close(sb);
		if (err)
			*err = refusal;
		return rc;
	}
	*ret = sb;
	return 0;
}

void evp_sideband_close(struct evp_sideband *sb)
{
	if (!sb)
		return;
	evp_perf_set_release(&sb->set);
	evp_perf_queue_release(&sb->queue);
	evp_perf_queue_release(&sb->later);
	free(sb);
}

unsigned int evp_sideband_features(const struct evp_sideband *sb)
{
	const struct perf_event_attr *a = &sb->set.attr;

	return (a->cgroup ? EVP_SB_HAS_CGROUP : 0) | (a->ksymbol ? EVP_SB_HAS_KSYMBOL : 0) |
	       (a->comm_exec ? EVP_SB_HAS_COMM_EXEC : 0) |
	       (sb->system_wide ? EVP_SB_SYSTEM_WIDE : 0);
}

int evp_sideband_fd(const struct evp_sideband *sb)
{
	return sb->set.epoll_fd;
}

static void count_lost(struct evp_sideband *sb, int64_t time_ns)
{
	if (!sb->lost++)
		sb->lost_ns = time_ns;
}

/* Decoded once here for its time, and to keep out what cannot be, and again when its turn comes. */
static void queue_record(struct evp_sideband *sb, const struct perf_event_header *record)
{
	struct evp_sideband_event e;
	int rc = evp_sideband_decode(record, record->size, &e);

	if (rc == -ENOENT)
		return;
	if (rc)
		count_lost(sb, evp_clock_ns(CLOCK_MONOTONIC));
	else if (evp_perf_queue_push(sb->handing_out ? &sb->later : &sb->queue, e.time_ns, e.cpu,
				     record))
		count_lost(sb, e.time_ns);
}

static void read_ring(struct evp_sideband *sb, struct evp_perf_ring *ring)
{
	const struct perf_event_header *record;
	uint64_t start = ring->next;
	int rc = 0;

	/* At most one ring full at a time: who forks faster than this reads does not hold it up. */
	while (ring->next - start < ring->data_bytes &&
	       (rc = evp_perf_ring_next(ring, &record)) > 0)
		queue_record(sb, record);
	if (rc < 0)
		count_lost(sb, evp_clock_ns(CLOCK_MONOTONIC));
}

static void deliver(void *arg, int64_t time_ns, uint32_t cpu,
		    const struct perf_event_header *record)
{
	struct evp_sideband *sb = arg;
	struct evp_sideband_event e;

	if (!evp_sideband_decode(record, record->size, &e))
		sb->fn(sb->arg, &e);
}

static void enqueue(void *arg, int64_t time_ns, uint32_t cpu,
		    const struct perf_event_header *record)
{
	struct evp_sideband *sb = arg;

	if (evp_perf_queue_push(&sb->queue, time_ns, cpu, record))
		count_lost(sb, time_ns);
}

void evp_sideband_read(struct evp_sideband *sb)
{
	size_t i;

	evp_perf_set_quiet(&sb->set); /* before reading: what comes after wakes again */
	for (i = 0; i < sb->set.ncpus; i++)
		read_ring(sb, &sb->set.ring[i]);
}

int evp_sideband_drain(struct evp_sideband *sb, int64_t before_ns, evp_sideband_fn fn, void *arg)
{
	evp_sideband_read(sb);
	if (sb->lost) {
		struct evp_sideband_event e = {
			.type = EVP_SB_LOST, .time_ns = sb->lost_ns, .name = "", .lost = sb->lost
		};

		sb->lost = 0;
		fn(arg, &e);
	}
	sb->fn = fn;
	sb->arg = arg;
	sb->handing_out = true;
	evp_perf_queue_pop(&sb->queue, before_ns, deliver, sb);
	sb->handing_out = false;
	evp_perf_queue_pop(&sb->later, INT64_MAX, enqueue, sb);
	if (evp_perf_set_follow_cpus(&sb->set, evp_clock_ns(CLOCK_MONOTONIC)))
		count_lost(sb, evp_clock_ns(CLOCK_MONOTONIC));
	return 0;
}
