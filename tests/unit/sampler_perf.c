// SPDX-License-Identifier: GPL-2.0-or-later
/* Sampling with perf rings, really: busy children of ours, found by rate, name and stack. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/text.h"
#include "record/mounts.h"
#include "record/sampler_perf.h"
#include "tap.h"

struct got {
	struct evp_map stacks;
	long samples, of_spinner, of_thread, no_stack, no_comm, in_spin, bad_time, lost, kernel,
		user;
	int64_t weight_ns, from_ns;
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

__attribute__((noinline)) static void spin(int64_t cpu_ns)
{
	int64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + cpu_ns;
	volatile unsigned int i;

	do
		for (i = 0; i < 1000000; i++)
			;
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end);
}

static void on_stack(void *arg, const struct evp_raw_stack *stack)
{
	struct got *g = arg;

	evp_map_at(&g->stacks, stack->hash, NULL);
	g->kernel += stack->nkernel;
	if (!stack->regs)
		return;
	g->user += stack->copy.len > 0;
	g->in_spin += stack->regs->pc - (uintptr_t)spin < 2048; /* long under sanitizers */
}

static void on_sample(void *arg, const struct evp_raw_sample *sample)
{
	struct got *g = arg;

	g->samples++;
	g->weight_ns += sample->period_ns;
	g->no_stack += !evp_map_find(&g->stacks, sample->stack_hash);
	g->no_comm += !sample->comm[0];
	g->of_spinner += !strcmp(sample->comm, "evp-spin");
	g->of_thread += !strcmp(sample->comm, "evp-thread");
	g->bad_time += sample->time_ns < g->from_ns || sample->time_ns > clock_ns(CLOCK_MONOTONIC);
}

static void on_loss(void *arg, int64_t time_ns, const char *reason, uint64_t n)
{
	struct got *g = arg;

	printf("# %llu lost: %s\n", (unsigned long long)n, reason);
	g->lost += (long)n;
}

static void *thread(void *arg)
{
	prctl(PR_SET_NAME, "evp-thread");
	spin(200000000);
	return arg;
}

/* Half a second of CPU time: 0.2 s in a thread, 0.3 s in a process born by the one selected. */
static pid_t busy(int hold)
{
	pid_t pid = fork();
	pthread_t t;
	char go;

	if (pid)
		return pid;
	if (read(hold, &go, 1) != 1)
		_exit(1);
	if (pthread_create(&t, NULL, thread, NULL) || pthread_join(t, NULL))
		_exit(1);
	if (!fork()) {
		prctl(PR_SET_NAME, "evp-spin");
		spin(300000000);
		_exit(0);
	}
	wait(NULL);
	_exit(0);
}

static void drain_until_ended(struct evp_sampler *s, pid_t pid, const struct evp_sampler_sink *sink)
{
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		evp_sampler_perf.drain(s, sink);
		usleep(50000);
	}
	evp_sampler_perf.stop(s);
	evp_sampler_perf.drain(s, sink);
}

