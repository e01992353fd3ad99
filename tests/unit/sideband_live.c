// SPDX-License-Identifier: GPL-2.0-or-later
/* The side band of the running machine: what a fork and an exec of ours look like in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "record/sideband.h"
#include "tap.h"

struct seen {
	pid_t child;
	int forks, execs, mmaps, inodes, exits, disorder, lost;
	int64_t last_ns, fork_ns, exec_ns, exit_ns;
	char comm[64];
};

static void on_event(void *arg, const struct evp_sideband_event *e)
{
	struct seen *s = arg;

	s->disorder += e->time_ns < s->last_ns;
	s->last_ns = e->time_ns;
	s->lost += e->type == EVP_SB_LOST;
	if (e->pid != s->child)
		return;
	switch (e->type) {
	case EVP_SB_FORK:
		s->forks += e->ppid == getpid();
		s->fork_ns = e->time_ns;
		break;
	case EVP_SB_COMM:
		s->execs += e->is_exec;
		s->exec_ns = e->time_ns;
		snprintf(s->comm, sizeof(s->comm), "%s", e->name);
		break;
	case EVP_SB_MMAP:
		s->mmaps++;
		s->inodes += e->inode && e->name[0] == '/';
		break;
	case EVP_SB_EXIT:
		s->exits++;
		s->exit_ns = e->time_ns;
		break;
	default:
		break;
	}
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int run_true(void)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	return pid;
}

static void whole_story(const struct evp_sideband_opts *opts, const char *title)
{
	struct pollfd p = { .events = POLLIN };
	struct evp_sideband *sb = NULL;
	struct seen s = { 0 };
	struct evp_err err;
	int64_t before = now_ns();

	printf("# %s\n", title);
	if (evp_sideband_open(&sb, opts, &err)) {
		printf("# %s\n", err.msg);
		ok(0, "opens");
		return;
	}
	p.fd = evp_sideband_fd(sb);
	s.child = run_true();
	ok(poll(&p, 1, 1000) == 1, "an event wakes the reader");
	evp_sideband_drain(sb, before, on_event, &s);
	ok(!s.last_ns, "nothing is delivered before its time");
	evp_sideband_drain(sb, INT64_MAX, on_event, &s);
	ok(s.fork_ns >= before && s.exit_ns <= now_ns(),
	   "what was held back is stamped with the monotonic clock");
	ok(s.forks == 1, "one fork, from us");
	ok(s.execs == 1 && !strcmp(s.comm, "true"), "one exec, with its name");
	ok(s.mmaps >= 2, "mappings of the program and its libraries");
	ok(s.exits == 1, "one exit");
	ok(s.fork_ns < s.exec_ns && s.exec_ns < s.exit_ns && !s.disorder && !s.lost, "in order");
	ok(s.inodes >= 2, "files come with their inodes");
	evp_sideband_close(sb);
}

static void idle_is_quiet(void)
{
	const pid_t me = getpid();
	struct evp_sideband_opts opts = { .pids = &me, .npids = 1 };
	struct pollfd p = { .events = POLLIN };
	struct evp_sideband *sb = NULL;
	struct seen s = { 0 };

	if (evp_sideband_open(&sb, &opts, NULL))
		return;
	p.fd = evp_sideband_fd(sb);
	run_true();
	evp_sideband_drain(sb, INT64_MAX, on_event, &s);
	ok(poll(&p, 1, 200) == 0,
	   "after a drain, also with an ended child, nothing wakes the reader");
	evp_sideband_close(sb);
}

struct busy {
	struct evp_sideband *sb;
	int forks, lost, left;
};

/* Takes its time over the first event: more happens meanwhile than a ring holds. */
static void on_event_busy(void *arg, const struct evp_sideband_event *e)
{
	struct busy *b = arg;

	b->forks += e->type == EVP_SB_FORK && e->ppid == getpid();
	b->lost += e->type == EVP_SB_LOST;
	for (; b->left; b->left--) {
		run_true();
		evp_sideband_read(b->sb);
	}
}

static void read_meanwhile(void)
{
	const pid_t me = getpid();
	struct evp_sideband_opts opts = { .pids = &me, .npids = 1, .ring_bytes = 1 };
	struct busy b = { .left = 200 };

	if (evp_sideband_open(&b.sb, &opts, NULL))
		return;
	run_true();
	evp_sideband_drain(b.sb, INT64_MAX, on_event_busy, &b);
	evp_sideband_drain(b.sb, INT64_MAX, on_event_busy, &b);
	printf("# %d forks, %d lost\n", b.forks, b.lost);
	ok(b.forks == 201 && !b.lost,
	   "nothing is lost of what happens while events are handed out");
	evp_sideband_close(b.sb);
}

int main(void)
{
	const pid_t me = getpid();
	struct evp_sideband_opts all = { .all = true }, own = { .pids = &me, .npids = 1 };

	whole_story(&all, "the whole machine, or else all of our own processes");
	whole_story(&own, "one process and its children");
	idle_is_quiet();
	read_meanwhile();
	return done_testing();
}
