// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose sample is whose: births, deaths, numbers used again, names, and how much is remembered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/perf_select.h"
#include "tap.h"

/* Numbers no process of this machine has, so that /proc has nothing to say. */
#define BASE (1 << 28)

static void task(struct evp_perf_select *s, enum evp_sideband_type type, int pid, int tid, int ppid)
{
	struct evp_sideband_event e = { .type = type, .name = "" };

	e.pid = BASE + pid;
	e.tid = BASE + tid;
	e.ppid = e.ptid = BASE + ppid;
	evp_perf_select_event(s, &e);
}

static void named(struct evp_perf_select *s, int pid, int tid, const char *name)
{
	struct evp_sideband_event e = { .type = EVP_SB_COMM, .name = name };

	e.pid = BASE + pid;
	e.tid = BASE + tid;
	evp_perf_select_event(s, &e);
}

static int chosen(const struct evp_perf_select *s, int pid)
{
	return evp_perf_select_sample(s, BASE + pid, BASE + pid, 0);
}

static int is_called(struct evp_perf_select *s, int pid, int tid, const char *name)
{
	return !strcmp(evp_perf_select_comm(s, BASE + pid, BASE + tid), name);
}

static void births(void)
{
	struct evp_perf_select s = { 0 };

	evp_perf_select_pid(&s, BASE + 1);
	task(&s, EVP_SB_FORK, 2, 2, 1);
	task(&s, EVP_SB_FORK, 3, 3, 2);
	task(&s, EVP_SB_FORK, 9, 9, 8);
	ok(chosen(&s, 1) && chosen(&s, 2) && chosen(&s, 3) && !chosen(&s, 9),
	   "children of children");
	task(&s, EVP_SB_EXIT, 3, 3, 2);
	ok(chosen(&s, 3), "the last of a process, behind its exit record");
	task(&s, EVP_SB_FORK, 3, 3, 8);
	ok(!chosen(&s, 3), "its number, used again by a stranger");
	task(&s, EVP_SB_FORK, 4, 4, 3);
	ok(!chosen(&s, 4), "the stranger's child");
	task(&s, EVP_SB_EXIT, 1, 1, 0);
	task(&s, EVP_SB_FORK, 1, 1, 8);
	ok(!chosen(&s, 1), "the number of one selected by number, used again");
	task(&s, EVP_SB_FORK, 3, 3, 2);
	ok(chosen(&s, 3), "and again by a child");
	evp_perf_select_release(&s);
}

static void names(void)
{
	struct evp_perf_select s = { .all = true };

	ok(is_called(&s, 1, 1, ""), "nobody knows");
	named(&s, 1, 1, "a-name-of-more-than-fifteen");
	ok(is_called(&s, 1, 1, "a-name-of-more-"), "cut as the kernel does");
	task(&s, EVP_SB_FORK, 2, 2, 1);
	ok(is_called(&s, 2, 2, "a-name-of-more-"), "inherited");
	named(&s, 2, 2, "exec");
	task(&s, EVP_SB_EXIT, 2, 2, 1);
	ok(is_called(&s, 2, 2, "exec"), "kept behind the exit record");
	task(&s, EVP_SB_FORK, 2, 2, 7);
	ok(is_called(&s, 2, 2, ""), "not by a stranger of that number");
	named(&s, 1, 1, "x");
	evp_perf_select_event(&s, &(struct evp_sideband_event){ .type = EVP_SB_LOST, .name = "" });
	ok(is_called(&s, 1, 1, "") && s.forks_lost, "after a loss nothing is believed");
	evp_perf_select_release(&s);
}

static void bounds(void)
{
	struct evp_perf_select s = { 0 };
	int i;

	evp_perf_select_pid(&s, BASE + 1);
	named(&s, 1, 1, "make");
	for (i = 2; i < 300000; i++) {
		task(&s, EVP_SB_FORK, i, i, 1);
		if (i % 100)
			task(&s, EVP_SB_EXIT, i, i, 1);
	}
	ok(chosen(&s, 1) && chosen(&s, 200) && chosen(&s, 299900) &&
		   is_called(&s, 200, 200, "make"),
	   "who lives is remembered");
	printf("# %zu processes and %zu names kept of 300000\n", s.pids.n, s.comms.n);
	ok(s.pids.n < 70000 && s.comms.n < 70000 && s.ncomms < 70000, "who ended is forgotten");
	evp_perf_select_release(&s);
}

static void threads(void)
{
	struct evp_perf_select s = { 0 };

	evp_perf_select_thread(&s, &(struct evp_target_thread){ .tid = BASE + 5, .pid = BASE + 4 });
	ok(evp_perf_select_sample(&s, BASE + 4, BASE + 5, 0) &&
		   !evp_perf_select_sample(&s, BASE + 4, BASE + 4, 0),
	   "a thread, and no other");
	ok(evp_perf_select_inherited(&s, BASE + 4, BASE + 5) &&
		   !evp_perf_select_inherited(&s, BASE + 4, BASE + 6) &&
		   evp_perf_select_inherited(&s, BASE + 7, BASE + 7),
	   "of who inherited its event: not the threads that it started");
	task(&s, EVP_SB_FORK, 8, 8, 5);
	ok(chosen(&s, 8), "a process that it started");
	task(&s, EVP_SB_EXIT, 4, 5, 0);
	task(&s, EVP_SB_FORK, 9, 5, 9);
	ok(!evp_perf_select_sample(&s, BASE + 9, BASE + 5, 0), "its number, used again");
	evp_perf_select_release(&s);
}

static void cgroup(struct evp_perf_select *s, const char *path, uint64_t id)
{
	evp_perf_select_event(s,
			      &(struct evp_sideband_event){ .type = EVP_SB_CGROUP,
							    .cgroup_id = id,
							    .name = path,
							    .name_len = (uint32_t)strlen(path) });
}

static void cgroups(void)
{
	struct evp_perf_select s = { .paths = calloc(1, sizeof(*s.paths)), .npaths = 1 };

	evp_str_puts(s.paths, "/a/b");
	cgroup(&s, "/a/b/c", 10);
	cgroup(&s, "/a/bc", 11);
	cgroup(&s, "/a", 12);
	ok(evp_perf_select_sample(&s, BASE, BASE, 10) &&
		   !evp_perf_select_sample(&s, BASE, BASE, 11) &&
		   !evp_perf_select_sample(&s, BASE, BASE, 12) &&
		   !evp_perf_select_sample(&s, BASE, BASE, 0),
	   "a cgroup made below a selected one, not beside or above it");
	evp_perf_select_release(&s);
}

int main(void)
{
	births();
	names();
	bounds();
	threads();
	cgroups();
	return done_testing();
}
