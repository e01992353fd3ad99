// SPDX-License-Identifier: GPL-2.0-or-later
/* What the sandbox of the compiling child lets through, and what it dies of. */
#define _GNU_SOURCE
#include "unwind/sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static int sock[2];

static bool seals(void)
{
	int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd >= 0 && write(fd, "x", 1) == 1 && !fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE);
}

static bool has_one_descriptor(void)
{
	char c;

	return close(0) < 0 && close(1) < 0 && close(2) < 0 && close(4) < 0 &&
	       pread(EVP_SANDBOX_FD, &c, 1, 0) < 0;
}

static bool writes_much(void)
{
	int fd = memfd_create("x", MFD_CLOEXEC);

	return !ftruncate(fd, 1 << 20) || true;
}

/* More than 64 MiB: it gets none. */
static bool has_little_memory(void)
{
	return mmap(NULL, 65 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

static bool opens(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0 || true;
}

static bool executes(void)
{
	return execl("/bin/true", "true", NULL) || true;
}

static bool forks(void)
{
	return fork() >= 0 || true;
}

static bool connects(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 || true;
}

static bool kills(void)
{
	return !kill(getppid(), 0) || true;
}

/* The signal that a socket's owner gets, and when, are anybody's to choose. */
static bool signals(void)
{
	return !fcntl(EVP_SANDBOX_FD, F_SETOWN, 1) || true;
}

static bool makes_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) || true;
}

static bool regains(void)
{
	return !setuid(0) || true;
}

#ifdef __x86_64__
/* x32's numbers mean the same calls. */
static bool opens_by_x32(void)
{
	return syscall(0x40000000 | __NR_open, "/dev/null", O_RDONLY) >= 0 || true;
}
#endif

/* 0: it could; else the signal that it died of. */
static int tried(bool (*act)(void))
{
	const struct evp_sandbox sandbox = {
		.parent = getpid(), .max_heap = 64 << 20, .max_file = 4096, .name = "evp-sandbox"
	};
	pid_t pid = fork();
	int status = 0;

	if (!pid)
		_exit(evp_sandbox_enter(&sandbox, sock[1]) || !act());
	return waitpid(pid, &status, 0) != pid ? -1
	       : WIFSIGNALED(status)	       ? WTERMSIG(status)
					       : -WEXITSTATUS(status);
}

int main(void)
{
	static const struct {
		const char *what;
		bool (*act)(void);
		int sig;
	} cases[] = {
		{ "it seals what it has written", seals, 0 },
		{ "it has one descriptor", has_one_descriptor, 0 },
		{ "it writes no more than a table", writes_much, SIGXFSZ },
		{ "it has no more memory than it may", has_little_memory, 0 },
		{ "it opens nothing", opens, SIGSYS },
		{ "it executes nothing", executes, SIGSYS },
		{ "it forks not", forks, SIGSYS },
		{ "it connects to nothing", connects, SIGSYS },
		{ "it signals nobody", kills, SIGSYS },
		{ "it lets nobody be signalled", signals, SIGSYS },
		{ "it makes no code", makes_code, SIGSYS },
		{ "it regains nothing", regains, SIGSYS },
#ifdef __x86_64__
		{ "nor by the other numbers of x32", opens_by_x32, SIGSYS },
#endif
	};
	size_t n = sizeof(cases) / sizeof(*cases), i;

#ifdef __SANITIZE_ADDRESS__
	n = 1; /* sanitizers open and map what is forbidden: then nothing is */
#endif
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		return 2;
	for (i = 0; i < n; i++) {
		int got = tried(cases[i].act);

		if (got != cases[i].sig)
			printf("# %d\n", got);
		ok(got == cases[i].sig, cases[i].what);
	}
	return done_testing();
}