static int64_t sample(struct evp_sampler_opts *opts, struct got *g, struct evp_err *err)
{
	const struct evp_sampler_ops *ops = &evp_sampler_perf;
	struct evp_sampler_sink sink = { g, on_stack, on_sample, on_loss };
	struct evp_sampler *s = NULL;
	struct rusage before, after;
	int hold[2];
	pid_t pid;

	if (pipe(hold))
		return -1;
	pid = busy(hold[0]);
	opts->pids = &pid;
	opts->npids = !opts->all;
	g->from_ns = clock_ns(CLOCK_MONOTONIC);
	getrusage(RUSAGE_CHILDREN, &before);
	if (ops->open(&s, opts, err)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -1;
	}
	if (evp_sampler_perf_note(s))
		printf("# %s\n", evp_sampler_perf_note(s));
	ops->start(s, err);
	(void)!write(hold[1], "g", 1);
	drain_until_ended(s, pid, &sink);
	ops->close(s);
	close(hold[0]);
	close(hold[1]);
	getrusage(RUSAGE_CHILDREN, &after);
	return (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000000LL +
	       (after.ru_utime.tv_usec - before.ru_utime.tv_usec) * 1000LL;
}

static void one_process(uint64_t freq_hz, bool user, bool kernel)
{
	struct evp_sampler_opts opts = { .period_ns = EVP_NSEC / (int64_t)freq_hz,
					 .user = user,
					 .kernel = kernel };
	struct got g = { 0 };
	struct evp_err err = { 0 };
	int64_t used_ns = sample(&opts, &g, &err);

	printf("# %llu Hz%s%s: %ld samples, weight %.3f s of %.3f s, %zu stacks %s\n",
	       (unsigned long long)freq_hz, user ? " user" : "", kernel ? " kernel" : "", g.samples,
	       (double)g.weight_ns / 1e9, (double)used_ns / 1e9, g.stacks.n, err.msg);
	ok(g.samples > 0 && g.weight_ns > used_ns * 7 / 10 && g.weight_ns < used_ns * 13 / 10,
	   "the weights add up to the CPU time used");
	ok(g.of_thread > 0 && g.of_spinner > g.of_thread / 2,
	   "a thread and a child, by their names");
	ok(!g.no_stack && !g.no_comm && !g.bad_time && !g.lost,
	   "stack, name and time of every sample");
	if (user)
		ok(g.in_spin > 0, "the function that was running is in the stacks");
	if (user != kernel)
		ok(user ? !g.kernel : !g.user, "and only the half that was asked for");
	evp_map_release(&g.stacks);
}

static void everybody(void)
{
	struct evp_sampler_opts opts = {
		.period_ns = EVP_NSEC / 99, .user = true, .kernel = true, .all = true
	};
	struct got g = { 0 };
	struct evp_err err = { 0 };

	sample(&opts, &g, &err);
	ok(g.of_spinner > 10 && g.of_thread > 5 && !g.no_stack, "the whole machine, with us in it");
	evp_map_release(&g.stacks);
}

static int join_cgroup(const char *folder, pid_t pid)
{
	char path[320];
	FILE *f;
	int good;

	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	f = fopen(path, "w");
	good = f && fprintf(f, "%d", (int)pid) > 0;
	return (f && fclose(f)) || !good ? -1 : 0;
}

/* The cgroup is selected; the process runs in one that is made below it while sampling is on. */
static void one_cgroup(void)
{
	char outer[280], inner[290];
	struct evp_str mount = { 0 };
	struct evp_sampler_opts opts = { .period_ns = EVP_NSEC / 99, .user = true, .kernel = true };
	struct evp_sampler_sink sink;
	struct got g = { 0 };
	struct evp_sampler *s = NULL;
	struct evp_err err = { 0 };
	struct stat st;
	int hold[2], rc;
	pid_t pid;

	if (geteuid() != 0 || evp_mounts_first("cgroup2", &mount)) {
		skip("a cgroup", "not root");
		return;
	}
	sink = (struct evp_sampler_sink){ &g, on_stack, on_sample, on_loss };
	snprintf(outer, sizeof(outer), "%s/evp-unit-%d", mount.buf, (int)getpid());
	snprintf(inner, sizeof(inner), "%s/inner", outer);
	evp_str_release(&mount);
	if (mkdir(outer, 0755) || stat(outer, &st) || pipe(hold))
		exit(2);
	opts.cgroup_ids = &(uint64_t){ st.st_ino };
	opts.ncgroups = 1;
	g.from_ns = clock_ns(CLOCK_MONOTONIC);
	rc = evp_sampler_perf.open(&s, &opts, &err);
	if (rc) {
		printf("# %s\n", err.msg);
		ok(rc == -ENOTSUP, "a cgroup: refused where perf knows v1 only");
		rmdir(outer);
		return;
	}
	evp_sampler_perf.start(s, NULL);
	pid = busy(hold[0]);
	if (mkdir(inner, 0755) || join_cgroup(inner, pid))
		ok(0, "a cgroup below");
	(void)!write(hold[1], "g", 1);
	drain_until_ended(s, pid, &sink);
	evp_sampler_perf.close(s);
	rmdir(inner);
	rmdir(outer);
	ok(g.of_spinner > 10 && g.of_thread > 5 && g.samples < 100 && !g.no_stack,
	   "a cgroup, and one that came below it");
	evp_map_release(&g.stacks);
}

static void nobody(void)
{
	pid_t none = 0x7ffffff0;
	struct evp_sampler_opts opts = { .period_ns = EVP_NSEC / 99, .pids = &none, .npids = 1 };
	struct evp_sampler *s = NULL;
	struct evp_err err = { 0 };

	ok(evp_sampler_perf.open(&s, &opts, &err) == -ESRCH && strstr(err.msg, "2147483632"),
	   "a process that is not there");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	one_process(999, true, true);
	one_process(99, true, false);
	one_process(99, false, true);
	everybody();
	one_cgroup();
	nobody();
	return done_testing();
}
