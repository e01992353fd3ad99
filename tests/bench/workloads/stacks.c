// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stacks of the recorder's bench, built with -O2 -fomit-frame-pointer:
 *
 *	stacks qsort MS [COUNTER]   40 calls deep, then libc's qsort with a callback: about 52 frames
 *	stacks DEPTH MS             DEPTH calls of one function, up and down
 *	stacks signal MS            the first, with a handler that runs half of the time
 *	stacks vdso MS              ten deep, asking for the time
 *	stacks thread MS            the first, in a thread
 *
 * Ends after MS of CPU time, or with an s behind MS stays asleep then, so that a profiler still
 * finds its mappings. COUNTER is a file of 8 bytes where the rounds done are kept.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NITEMS 64
#define NEST   40

static volatile uint64_t sink;
static uint64_t *rounds;
static uint64_t own_rounds;

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static __attribute__((noinline)) int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b, h = x;

	for (int i = 0; i < 200; i++)
		h = (h ^ y) * 2654435761u;
	sink += h;
	return (x > y) - (x < y);
}

static void sort(void)
{
	uint32_t items[NITEMS];

	for (uint32_t i = 0; i < NITEMS; i++)
		items[i] = (i * 2654435761u) ^ (uint32_t)*rounds;
	qsort(items, NITEMS, sizeof(*items), compare);
	sink += items[0];
}

static void burn(void)
{
	uint32_t h = 1;

	for (int i = 0; i < 20000; i++)
		h = (h ^ (uint32_t)i) * 2654435761u;
	sink += h;
}

static void ask_time(void)
{
	struct timespec t;

	for (int i = 0; i < 1000; i++) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		sink += (uint64_t)t.tv_nsec;
	}
}

/* The volatile add after the call keeps it from being a jump. */
static __attribute__((noinline, noclone)) void nest(int depth, void (*work)(void))
{
	if (depth > 1)
		nest(depth - 1, work);
	else
		work();
	sink += (uint64_t)depth;
}

static void on_alarm(int sig)
{
	sink += (uint64_t)sig;
	for (int i = 0; i < 25; i++)
		burn();
}

static void start_alarms(void)
{
	struct sigaction how = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval every = { { 0, 2000 }, { 0, 2000 } };

	sigaction(SIGALRM, &how, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static void stop_alarms(void)
{
	struct itimerval never = { 0 };

	setitimer(ITIMER_REAL, &never, NULL);
}

static void run(int depth, void (*work)(void), double ms)
{
	while (cpu_ms() < ms) {
		nest(depth, work);
		++*rounds;
	}
}

static void *in_thread(void *arg)
{
	run(NEST, sort, *(double *)arg);
	return NULL;
}

static bool keep_rounds_in(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0644);

	if (fd < 0 || ftruncate(fd, sizeof(*rounds)))
		return false;
	rounds = mmap(NULL, sizeof(*rounds), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return rounds != MAP_FAILED;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	char *rest = "";
	double ms = argc > 2 ? strtod(argv[2], &rest) : 0;
	pthread_t thread;

	rounds = &own_rounds;
	if (argc < 3 || (argc > 3 && !keep_rounds_in(argv[3])))
		return 2;
	if (!strcmp(mode, "signal"))
		start_alarms();
	if (!strcmp(mode, "vdso")) {
		run(10, ask_time, ms);
	} else if (!strcmp(mode, "thread")) {
		pthread_create(&thread, NULL, in_thread, &ms);
		pthread_join(thread, NULL);
	} else if (atoi(mode) > 0) {
		run(atoi(mode), burn, ms);
	} else {
		run(NEST, sort, ms);
	}
	stop_alarms();
	while (*rest == 's')
		pause();
	return 0;
}
