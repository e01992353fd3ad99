// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/sampler.h"

#include <stdlib.h>
#include <string.h>

#ifdef EVP_HAVE_BPF

#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../bpf/record.h"
#include "base/mem.h"
#include "base/text.h"
#include "record.skel.h"
#include "record/bpf_tables.h"
#include "record/cpus.h"
#include "record/period.h"
#include "record/rights.h"

#define MAX_TARGETS	 32768
#define MIN_RING_BYTES	 (2u << 20)
#define MAX_RING_BYTES	 (64u << 20)
#define INIT_PIDNS_INO	 0xEFFFFFFCu /* uapi since 6.17, the same number since 3.8 */
#define SAMPLE_BYTES	 2048	     /* a new stack of 250 frames, or part of a copied one */
#define COPY_WAKE_NS	 100000000   /* new processes wait so long for their tables, at most */
#define HOTPLUG_CHECK_NS 2000000000LL

struct evp_sampler {
	struct record_bpf *skel;
	struct ring_buffer *ring;
	struct evp_bpf_tables *tables;
	struct evp_sampler_opts opts; /* the pointers in it are not kept */
	struct bpf_link **link;	      /* per CPU; NULL where it is offline */
	int *fd;		      /* the perf event behind it, owned by the link */
	size_t ncpus, clink, cfd;
	struct evp_periods periods;
	struct evp_cpus online;
	struct evp_bpf_counters *counters; /* [npossible], scratch for reading them */
	struct evp_bpf_counters seen;	   /* sums when losses were last reported */
	int npossible;
	uint32_t max_kernel;
	bool running, forks_followed;
	int64_t hotplug_checked_ns;
	const struct evp_sampler_sink *sink; /* during a drain */
};

/* libbpf speaks through a global hook: its last complaint is kept for our own message. */
static __thread char last_words[256];

static int keep_words(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level == LIBBPF_WARN && !last_words[0]) {
		vsnprintf(last_words, sizeof(last_words), fmt, args);
		last_words[strcspn(last_words, "\n")] = 0;
	}
	return 0;
}

static int fail_load(struct evp_err *err, int rc)
{
	const char *words = last_words;
	struct evp_rights rights;
	char why[200];

	evp_rights_read(&rights);
	if (evp_rights_why_no_bpf(&rights, -rc, why, sizeof(why)))
		return evp_fail(err, -rc, "%s", why);
	if (!strncmp(words, "libbpf: ", 8))
		words += 8;
	return evp_fail(err, -rc, "the kernel refused the BPF sampler: %s",
			words[0] ? words : strerror(-rc));
}

static uint32_t read_max_kernel(void)
{
	FILE *f = fopen("/proc/sys/kernel/perf_event_max_stack", "re");
	unsigned int n = 0;

	if (f && fscanf(f, "%u", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n && n < EVP_BPF_KERNEL_FRAMES ? n : EVP_BPF_KERNEL_FRAMES;
}

/* A second of samples; a drain comes once a second, sooner when it is half full. */
static uint32_t ring_bytes(int64_t period_ns, int ncpus)
{
	uint64_t ticks = (uint64_t)(EVP_NSEC / period_ns) * (uint64_t)ncpus;
	uint64_t need = ticks * SAMPLE_BYTES, size;

	for (size = MIN_RING_BYTES; size < need && size < MAX_RING_BYTES;)
		size *= 2;
	return (uint32_t)size;
}

static bool has_helper(enum bpf_func_id id)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, id, NULL) == 1;
}

