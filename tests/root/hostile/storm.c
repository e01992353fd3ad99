// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starts processes at a rate, from as many loops as there are CPUs, and says how many there were
 * and how long they ran:
 *
 *	storm PER-SECOND SECONDS PROGRAM [ARGUMENT]	-> "STARTED CHILDREN-CPU-NS"
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static long loop(double rate, double seconds, char **argv)
{
	double start = now(), t;
	long n = 0;

	while ((t = now() - start) < seconds) {
		if (n >= t * rate) {
			usleep(200);
			continue;
		}
		pid_t pid = vfork();

		if (!pid) {
			execv(argv[0], argv);
			_exit(127);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), all = 0, n;
	struct rusage r;
	int fd[2];

	if (argc < 4 || pipe(fd))
		return 2;
	for (long i = 0; i < cpus; i++)
		if (!fork()) {
			n = loop(atof(argv[1]) / cpus, atof(argv[2]), argv + 3);
			_exit(write(fd[1], &n, sizeof(n)) != sizeof(n));
		}
	for (long i = 0; i < cpus; i++) {
		wait(NULL);
		if (read(fd[0], &n, sizeof(n)) == sizeof(n))
			all += n;
	}
	getrusage(RUSAGE_CHILDREN, &r);
	printf("%ld %lld\n", all,
	       (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000LL +
		       (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000LL);
	return 0;
}
