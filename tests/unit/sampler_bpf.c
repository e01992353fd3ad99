// SPDX-License-Identifier: GPL-2.0-or-later
/* The BPF sampler live: stacks come before samples, what does not fit is counted, forgetting. */
#include <stdio.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "record/check.h"
#include "base/text.h"
#include "record/sampler.h"
#include "tap.h"

static struct {
	struct evp_map stacks;
	uint64_t nstacks, copies, samples, lost, homeless, strangers;
	pid_t pid;
} seen;

static void on_stack(void *arg, const struct evp_raw_stack *s)
{
	seen.nstacks++;
	seen.copies += s->regs && s->regs->pc && s->copy.len >= 64 &&
		       s->copy.at == s->regs->reg[EVP_REG_SP];
	*evp_map_at(&seen.stacks, s->hash, NULL) = 1;
}

static void on_sample(void *arg, const struct evp_raw_sample *s)
{
	seen.samples++;
	seen.homeless += !evp_map_find(&seen.stacks, s->stack_hash);
	seen.strangers += s->pid != seen.pid;
}

static void on_loss(void *arg, int64_t time_ns, const char *reason, uint64_t n)
{
	printf("# lost %llu: %s\n", (unsigned long long)n, reason);
	seen.lost += n;
}

static const struct evp_sampler_sink sink = { NULL, on_stack, on_sample, on_loss };

static int64_t cpu_ms_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Lets the child use `ms` of CPU, however long that takes here; what it was in the end. */
static int64_t spin(clockid_t clock, int64_t ms)
{
	int64_t from = cpu_ms_of(clock);

	while (cpu_ms_of(clock) < from + ms)
		usleep(5000);
	return cpu_ms_of(clock) - from;
}

/* At 999 Hz a sample is a millisecond. */
static int about(uint64_t samples, int64_t ms)
{
	return samples * 100 >= (uint64_t)ms * 75 && samples * 100 <= (uint64_t)ms * 120 + 1000;
}

/* Forks once told to; the child uses 200 ms of CPU. */
static pid_t start_parent(int told[2])
{
	pid_t pid;
	char c;

	if (pipe(told))
		return -1;
	pid = fork();
	if (pid)
		return pid;
	if (read(told[0], &c, 1) == 1 && !fork())
		while (cpu_ms_of(CLOCK_PROCESS_CPUTIME_ID) < 200)
			;
	else
		wait(NULL);
	_exit(0);
}

