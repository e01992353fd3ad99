// SPDX-License-Identifier: GPL-2.0-or-later
/* The clock, read by the vdso. */
#include <time.h>

#include "work.h"

static void read_clocks(void)
{
	struct timespec t;
	int i;

	for (i = 0; i < 500; i++) {
		clock_gettime(CLOCK_MONOTONIC, &t);
		clock_gettime(CLOCK_REALTIME, &t);
		work_sink += (unsigned long)t.tv_nsec;
	}
}

int main(void)
{
	for (;;)
		descend(20, read_clocks);
}
