// SPDX-License-Identifier: GPL-2.0-or-later
/* The life of processes that exist only in the side band, and of this one, which does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record/process_read.h"
#include "record/processes.h"
#include "tap.h"

#define NOBODY 0x7fff0000 /* beyond any pid the kernel gives */

static struct evp_procs ps;

static struct evp_proc *event(struct evp_sideband_event ev)
{
	struct evp_proc *child = NULL;

	if (!ev.name)
		ev.name = "";
	ev.name_len = (uint32_t)strlen(ev.name);
	if (evp_procs_event(&ps, &ev, &child))
		printf("# event failed\n");
	return child;
}

static struct evp_proc *fork_of(pid_t parent, pid_t pid, int64_t t)
{
	return event((struct evp_sideband_event){ .type = EVP_SB_FORK,
						  .time_ns = t,
						  .pid = pid,
						  .tid = pid,
						  .ppid = parent,
						  .ptid = parent });
}

static void mapped(pid_t pid, uint64_t addr, const char *name, int64_t t)
{
	event((struct evp_sideband_event){ .type = EVP_SB_MMAP,
					   .time_ns = t,
					   .pid = pid,
					   .addr = addr,
					   .len = 0x1000,
					   .prot = PROT_READ | PROT_EXEC,
					   .inode = name[0] == '/' ? addr : 0,
					   .name = name });
}

static void renamed(pid_t pid, const char *name, bool exec, int64_t t)
{
	event((struct evp_sideband_event){ .type = EVP_SB_COMM,
					   .time_ns = t,
					   .pid = pid,
					   .tid = pid,
					   .is_exec = exec,
					   .name = name });
}

static void test_life(void)
{
	struct evp_proc *p = evp_procs_scan_pid(&ps, getpid());
	int64_t t = p ? p->snapshot_ns : 0;
	uint64_t serial;

	ok(p && p->exe[0] == '/' && evp_mappings_find(p->maps, (uint64_t)(uintptr_t)test_life),
	   "our own process, from /proc");
	if (!p)
		return;
	mapped(getpid(), (uint64_t)(uintptr_t)test_life & ~0xfffULL, "//anon", t - 1);
	ok(evp_mappings_find(p->maps, (uint64_t)(uintptr_t)test_life)->file != NULL,
	   "an event older than the scan changes no mapping");
	ok(!fork_of(getpid(), NOBODY, t + 10), "a child of nobody selected");
	p->selected = true;
	p = fork_of(getpid(), NOBODY + 1, t + 20);
	ok(p && p->selected && evp_mappings_count(p->maps) && !strcmp(p->comm, "record_processe"),
	   "a child is as its parent, and selected with it");
	renamed(NOBODY + 1, "cc1", true, t + 30);
	ok(p && p->exec_generation == 1 && !evp_mappings_count(p->maps) && !strcmp(p->comm, "cc1"),
	   "exec: a name, no mappings");
	serial = p->serial;
	mapped(NOBODY + 1, 0x10000, "/usr/bin/cc1", t + 40);
	mapped(NOBODY + 1, 0x20000, "/lib/ld.so", t + 41);
	mapped(NOBODY + 1, 0x30000, "//anon", t + 42);
	ok(!strcmp(p->exe, "/usr/bin/cc1") && evp_mappings_count(p->maps) == 3 &&
		   p->serial != serial,
	   "the first file after it is the program");
	ok(evp_mappings_find(p->maps, 0x20010)->file != evp_mappings_find(p->maps, 0x10010)->file &&
		   !evp_mappings_find(p->maps, 0x30010)->file &&
		   !evp_mappings_find(p->maps, 0x40000),
	   "files, memory, nothing");
	event((struct evp_sideband_event){ .type = EVP_SB_MMAP,
					   .time_ns = t + 43,
					   .pid = NOBODY + 1,
					   .addr = UINT64_MAX - 0xfff,
					   .len = 0x2000,
					   .prot = PROT_EXEC,
					   .name = "//anon" });
	ok(evp_mappings_count(p->maps) == 3, "a mapping that wraps around is none");
	event((struct evp_sideband_event){
		.type = EVP_SB_EXIT, .time_ns = t + 50, .pid = NOBODY + 1, .tid = NOBODY + 2 });
	ok(!p->exit_ns, "a thread ended, not the process");
	event((struct evp_sideband_event){
		.type = EVP_SB_EXIT, .time_ns = t + 60, .pid = NOBODY + 1, .tid = NOBODY + 1 });
	evp_procs_reap(&ps, t + 60, false);
	ok(evp_procs_find(&ps, NOBODY + 1) == p, "an ended process stays for late samples");
	evp_procs_reap(&ps, t + 61, true);
	ok(!evp_procs_find(&ps, NOBODY + 1), "and is forgotten then");
	ok(evp_procs_find(&ps, getpid()) && evp_procs_find(&ps, getpid())->exe[0] == '/',
	   "the living stay");
}