/* Room for 32: those who end make way for others, within a grace period of RCU. */
static void test_turns(struct evp_sampler_opts opts)
{
	const struct evp_sampler_ops *ops = &evp_sampler_bpf;
	struct evp_sampler *s;
	struct rusage used;
	int told[2];
	int64_t ms;
	char c;

	if (pipe(told))
		return;
	seen.pid = fork();
	if (!seen.pid) {
		for (int i = read(told[0], &c, 1) == 1 ? 0 : 120; i < 120; i++) {
			if (!fork()) {
				while (cpu_ms_of(CLOCK_PROCESS_CPUTIME_ID) < 3)
					;
				_exit(0);
			}
			wait(NULL);
		}
		_exit(0);
	}
	opts.max_procs = 32;
	opts.ring_bytes = 0;
	seen.samples = seen.lost = 0;
	if (ops->open(&s, &opts, NULL))
		return;
	ok(!ops->start(s, NULL) && write(told[1], "", 1) == 1, "room for 32 processes");
	wait4(seen.pid, NULL, 0, &used);
	ops->stop(s);
	ops->drain(s, &sink);
	ms = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
	     (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
	printf("# %llu samples of %lld ms, %llu lost\n", (unsigned long long)seen.samples,
	       (long long)ms, (unsigned long long)seen.lost);
	ok(ms > 300 && seen.lost * 10 <= seen.samples && about(seen.samples + seen.lost, ms),
	   "is enough for 120 in turn");
	ops->close(s);
	close(told[0]);
	close(told[1]);
}

/* There is room for the parent only. */
static void test_crowd(struct evp_sampler_opts opts)
{
	const struct evp_sampler_ops *ops = &evp_sampler_bpf;
	struct evp_sampler *s;
	int told[2];

	seen.pid = start_parent(told);
	opts.max_procs = 1;
	opts.ring_bytes = 0;
	seen.samples = seen.lost = 0;
	if (ops->open(&s, &opts, NULL))
		return;
	ok(!ops->start(s, NULL) && write(told[1], "", 1) == 1, "room for one process");
	waitpid(seen.pid, NULL, 0);
	ops->stop(s);
	ops->drain(s, &sink);
	ok(about(seen.lost, 200), "what its child does is lost and counted");
	ops->close(s);
	close(told[0]);
	close(told[1]);
}

int main(void)
{
	struct evp_sampler_opts opts = {
		.period_ns = EVP_NSEC / 999, .kernel = true, .npids = 1, .pids = &seen.pid
	};
	const struct evp_sampler_ops *ops = &evp_sampler_bpf;
	struct evp_sampler *s;
	struct evp_err err = { 0 };
	uint64_t before;
	int64_t ms;
	struct evp_check c;
	clockid_t clock;

	evp_check_run(&c);
	if (!c.can_bpf) {
		return skip_all("no BPF here");
	}
	seen.pid = fork();
	if (!seen.pid)
		for (;;)
			;
	clock_getcpuclockid(seen.pid, &clock);
	ok(!ops->open(&s, &opts, &err) && !ops->start(s, &err), "opens and starts");
	if (err.code)
		printf("# %s\n", err.msg);
	ms = spin(clock, 200);
	ok(!ops->drain(s, &sink), "drains");
	printf("# %llu samples, %llu stacks\n", (unsigned long long)seen.samples,
	       (unsigned long long)seen.nstacks);
	ok(about(seen.samples, ms), "a sample a millisecond of CPU");
	ok(!seen.homeless && !seen.strangers && !seen.lost, "of that process, each with its stack");
	ok(seen.nstacks < seen.samples / 2, "a stack comes once");
	before = seen.nstacks;
	ops->forget(s);
	spin(clock, 30);
	ops->drain(s, &sink);
	ok(seen.nstacks > before, "and again once it was forgotten");
	ok(ops->kernel_cost_ns(s) > 0, "it knows what it costs");
	ops->stop(s);
	ops->drain(s, &sink);
	before = seen.samples;
	spin(clock, 50);
	ops->drain(s, &sink);
	ok(seen.samples == before, "stops");
	ops->close(s);

	opts.user = true;
	seen.copies = seen.samples = 0;
	if (!ops->open(&s, &opts, &err) && !ops->start(s, &err)) {
		spin(clock, 20);
		ops->stop(s);
		ops->drain(s, &sink);
		ok(seen.samples > 5 && seen.copies == seen.samples,
		   "stacks of a process that it knows nothing of come as copies");
		ops->close(s);
	}
	opts.user = false;
	opts.ring_bytes = 4096;
	seen.samples = seen.lost = 0;
	if (!ops->open(&s, &opts, &err) && !ops->start(s, &err)) {
		ms = spin(clock, 100);
		for (int i = 0; i < 10; i++) { /* now there is no room for a stack either */
			ops->forget(s);
			ms += spin(clock, 10);
		}
		ops->stop(s);
		ops->drain(s, &sink);
		ops->drain(s, &sink);
		printf("# %llu samples\n", (unsigned long long)seen.samples);
		ok(seen.lost > 100 && seen.samples < 60, "a ring too small loses");
		ok(about(seen.lost + seen.samples, ms), "and every loss is counted");
		ops->close(s);
	}
	if (seen.pid > 0)
		kill(seen.pid, SIGKILL);
	waitpid(seen.pid, NULL, 0);
	test_crowd(opts);
	test_turns(opts);
	evp_map_release(&seen.stacks);
	return done_testing();
}
