// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Works for some seconds of CPU time at the bottom of a few calls: work SECONDS. With -DNAME the
 * innermost function has another name, with -DPAD other code stands before it.
 */
#include <stdlib.h>
#include <time.h>

#ifndef NAME
#define NAME innermost
#endif

static volatile unsigned long sink;

#ifdef PAD
__attribute__((noinline, used)) static void pad(void)
{
	for (int i = 0; i < PAD; i++)
		sink *= sink + 3;
}
#endif

__attribute__((noinline)) static void NAME(void)
{
	for (unsigned long n = 100000; n--;)
		sink += n;
}

__attribute__((noinline)) static void middle(void)
{
	volatile char room[100];

	room[0] = 1;
	NAME();
	sink += (unsigned long)room[0];
}

int main(int argc, char **argv)
{
	struct timespec now, end;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	now = end;
	while (now.tv_sec - end.tv_sec + (now.tv_nsec - end.tv_nsec) / 1e9 < atof(argv[1])) {
		middle();
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	}
	return 0;
}
