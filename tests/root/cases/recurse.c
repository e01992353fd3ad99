// SPDX-License-Identifier: GPL-2.0-or-later
/* As many frames as the argument says. */
#include "work.h"

static void busy(void)
{
	work_sink += work(2000000);
}

int main(int argc, char **argv)
{
	int depth = argc > 1 ? atoi(argv[1]) : 100;

	for (;;)
		descend(depth, busy);
}