static void test_samples(void)
{
	struct evp_raw_sample s = {
		.pid = NOBODY + 9, .tid = NOBODY + 9, .time_ns = 5, .comm = "gone"
	};
	struct evp_proc *p = evp_procs_of_sample(&ps, &s), *own;

	ok(p && !strcmp(p->comm, "gone") && p->exit_ns,
	   "a sample of a process long gone has its name");
	own = evp_procs_find(&ps, getpid());
	s = (struct evp_raw_sample){ .pid = getpid(), .start_ns = own->start_ns + 5000000 };
	ok(evp_procs_of_sample(&ps, &s) == own, "start times differ by less than a tick");
	for (int i = 0; i < 20000; i++) {
		fork_of(getpid(), NOBODY + 10 + i, own->snapshot_ns + i);
		event((struct evp_sideband_event){ .type = EVP_SB_EXIT,
						   .time_ns = own->snapshot_ns + i,
						   .pid = NOBODY + 10 + i,
						   .tid = NOBODY + 10 + i });
		if (i % 100 == 0)
			evp_procs_reap(&ps, own->snapshot_ns + i, false);
	}
	ok(ps.by_pid.nslots <= 8192, "20,000 short lives leave no trace");
}

static void test_cgroups(void)
{
	struct evp_raw_sample s = { .pid = NOBODY + 1, .tid = NOBODY + 1, .cgroup_id = 1ULL << 60 };
	struct evp_proc *p = evp_procs_find(&ps, getpid());

	fork_of(getpid(), s.pid, p->snapshot_ns + 1);
	event((struct evp_sideband_event){
		.type = EVP_SB_CGROUP, .cgroup_id = s.cgroup_id, .name = "/made.slice" });
	p = evp_procs_of_sample(&ps, &s);
	ok(p && !strcmp(p->cgroup, "/made.slice") && !p->cgroup_inherited,
	   "a cgroup that was heard of, by its id");
	evp_procs_reap(&ps, 0, true);
	ok(!evp_cgroup_ids_path(&ps.cgroup_ids, s.cgroup_id) && !strcmp(p->cgroup, "/made.slice"),
	   "a sweep forgets what it was called, not where the process is");
}

static void test_loss(void)
{
	struct evp_proc *own = evp_procs_find(&ps, getpid()), *p;
	uint64_t serial = own->serial;
	size_t n = ps.by_pid.n;

	p = evp_procs_find(&ps, NOBODY + 1);
	event((struct evp_sideband_event){ .type = EVP_SB_LOST, .lost = 1 });
	ok(p->exit_ns && !own->exit_ns && ps.by_pid.n == n, "after a loss: who is gone has ended");
	ok(evp_procs_find(&ps, getpid()) == own && own->serial != serial &&
		   evp_mappings_find(own->maps, (uint64_t)(uintptr_t)test_loss),
	   "and who lives is read anew");
	serial = own->serial;
	ps.rescan_from_ns = INT64_MAX;
	event((struct evp_sideband_event){ .type = EVP_SB_LOST, .lost = 1 });
	ok(own->serial == serial && ps.rescan_due, "but not too often");
	ps.rescan_from_ns = 0;
	renamed(NOBODY + 1, "any event", false, 0);
	ok(own->serial != serial && !ps.rescan_due, "then with the next event");
}

int main(void)
{
	evp_procs_init(&ps);
	test_life();
	test_samples();
	test_cgroups();
	test_loss();
	ok(!evp_procs_scan(&ps, NULL) && ps.by_pid.n > 1, "the whole of /proc");
	evp_procs_release(&ps);
	return done_testing();
}
