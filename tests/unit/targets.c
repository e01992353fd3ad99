// SPDX-License-Identifier: GPL-2.0-or-later
/* Threads that were named one by one: who ends, who is their child, when all is over. */
#include <stdlib.h>
#include <unistd.h>

#include "record/process_read.h"
#include "record/sideband.h"
#include "record/targets.h"
#include "tap.h"

#define NOBODY 0x7fff0000 /* beyond any pid the kernel gives */

static struct evp_procs ps;
static struct evp_targets t;

static struct evp_target_thread *named(pid_t tid, pid_t pid)
{
	struct evp_target_thread *threads = realloc(t.thread, (t.nthreads + 1) * sizeof(*threads));

	if (!threads)
		exit(2);
	t.thread = threads;
	threads[t.nthreads] = (struct evp_target_thread){ .tid = tid, .pid = pid };
	return &threads[t.nthreads++];
}

static const struct evp_proc *event(struct evp_sideband_event ev)
{
	struct evp_proc *child = NULL;

	evp_targets_event(&t, &ps, &ev, &child);
	return child;
}

static struct evp_sideband_event exec_of(pid_t pid)
{
	return (struct evp_sideband_event){
		.type = EVP_SB_COMM, .is_exec = true, .pid = pid, .tid = pid
	};
}

static struct evp_sideband_event fork_by(pid_t tid, pid_t pid, pid_t child)
{
	return (struct evp_sideband_event){
		.type = EVP_SB_FORK, .ptid = tid, .ppid = pid, .pid = child, .tid = child
	};
}

int main(void)
{
	pid_t own = getpid();

	evp_procs_init(&ps);
	evp_procs_add(&ps, NOBODY + 20);
	named(NOBODY + 1, NOBODY + 1);
	named(NOBODY + 2, NOBODY + 1);
	named(NOBODY + 12, NOBODY + 10);
	ok(event(fork_by(NOBODY + 2, NOBODY + 1, NOBODY + 20)) &&
		   evp_procs_find(&ps, NOBODY + 20)->selected,
	   "a process that a thread starts is selected");
	ok(!event(fork_by(NOBODY + 3, NOBODY + 1, NOBODY + 20)), "not another thread's");
	ok(!event(fork_by(NOBODY + 2, NOBODY + 1, NOBODY + 1)), "nor a thread");
	event((struct evp_sideband_event){ .type = EVP_SB_COMM, .pid = NOBODY + 1 });
	event(exec_of(NOBODY + 3));
	ok(!t.thread[0].ended && !t.thread[1].ended, "a name, and another's program, end none");
	event(exec_of(NOBODY + 1));
	ok(!t.thread[0].ended && t.thread[1].ended && !t.thread[2].ended,
	   "a program of its own leaves the first thread");
	ok(!event(fork_by(NOBODY + 2, NOBODY + 1, NOBODY + 20)), "who ended starts nothing");
	event((struct evp_sideband_event){ .type = EVP_SB_EXIT, .tid = NOBODY + 12 });
	ok(t.thread[2].ended && !t.thread[0].ended, "an exit ends one");
	named(own, own);
	event((struct evp_sideband_event){ .type = EVP_SB_LOST });
	ok(t.thread[0].ended && !t.thread[3].ended, "after a loss: who is not there has ended");
	ok(!evp_targets_ended(&t, &ps), "one goes on");
	event((struct evp_sideband_event){ .type = EVP_SB_EXIT, .tid = own });
	ok(!evp_targets_ended(&t, &ps), "and what one started");
	evp_procs_find(&ps, NOBODY + 20)->exit_ns = 1;
	ok(evp_targets_ended(&t, &ps), "then all is over");
	evp_targets_release(&t);
	evp_procs_release(&ps);
	return done_testing();
}
