// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

/* Its end is heard of by a pipe that it holds, so that no other child's is taken for it. */
static pid_t start(void (*touch)(void *arg), void *arg, int *ret_pipe)
{
	pid_t parent = getpid(), pid;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		/* It may be stuck for long: what the recorder has open it must not keep. */
		dup2(ends[1], 0);
		closefrom(1);
		setsid();
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
			_exit(1);
		touch(arg);
		_exit(0);
	}
	close(ends[1]);
	*ret_pipe = ends[0];
	if (pid < 0)
		close(ends[0]);
	return pid;
}

static bool ends_in_time(int pipe)
{
	int64_t until_ns = evp_clock_ns(CLOCK_MONOTONIC) + EVP_DEVICE_MS * (EVP_NSEC / 1000), left;
	struct pollfd p = { .fd = pipe };

	do {
		left = (until_ns - evp_clock_ns(CLOCK_MONOTONIC)) * 1000 / EVP_NSEC;
	} while (left > 0 && poll(&p, 1, (int)left) < 0 && errno == EINTR);
	return p.revents;
}

static bool has_ended(struct evp_device *d, int options)
{
	pid_t pid;

	do {
		pid = waitpid(d->child, NULL, options);
	} while (pid < 0 && errno == EINTR);
	if (pid)
		d->child = 0;
	return pid;
}

bool evp_device_answers(struct evp_device *d, void (*touch)(void *arg), void *arg)
{
	int pipe;

	if (d->child && !has_ended(d, WNOHANG))
		return false;
	d->child = start(touch, arg, &pipe);
	if (d->child < 0) {
		d->child = 0;
		return false;
	}
	if (ends_in_time(pipe))
		has_ended(d, 0);
	close(pipe);
	return !d->child;
}