static void set_knobs(struct evp_sampler *s, struct evp_bpf_knobs *k)
{
	struct stat ns;

	k->since_ns = (uint64_t)evp_clock_ns(CLOCK_BOOTTIME);
	if (getrandom(&k->seed, sizeof(k->seed), 0) != sizeof(k->seed))
		k->seed = (uint64_t)getpid() * 0x9e3779b97f4a7c15ULL;
	if (!stat("/proc/self/ns/pid", &ns) && ns.st_ino != INIT_PIDNS_INO) {
		k->pidns_dev = ns.st_dev;
		k->pidns_ino = ns.st_ino;
	}
	k->all = s->opts.all;
	k->user = s->opts.user;
	k->kernel = s->opts.kernel;
	k->by_pid = !s->opts.all;
	k->by_tid = !s->opts.all && s->opts.nthreads;
	k->by_cgroup = !s->opts.all && s->opts.ncgroups;
	k->copy_wake_ns = COPY_WAKE_NS;
	k->has_loop = has_helper(BPF_FUNC_loop);
	k->has_pt_regs = has_helper(BPF_FUNC_task_pt_regs);
}

static int load(struct evp_sampler *s, bool follow_forks, struct evp_err *err)
{
	uint32_t ring, max_procs = s->opts.max_procs ? s->opts.max_procs : MAX_TARGETS;
	struct record_bpf *skel;
	int rc;

	last_words[0] = 0;
	skel = record_bpf__open();
	if (!skel)
		return fail_load(err, -errno);
	set_knobs(s, &skel->rodata->knobs);
	s->forks_followed = follow_forks && !s->opts.all;
	bpf_program__set_autoload(skel->progs.on_fork, s->forks_followed);
	bpf_program__set_autoload(skel->progs.on_free, s->forks_followed);
	ring = s->opts.ring_bytes ? s->opts.ring_bytes
				  : ring_bytes(s->opts.period_ns, s->npossible);
	skel->rodata->knobs.wake_bytes = ring / 2;
	skel->rodata->knobs.copy_bytes = ring / 4 * 3; /* the rest is for samples */
	bpf_map__set_max_entries(skel->maps.ring, ring);
	bpf_map__set_max_entries(skel->maps.walkers, (uint32_t)s->npossible);
	if (!s->opts.user) {
		bpf_map__set_max_entries(skel->maps.pool, 1);
		bpf_map__set_max_entries(skel->maps.mappings, 1);
		bpf_map__set_max_entries(skel->maps.processes, 1);
	}
	bpf_map__set_max_entries(skel->maps.targets, s->opts.all ? 1 : max_procs);
	bpf_map__set_max_entries(skel->maps.cgroups, s->opts.ncgroups ? s->opts.ncgroups : 1);
	rc = record_bpf__load(skel);
	if (rc) {
		record_bpf__destroy(skel);
		return fail_load(err, rc);
	}
	s->skel = skel;
	return 0;
}

static int select_targets(struct evp_sampler *s, const struct evp_sampler_opts *opts,
			  struct evp_err *err)
{
	uint64_t named = 0;
	uint8_t one = 1;

	for (uint32_t i = 0; i < opts->npids && !opts->all; i++) {
		uint32_t pid = (uint32_t)opts->pids[i];

		if (bpf_map_update_elem(bpf_map__fd(s->skel->maps.targets), &pid, &named, BPF_ANY))
			return evp_fail_errno(err, errno, "cannot select process %u", pid);
	}
	for (uint32_t i = 0; i < opts->nthreads && !opts->all; i++) {
		uint32_t key = (uint32_t)opts->threads[i].tid | EVP_BPF_THREAD;

		if (bpf_map_update_elem(bpf_map__fd(s->skel->maps.targets), &key, &named, BPF_ANY))
			return evp_fail_errno(err, errno, "cannot select thread %d",
					      opts->threads[i].tid);
	}
	for (uint32_t i = 0; i < opts->ncgroups && !opts->all; i++)
		if (bpf_map_update_elem(bpf_map__fd(s->skel->maps.cgroups), &opts->cgroup_ids[i],
					&one, BPF_ANY))
			return evp_fail_errno(err, errno, "cannot select a cgroup");
	return 0;
}

static int attach_forks(struct evp_sampler *s, struct evp_err *err)
{
	if (!s->forks_followed)
		return 0;
	s->skel->links.on_fork = bpf_program__attach(s->skel->progs.on_fork);
	s->skel->links.on_free = bpf_program__attach(s->skel->progs.on_free);
	if (!s->skel->links.on_fork || !s->skel->links.on_free)
		return fail_load(err, -errno);
	return 0;
}

