// SPDX-License-Identifier: GPL-2.0-or-later
/* Whom to record, and who of them is left: this process, its thread, and children that are played. */
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "record/process_read.h"
#include "record/processes.h"
#include "record/targets.h"
#include "tap.h"

#define NOBODY 0x7fff0000 /* beyond any pid the kernel gives */

static struct evp_procs ps;
static pthread_barrier_t meet;

static struct evp_proc *event(struct evp_targets *t, struct evp_sideband_event ev)
{
	struct evp_proc *child;

	ev.name = "";
	ev.time_ns = evp_clock_ns(CLOCK_MONOTONIC);
	if (evp_procs_event(&ps, &ev, &child))
		printf("# event failed\n");
	evp_targets_event(t, &ps, &ev, &child);
	return child;
}

static struct evp_proc *fork_of(struct evp_targets *t, pid_t ptid, pid_t pid)
{
	return event(t, (struct evp_sideband_event){ .type = EVP_SB_FORK,
						     .pid = pid,
						     .tid = pid,
						     .ppid = getpid(),
						     .ptid = ptid });
}

static struct evp_proc *ended(struct evp_targets *t, pid_t pid, pid_t tid)
{
	return event(t, (struct evp_sideband_event){ .type = EVP_SB_EXIT, .pid = pid, .tid = tid });
}

static void *thread(void *arg)
{
	pid_t *tid = arg;

	*tid = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&meet);
	pthread_barrier_wait(&meet);
	return NULL;
}

static void test_processes(void)
{
	struct evp_targets t = { 0 };
	struct evp_err err = { 0 };

	evp_targets_add_pid(&t, NOBODY);
	ok(evp_targets_select(&t, &ps, 0, false, &err) == -ESRCH && strstr(err.msg, "2147418112"),
	   "one that ended is an error");
	ok(!evp_targets_select(&t, &ps, 0, true, &err) && evp_targets_ended(&t, &ps),
	   "not where everybody is recorded");
	ok(!evp_targets_select(&t, &ps, NOBODY, false, &err) && !evp_targets_ended(&t, &ps),
	   "a command need not be in /proc");
	ended(&t, NOBODY, NOBODY);
	ok(evp_targets_ended(&t, &ps), "its end");
	evp_targets_release(&t);
}

static void test_thread(pid_t tid)
{
	struct evp_targets t = { 0 };
	struct evp_proc *child;
	char list[32];

	snprintf(list, sizeof(list), "%d", tid);
	ok(!evp_targets_add_tids(&t, list, NULL) && t.thread[0].pid == getpid() &&
		   !evp_targets_select(&t, &ps, 0, false, NULL) && !evp_targets_ended(&t, &ps),
	   "a single thread");
	ok(!fork_of(&t, getpid(), NOBODY + 1), "another's child is not selected");
	child = fork_of(&t, tid, NOBODY + 2);
	ok(child && child->pid == NOBODY + 2 && child->selected, "its child is");
	event(&t, (struct evp_sideband_event){ .type = EVP_SB_LOST });
	ok(!t.thread[0].ended, "after a loss: it still is there");
	ended(&t, getpid(), tid);
	ok(t.thread[0].ended && !fork_of(&t, tid, NOBODY + 3), "its end, and none of its number");
	event(&t, (struct evp_sideband_event){ .type = EVP_SB_LOST });
	ended(&t, NOBODY + 2, NOBODY + 2);
	ok(evp_targets_ended(&t, &ps), "with its child's nobody is left");
	t.thread[0].ended = false;
	event(&t, (struct evp_sideband_event){
			  .type = EVP_SB_COMM, .is_exec = true, .pid = getpid(), .tid = getpid() });
	ok(t.thread[0].ended, "an exec of its process ends it");
	evp_targets_release(&t);
}

int main(void)
{
	pthread_t other;
	pid_t tid = 0;

	evp_procs_init(&ps);
	test_processes();
	pthread_barrier_init(&meet, NULL, 2);
	if (pthread_create(&other, NULL, thread, &tid))
		return 2;
	pthread_barrier_wait(&meet);
	test_thread(tid);
	pthread_barrier_wait(&meet);
	pthread_join(other, NULL);
	evp_procs_release(&ps);
	return done_testing();
}
