// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Too much of something, for some seconds; says how many nanoseconds of CPU time it took:
 *
 *	many threads N SECONDS	N threads at once, each of which works a little now and then
 *	many frames N SECONDS	recursion N deep
 *	many names SECONDS	names of odd bytes
 *	many nothing SECONDS	works
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long sink;
static double end;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

__attribute__((noinline)) static void burn(unsigned long n)
{
	while (n--)
		sink += n;
}

static void *work(void *arg)
{
	while (now() < end) {
		burn(200000);
		usleep(500000);
	}
	return NULL;
}

static int threads(long n)
{
	pthread_attr_t small;
	pthread_t t;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 65536);
	for (long i = 0; i < n; i++)
		if (pthread_create(&t, &small, work, NULL))
			return 3;
	while (now() < end)
		usleep(100000);
	return 0;
}

__attribute__((noinline)) static unsigned long deepest(void)
{
	while (now() < end)
		burn(100000);
	return sink;
}

__attribute__((noinline)) static unsigned long descend(long n)
{
	unsigned long r = n ? descend(n - 1) : deepest();

	return r + sink; /* not the last thing that it does: no jump */
}

static int names(void)
{
	static const char *const odd[] = { "new\nline",	   "esc\033[31mred", "\xff\xfe\x80",
					   "semi;colon;x", "tab\there",	     "back\\slash",
					   " blank ",	   "\x01\x02\x7f",   "a=b,c\"d\"",
					   "\xe2\x82" };

	for (unsigned int i = 0; now() < end; i = (i + 1) % (sizeof(odd) / sizeof(*odd))) {
		prctl(PR_SET_NAME, odd[i]);
		burn(5000000);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct timespec cpu;
	int rc = 0;

	if (argc < 3)
		return 2;
	end = now() + atof(argv[argc - 1]);
	if (!strcmp(argv[1], "threads"))
		rc = threads(atol(argv[2]));
	else if (!strcmp(argv[1], "frames"))
		descend(atol(argv[2]));
	else if (!strcmp(argv[1], "names"))
		rc = names();
	else
		deepest();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("%lld\n", cpu.tv_sec * 1000000000LL + cpu.tv_nsec);
	fflush(stdout);
	_exit(rc);
}