static int on_record(void *arg, void *data, size_t len);

static void bpf_close(struct evp_sampler *s)
{
	if (!s)
		return;
	for (size_t cpu = 0; cpu < s->ncpus; cpu++)
		bpf_link__destroy(s->link[cpu]);
	ring_buffer__free(s->ring);
	evp_bpf_tables_free(s->tables);
	record_bpf__destroy(s->skel);
	evp_periods_release(&s->periods);
	evp_cpus_release(&s->online);
	free(s->link);
	free(s->fd);
	free(s->counters);
	free(s);
}

static int bpf_open(struct evp_sampler **ret, const struct evp_sampler_opts *opts,
		    struct evp_err *err)
{
	struct evp_sampler *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return evp_fail_oom(err);
	libbpf_set_print(keep_words);
	s->opts = *opts;
	s->periods.now_ns = opts->period_ns;
	s->max_kernel = read_max_kernel();
	s->npossible = libbpf_num_possible_cpus();
	if (s->npossible < 1) { /* a guess would read past the end of per-CPU values */
		free(s);
		return evp_fail(err, ENOENT, "BPF needs '/sys/devices/system/cpu/possible'");
	}
	s->counters = calloc((size_t)s->npossible, sizeof(*s->counters));
	rc = s->counters ? evp_cpus_online(&s->online, err) : evp_fail_oom(err);
	if (rc)
		goto fail;
	/* Without type information for the tracepoints the side band tells of children, later. */
	rc = load(s, true, err);
	if (rc && s->forks_followed)
		rc = load(s, false, err);
	if (rc)
		goto fail;
	rc = select_targets(s, opts, err);
	if (!rc)
		rc = attach_forks(s, err);
	if (rc)
		goto fail;
	s->ring = ring_buffer__new(bpf_map__fd(s->skel->maps.ring), on_record, s, NULL);
	if (!s->ring) {
		rc = fail_load(err, -errno);
		goto fail;
	}
	if (opts->user && evp_bpf_tables_new(&s->tables, bpf_map__fd(s->skel->maps.pool),
					     bpf_map__fd(s->skel->maps.mappings),
					     bpf_map__fd(s->skel->maps.processes))) {
		rc = evp_fail_oom(err);
		goto fail;
	}
	*ret = s;
	return 0;
fail:
	bpf_close(s);
	return rc;
}

/*
 * The CPU clock, also where there is a hardware PMU: its period is time, which is what the cpu
 * event's value is; cycles would have to be converted at an unknown frequency.
 */
static int attach_cpu(struct evp_sampler *s, int cpu, struct evp_err *err)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = (uint64_t)s->periods.now_ns,
		.exclude_idle = 1,
		.disabled = 1,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return evp_fail_errno(err, errno, "cannot open a sampling event on cpu %d", cpu);
	s->link[cpu] = bpf_program__attach_perf_event(s->skel->progs.on_tick, fd);
	if (!s->link[cpu]) {
		int code = errno;

		close(fd);
		return fail_load(err, -code);
	}
	s->fd[cpu] = fd;
	return 0;
}

/* Events on the CPUs that are online now, none on the others. One that just went is no error. */
static int attach_cpus(struct evp_sampler *s, struct evp_err *err)
{
	size_t attached = 0, n = s->online.n > s->ncpus ? s->online.n : s->ncpus;
	int rc = 0;

	if (evp_grow(&s->link, &s->clink, n, sizeof(*s->link)) ||
	    evp_grow(&s->fd, &s->cfd, n, sizeof(*s->fd)))
		return evp_fail_oom(err);
	for (; s->ncpus < n; s->ncpus++) {
		s->link[s->ncpus] = NULL;
		s->fd[s->ncpus] = -1;
	}
	for (size_t cpu = 0; cpu < n; cpu++) {
		bool on = cpu < s->online.n && s->online.on[cpu];

		if (!on && s->link[cpu]) {
			bpf_link__destroy(s->link[cpu]);
			s->link[cpu] = NULL;
		} else if (on && !s->link[cpu]) {
			rc = attach_cpu(s, (int)cpu, err);
			if (rc && rc != -ENODEV && rc != -ENXIO)
				return rc;
		}
		attached += s->link[cpu] != NULL;
	}
	return attached ? 0 : rc;
}

