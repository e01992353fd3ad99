// SPDX-License-Identifier: GPL-2.0-or-later
/* The child that compiles: its answers, its privileges, its deaths. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>

#include "../../lib/unwind/compiler.c"
#include "tap.h"

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1 /* then the child keeps what a report needs: unwind/sandbox.c */
#else
#define SANITIZED 0
#endif

static bool same(const struct evp_unwind_table *a, const struct evp_unwind_table *b)
{
	return a->nwords == b->nwords && a->first_page == b->first_page &&
	       !memcmp(a->word, b->word, a->nwords * sizeof(*a->word));
}

static bool status_has(pid_t pid, const char *line)
{
	char path[64], text[256];
	bool has = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && !has && fgets(text, sizeof(text), f))
		has = !strcmp(text, line);
	if (f)
		fclose(f);
	return has;
}

static int open_fds(pid_t pid)
{
	char path[64];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static void count(void *arg)
{
	++*(int *)arg;
}

static int table_errno(struct evp_compiler *c, int fd)
{
	struct evp_unwind_table t = { 0 };
	int rc = evp_compiler_table(c, fd, NULL, NULL, &t, NULL);

	evp_unwind_table_release(&t);
	return -rc;
}

static void hostile_answers(struct evp_compiler *c, int libc)
{
	struct evp_compiler_answer a = { .table = { .nwords = 2, .npages = 1 } };
	int sock[2], pipe_fd[2], none;

	/* A child of ours that says what it should not. */
	none = pipe(pipe_fd);
	end_child(c);
	c->pid = fork();
	if (!c->pid)
		for (;;)
			pause();
	none |= socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sock);
	c->sock = sock[0];
	a.number = c->number + 1;
	evp_compiler_send(sock[1], &a, sizeof(a), pipe_fd, 1);
	ok(!none && table_errno(c, libc) == EBADMSG, "a pipe is no table");
	ok(!c->pid && !table_errno(c, libc), "who said so is replaced");
	close(sock[1]);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

int main(void)
{
	int libc = open("/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY | O_CLOEXEC);
	int text = open("/etc/passwd", O_RDONLY | O_CLOEXEC), status, i;
	struct evp_unwind_table here = { 0 }, there = { 0 };
	struct evp_compiler *c = NULL;
	pid_t other, before;
	siginfo_t info;
	int turns = 0;

	setlinebuf(stdout);
	alarm(30);
	other = fork();
	if (!other)
		_exit(7);
	ok(!evp_compiler_new(&c, NULL), "starts");
	ok(!evp_unwind_compile_fd(libc, &here, NULL) &&
		   !evp_compiler_table(c, libc, NULL, NULL, &there, NULL),
	   "a table");
	ok(same(&here, &there), "is the one that this process would make");
	ok(evp_compiler_cpu_ns(c) > 0, "and its CPU time is known");
	ok(status_has(c->pid, "CapPrm:\t0000000000000000\n") &&
		   status_has(c->pid, "CapEff:\t0000000000000000\n") &&
		   status_has(c->pid, "NoNewPrivs:\t1\n"),
	   "without capabilities");
	ok(SANITIZED || status_has(c->pid, "Seccomp:\t2\n"), "with a filter of system calls");
	for (i = 0; i < 100 && open_fds(c->pid) != 1 && !SANITIZED; i++)
		usleep(10000); /* it closes the file behind its answer */
	ok(SANITIZED || open_fds(c->pid) == 1, "and one descriptor");
	ok(table_errno(c, text) == ENOEXEC, "text has no table");
	before = c->pid;
	kill(c->pid, SIGKILL);
	waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT);
	ok(!table_errno(c, libc) && c->pid != before, "one that was killed is replaced");
	kill(c->pid, SIGSTOP);
	ok(evp_compiler_table(c, libc, count, &turns, &there, NULL) == -ETIMEDOUT && turns > 20,
	   "one that hangs is given up; meanwhile there is time for other things");
	ok(!table_errno(c, libc), "and replaced");
	hostile_answers(c, libc);
	ok(waitpid(other, &status, 0) == other && WEXITSTATUS(status) == 7,
	   "nobody else's child is waited for");
	before = c->pid;
	evp_compiler_free(c);
	ok(kill(before, 0) < 0, "and none is left behind");
	evp_unwind_table_release(&here);
	evp_unwind_table_release(&there);
	return done_testing();
}
