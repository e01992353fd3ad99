// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs a copy of a program that is nowhere but in memory: memory PROGRAM [ARGUMENT]... */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

int main(int argc, char **argv, char **env)
{
	int from = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	int to = memfd_create("odd; name", MFD_CLOEXEC);

	if (from < 0 || to < 0)
		return 2;
	while (sendfile(to, from, NULL, 1 << 20) > 0)
		;
	fexecve(to, argv + 1, env);
	return 126;
}
