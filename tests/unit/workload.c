// SPDX-License-Identifier: GPL-2.0-or-later
/* The profiled command: held, released, its status, its fds and its signals. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "record/workload.h"
#include "tap.h"

/* Runs a shell line to its end; what it printed on stdout is in text (at most 4095 bytes). */
static int shell(const char *line, const struct evp_signals *s, bool swap, char *text)
{
	char sh[] = "sh", c[] = "-c", *argv[] = { sh, c, (char *)line, NULL };
	int out[2], keep[2] = { dup(1), dup(2) }, status;
	struct evp_workload w;
	ssize_t n;

	if (pipe2(out, O_CLOEXEC) || keep[0] < 0 || keep[1] < 0)
		return -1;
	dup2(out[1], swap ? 2 : 1);
	close(out[1]);
	status = evp_workload_start(&w, argv, s, swap, NULL) || evp_workload_release(&w, NULL);
	dup2(keep[0], 1);
	dup2(keep[1], 2);
	close(keep[0]);
	close(keep[1]);
	n = status ? 0 : evp_read_full(out[0], text, 4095);
	text[n > 0 ? n : 0] = '\0';
	close(out[0]);
	status = status ? -1 : evp_workload_wait(&w);
	evp_workload_close(&w);
	return status;
}

static int run(char *const argv[], struct evp_err *err)
{
	struct evp_workload w;
	int status;

	if (evp_workload_start(&w, argv, NULL, false, err))
		return -1;
	evp_workload_release(&w, err);
	status = evp_workload_wait(&w);
	evp_workload_close(&w);
	return status;
}

static void statuses(void)
{
	char no_file[] = "/nonexistent/command", no_command[] = "evp-no-such", tmp[] = "/tmp";
	char *absent[] = { no_file, NULL }, *not_in_path[] = { no_command, NULL };
	char *folder[] = { tmp, NULL };
	struct evp_err err = { 0 };
	char text[4096];

	ok(shell("exit 42", NULL, false, text) == 42, "its own status");
	ok(shell("kill -9 $$", NULL, false, text) == 137, "128 + signal");
	ok(run(absent, &err) == 127 && err.code == ENOENT, "127: not found");
	ok(run(not_in_path, &err) == 127, "127: not in PATH");
	ok(run(folder, &err) == 126 && err.code == EACCES, "126: not executable");
}

static void held(void)
{
	char path[] = "/tmp/evp-unit.XXXXXX", rm[] = "rm", *argv[] = { rm, path, NULL };
	struct pollfd p = { .events = POLLIN };
	struct evp_workload w;
	int fd = mkstemp(path);

	close(fd);
	ok(!evp_workload_start(&w, argv, NULL, false, NULL) && w.pid > 0, "starts");
	p.fd = w.pidfd;
	ok(!poll(&p, 1, 100) && !evp_workload_poll(&w) && !access(path, F_OK), "is held");
	ok(!evp_workload_release(&w, NULL), "is released");
	ok(w.pidfd < 0 || poll(&p, 1, 5000) == 1, "its pidfd tells of its end");
	ok(evp_workload_poll(&w) == 1 && !w.status && access(path, F_OK), "did its work");
	ok(evp_workload_signal(&w, SIGTERM) == -ESRCH, "no signal for a pid that may be another's");
	evp_workload_close(&w);
	ok(!evp_workload_start(&w, argv, NULL, false, NULL), "another one");
	evp_workload_close(&w);
	ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
	   "never released: ended, no zombie left");
	unlink(path);
}

static void inherits(void)
{
	static const char masks[] = "grep -E '^Sig(Blk|Ign)' /proc/self/status";
	char before[4096], after[4096], fds_before[4096], fds_after[4096];
	struct evp_signals s;
	bool sent = false;
	int fd;

	signal(SIGINT, SIG_IGN); /* as in a shell's background job */
	shell(masks, NULL, false, before);
	shell("ls -l /proc/self/fd | grep -c pipe; ls /proc/self/fd | wc -l", NULL, false,
	      fds_before);
	if (evp_signals_open(&s, NULL))
		return;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	shell(masks, &s, false, after);
	shell("ls -l /proc/self/fd | grep -c pipe; ls /proc/self/fd | wc -l", &s, false, fds_after);
	ok(*before && !strcmp(before, after), "signal mask and dispositions as we found them");
	ok(*fds_before && !strcmp(fds_before, fds_after), "none of our file descriptors");
	close(fd);
	ok(!evp_signals_next(&s, &sent), "no signal yet");
	kill(getpid(), SIGTERM);
	ok(evp_signals_next(&s, &sent) == SIGTERM && sent, "a signal, sent to us alone");
	kill(getpid(), SIGINT);
	ok(evp_signals_next(&s, &sent) == SIGINT, "SIGINT, though it was ignored on entry");
	evp_signals_close(&s);
	ok(signal(SIGINT, SIG_DFL) == SIG_IGN, "afterwards it is ignored again");
	ok(!shell("echo here", NULL, true, after) && !strcmp(after, "here\n"),
	   "its stdout on our stderr");
}

static void forwards(void)
{
	char command[] = "sleep", time[] = "100", *argv[] = { command, time, NULL };
	struct evp_workload w;

	if (evp_workload_start(&w, argv, NULL, false, NULL) || evp_workload_release(&w, NULL))
		return;
	ok(!evp_workload_signal(&w, SIGTERM) && evp_workload_wait(&w) == 128 + SIGTERM,
	   "a signal passed on");
	evp_workload_close(&w);
	if (evp_workload_start(&w, argv, NULL, false, NULL))
		return;
	kill(w.pid, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	evp_workload_release(&w, NULL);
	ok(evp_workload_wait(&w) == 128 + SIGKILL, "killed while it was held");
	evp_workload_close(&w);
}

int main(void)
{
	statuses();
	held();
	inherits();
	forwards();
	return done_testing();
}