static int bpf_start(struct evp_sampler *s, struct evp_err *err)
{
	int rc = attach_cpus(s, err);

	s->running = !rc;
	return rc;
}

static int bpf_stop(struct evp_sampler *s)
{
	for (size_t cpu = 0; cpu < s->ncpus; cpu++)
		if (s->link[cpu])
			ioctl(s->fd[cpu], PERF_EVENT_IOC_DISABLE, 0);
	s->running = false;
	return 0;
}

static int bpf_set_period(struct evp_sampler *s, int64_t period_ns)
{
	int rc = evp_periods_begin(&s->periods, period_ns, s->ncpus);

	for (size_t cpu = 0; cpu < s->ncpus && !rc; cpu++)
		if (s->link[cpu])
			rc = evp_periods_change(&s->periods, cpu, s->fd[cpu]);
	return rc;
}

static int on_stack(struct evp_sampler *s, const struct evp_bpf_stack *b, size_t len)
{
	const uint64_t *frames = (const uint64_t *)b->frames;
	uint32_t n = (uint32_t)b->nkernel + b->nuser;
	struct evp_raw_stack stack = {
		.hash = b->hash,
		.user = frames,
		.nuser = b->nuser,
		.kernel = frames + b->nuser,
		.nkernel = b->nkernel,
		.kernel_cut = b->nkernel >= s->max_kernel,
		.end = b->end,
	};

	if (len < offsetof(struct evp_bpf_stack, frames) ||
	    len < offsetof(struct evp_bpf_stack, frames) + n * sizeof(*frames))
		return -EBADMSG;
	s->sink->stack(s->sink->arg, &stack);
	return 0;
}

static int on_copy(struct evp_sampler *s, const struct evp_bpf_copy *b, size_t len)
{
	struct evp_user_regs regs = { .pc = b->pc };
	size_t copied = len - offsetof(struct evp_bpf_copy, bytes);
	struct evp_raw_stack stack = {
		.hash = b->hash,
		.kernel = (const uint64_t *)b->kernel,
		.nkernel = b->nkernel,
		.kernel_cut = b->nkernel >= s->max_kernel,
		.regs = &regs,
		.copy = { b->bytes, b->len, b->reg[EVP_REG_SP] },
		.other = { b->bytes + b->len, copied - b->len, b->other },
	};

	if (len < offsetof(struct evp_bpf_copy, bytes) || b->len > copied ||
	    b->nkernel > EVP_BPF_KERNEL_FRAMES)
		return -EBADMSG;
	memcpy(regs.reg, b->reg, sizeof(regs.reg));
	s->sink->stack(s->sink->arg, &stack);
	return 0;
}

static int on_record(void *arg, void *data, size_t len)
{
	struct evp_sampler *s = arg;
	const struct evp_bpf_sample *b = data;
	struct evp_raw_sample sample;

	if (len < sizeof(b->kind))
		return -EBADMSG;
	if (b->kind == EVP_BPF_STACK)
		return on_stack(s, data, len);
	if (b->kind == EVP_BPF_COPY)
		return on_copy(s, data, len);
	if (b->kind != EVP_BPF_SAMPLE || len < sizeof(*b))
		return -EBADMSG;
	sample = (struct evp_raw_sample){
		.stack_hash = b->hash,
		.time_ns = (int64_t)b->time_ns,
		.period_ns = evp_periods_at(&s->periods, b->cpu, (int64_t)b->time_ns),
		.cgroup_id = b->cgroup_id,
		.start_ns = (int64_t)b->start_ns,
		.pid = (pid_t)b->pid,
		.tid = (pid_t)b->tid,
		.cpu = b->cpu,
		.global_pid = b->global_pid,
		.exec_id = b->exec_id,
	};
	memcpy(sample.comm, b->comm, sizeof(sample.comm));
	s->sink->sample(s->sink->arg, &sample);
	return 0;
}

