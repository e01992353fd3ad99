/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command that is profiled: forked at once so that its pid is known, held until sampling is
 * on, then executed; its status is ours. And the signals between a terminal, the recorder and it.
 *
 *	evp_signals_open(&sig, &err);                     before the fork
 *	evp_workload_start(&w, argv, &sig, true, &err);
 *	... open samplers for w.pid; whether that worked or not ...
 *	evp_workload_release(&w, &err);                   exec; failure sets w.status 126 or 127
 *	poll w.pidfd; evp_workload_poll(&w) > 0: ended, w.status
 *	evp_workload_close(&w);
 *
 * The child gets back what the recorder changed for itself: signal mask and dispositions. It
 * inherits stdin, stdout, stderr and what else the caller's shell gave us; our own fds are
 * close-on-exec. Its user, groups, capabilities, securebits and no_new_privs are those that the
 * recorder's caller had (record/privilege.h).
 * It stays in the recorder's process group, so Ctrl-C at a terminal reaches both; a signal sent to
 * the recorder alone is passed on. If the recorder dies before the release the child goes too.
 */
#ifndef EVP_RECORD_WORKLOAD_H
#define EVP_RECORD_WORKLOAD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * SIGINT, SIGTERM and SIGHUP as readable events. A SIGHUP that was ignored on entry (nohup) stays
 * ignored; not so SIGINT, which a shell's background jobs ignore although `kill -INT` is how a
 * script ends a recording. SIGPIPE becomes an EPIPE.
 */
#define EVP_SIGNALS_CHANGED 4

struct evp_signals {
	int fd; /* non-blocking signalfd */
	sigset_t old_mask;
	struct sigaction old[EVP_SIGNALS_CHANGED]; /* what close, and the command, get back */
};

int evp_signals_open(struct evp_signals *s, struct evp_err *err);
/* The next signal, 0: none. *ret_sent: by kill(2) to us, not by the terminal to everybody. */
int evp_signals_next(struct evp_signals *s, bool *ret_sent);
void evp_signals_close(struct evp_signals *s); /* puts everything back */

struct evp_workload {
	pid_t pid; /* 0: none */
	int pidfd; /* readable once it has ended; -1: the kernel has none (before 5.3), poll now and
		      then */
	int go, failed; /* pipes: ours to release it, its to tell why exec failed */
	bool released, ended;
	int status; /* exit status, 128+signal, 126 not executable, 127 not found */
};

/*
 * Forks argv[0] (looked up in PATH by the child) and holds it. With stdout_to_stderr its standard
 * output is our standard error, because ours carries the stream. `s` may be NULL.
 */
int evp_workload_start(struct evp_workload *w, char *const argv[], const struct evp_signals *s,
		       bool stdout_to_stderr, struct evp_err *err);
/* Lets it exec and waits until that happened. On failure it has ended, with status 126 or 127. */
int evp_workload_release(struct evp_workload *w, struct evp_err *err);
/* 1: it has ended, w->status says how; 0: still there. Never blocks. */
int evp_workload_poll(struct evp_workload *w);
/* Blocks until it has ended and returns its status. */
int evp_workload_wait(struct evp_workload *w);
int evp_workload_signal(struct evp_workload *w, int sig); /* 0 or -errno; -ESRCH once ended */
/* Releases fds. One never released is ended; a running one is left alone. */
void evp_workload_close(struct evp_workload *w);

#endif
