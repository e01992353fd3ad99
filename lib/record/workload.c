// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/workload.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "record/privilege.h"

static const int changed[EVP_SIGNALS_CHANGED] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

static void put_back(const struct evp_signals *s)
{
	size_t i;

	for (i = 0; i < EVP_SIGNALS_CHANGED; i++)
		sigaction(changed[i], &s->old[i], NULL);
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
}

int evp_signals_open(struct evp_signals *s, struct evp_err *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, deliver = { .sa_handler = SIG_DFL };
	sigset_t mask;
	size_t i;

	sigemptyset(&mask);
	for (i = 0; i < EVP_SIGNALS_CHANGED; i++) {
		sigaction(changed[i], NULL, &s->old[i]);
		if (changed[i] != SIGPIPE &&
		    (changed[i] != SIGHUP || s->old[i].sa_handler != SIG_IGN))
			sigaddset(&mask, changed[i]);
	}
	s->fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->fd < 0)
		return evp_fail_errno(err, errno, "cannot watch signals");
	sigprocmask(SIG_BLOCK, &mask, &s->old_mask);
	for (i = 0; i < EVP_SIGNALS_CHANGED; i++)
		if (changed[i] == SIGPIPE)
			sigaction(SIGPIPE, &ignore, NULL);
		else if (sigismember(&mask, changed[i])) /* blocked and ignored would be lost */
			sigaction(changed[i], &deliver, NULL);
	return 0;
}

int evp_signals_next(struct evp_signals *s, bool *ret_sent)
{
	struct signalfd_siginfo info;

	if (read(s->fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	*ret_sent = info.ssi_code <= 0; /* SI_USER and its like; the terminal's is SI_KERNEL */
	return (int)info.ssi_signo;
}

void evp_signals_close(struct evp_signals *s)
{
	if (s->fd < 0)
		return;
	close(s->fd);
	s->fd = -1;
	put_back(s);
}

/* In the child: waits for the word, then becomes the command. */
static _Noreturn void become(char *const argv[], const struct evp_signals *s, bool stdout_to_stderr,
			     int go, int failed)
{
	char word;
	int code;

	if (s)
		put_back(s);
	if (evp_read_full(go, &word, 1) != 1)
		_exit(125); /* the recorder is gone */
	code = -evp_privilege_as_caller();
	if (!code && (!stdout_to_stderr || dup2(STDERR_FILENO, STDOUT_FILENO) >= 0))
		execvp(argv[0], argv);
	if (!code)
		code = errno;
	evp_write_all(failed, &code, sizeof(code));
	_exit(code == ENOENT ? 127 : 126);
}

/* Pipes above the standard three, should one of those be closed: the command gets them as they are. */
static int pipe_above(int ret_fds[2])
{
	int fds[2], i;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	for (i = 0; i < 2; i++) {
		ret_fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		close(fds[i]);
	}
	return ret_fds[0] < 0 || ret_fds[1] < 0 ? -EMFILE : 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int evp_workload_start(struct evp_workload *w, char *const argv[], const struct evp_signals *s,
		       bool stdout_to_stderr, struct evp_err *err)
{
	int go[2] = { -1, -1 }, failed[2] = { -1, -1 };
	pid_t pid;
	int rc;

	*w = (struct evp_workload){ .pidfd = -1, .go = -1, .failed = -1 };
	rc = pipe_above(go);
	if (!rc)
		rc = pipe_above(failed);
	pid = rc ? -1 : fork();
	if (pid < 0) {
		rc = evp_fail_errno(err, rc ? -rc : errno, "cannot start '%s'", argv[0]);
		goto out;
	}
	if (!pid) {
		close(go[1]); /* else the recorder's end would go unnoticed */
		become(argv, s, stdout_to_stderr, go[0], failed[1]);
	}
	w->pid = pid;
	w->pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* always close-on-exec */
	w->go = go[1];
	w->failed = failed[0];
	go[1] = failed[0] = -1;
out:
	close_fd(&go[0]);
	close_fd(&go[1]);
	close_fd(&failed[0]);
	close_fd(&failed[1]);
	return rc;
}

int evp_workload_release(struct evp_workload *w, struct evp_err *err)
{
	ssize_t n;
	int code;

	if (w->released || !w->pid)
		return evp_fail(err, EINVAL, "nothing to release");
	w->released = true;
	evp_write_all(w->go, "g", 1); /* EPIPE: it was killed while it waited, see poll */
	close_fd(&w->go);
	n = evp_read_full(w->failed, &code, sizeof(code));
	close_fd(&w->failed);
	if (n != sizeof(code))
		return 0;
	evp_workload_wait(w);
	return evp_fail_errno(err, code, "cannot run the command");
}

static int end(struct evp_workload *w, int options)
{
	int status;
	pid_t pid;

	if (w->ended || !w->pid)
		return 1;
	do {
		pid = waitpid(w->pid, &status, options);
	} while (pid < 0 && errno == EINTR);
	if (!pid)
		return 0;
	w->ended = true;
	if (pid < 0)
		w->status = 125; /* somebody else waited for it; it cannot be had any more */
	else
		w->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 1;
}

int evp_workload_poll(struct evp_workload *w)
{
	return end(w, WNOHANG);
}

int evp_workload_wait(struct evp_workload *w)
{
	end(w, 0);
	return w->status;
}

int evp_workload_signal(struct evp_workload *w, int sig)
{
	if (w->ended || !w->pid)
		return -ESRCH;
	return kill(w->pid, sig) < 0 ? -errno : 0;
}

void evp_workload_close(struct evp_workload *w)
{
	close_fd(&w->go);
	close_fd(&w->failed);
	if (w->pid && !w->released)
		evp_workload_wait(w);
	close_fd(&w->pidfd);
	*w = (struct evp_workload){ .pidfd = -1, .go = -1, .failed = -1 };
}