static struct evp_bpf_counters read_counters(struct evp_sampler *s)
{
	struct evp_bpf_counters sum = { 0 };
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.counters), &zero, s->counters))
		return s->seen;
	for (int i = 0; i < s->npossible; i++) {
		const struct evp_bpf_counters *c = &s->counters[i];

		sum.run_ns += c->run_ns;
		sum.ring_full += c->ring_full;
		sum.stack_missing += c->stack_missing;
		sum.not_followed += c->not_followed;
	}
	return sum;
}

static void report_losses(struct evp_sampler *s, int64_t now_ns)
{
	struct evp_bpf_counters now = read_counters(s);
	const struct evp_sampler_sink *sink = s->sink;

	if (now.ring_full > s->seen.ring_full)
		sink->loss(sink->arg, now_ns, "ring-full", now.ring_full - s->seen.ring_full);
	if (now.stack_missing > s->seen.stack_missing)
		sink->loss(sink->arg, now_ns, "stack-missing",
			   now.stack_missing - s->seen.stack_missing);
	if (now.not_followed > s->seen.not_followed)
		sink->loss(sink->arg, now_ns, "not-followed",
			   now.not_followed - s->seen.not_followed);
	s->seen = now;
}

static void follow_hotplug(struct evp_sampler *s, int64_t now_ns)
{
	if (!s->running || now_ns - s->hotplug_checked_ns < HOTPLUG_CHECK_NS)
		return;
	s->hotplug_checked_ns = now_ns;
	if (!evp_cpus_online(&s->online, NULL))
		attach_cpus(s, NULL);
}

static int bpf_drain(struct evp_sampler *s, const struct evp_sampler_sink *sink)
{
	int64_t now_ns = evp_clock_ns(CLOCK_MONOTONIC);
	int n;

	s->sink = sink;
	n = ring_buffer__consume(s->ring);
	report_losses(s, now_ns);
	s->sink = NULL;
	follow_hotplug(s, now_ns);
	return n < 0 ? n : 0;
}

static int bpf_follow(struct evp_sampler *s, pid_t pid, int64_t forked_ns)
{
	uint32_t key = (uint32_t)pid;
	uint64_t named = 0;

	if (s->forks_followed || s->opts.all)
		return 0;
	return bpf_map_update_elem(bpf_map__fd(s->skel->maps.targets), &key, &named, BPF_ANY)
		       ? -errno
		       : 0;
}

static void bpf_forget(struct evp_sampler *s)
{
	__atomic_fetch_add(&s->skel->bss->generation, 1, __ATOMIC_RELAXED);
}

static struct evp_bpf_tables *bpf_tables(struct evp_sampler *s)
{
	return s->tables;
}

static int bpf_poll_fd(struct evp_sampler *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

static uint64_t bpf_kernel_cost_ns(struct evp_sampler *s)
{
	return read_counters(s).run_ns;
}

#else /* !EVP_HAVE_BPF */

static int bpf_open(struct evp_sampler **ret, const struct evp_sampler_opts *opts,
		    struct evp_err *err)
{
	return evp_fail(err, ENOTSUP, "this evp-record was built without BPF");
}

#endif

const struct evp_sampler_ops evp_sampler_bpf = {
	.name = "bpf",
	.open = bpf_open,
#ifdef EVP_HAVE_BPF
	.start = bpf_start,
	.stop = bpf_stop,
	.set_period = bpf_set_period,
	.drain = bpf_drain,
	.follow = bpf_follow,
	.forget = bpf_forget,
	.tables = bpf_tables,
	.poll_fd = bpf_poll_fd,
	.kernel_cost_ns = bpf_kernel_cost_ns,
	.close = bpf_close,
#endif
};
