// SPDX-License-Identifier: GPL-2.0-or-later
/* Compiled without call frame information: its frames, libc's below and above them. */
#include "work.h"

static void busy(void)
{
	work_sink += work(2000);
}

static int compare(const void *a, const void *b)
{
	descend(5, busy);
	return *(const int *)a - *(const int *)b;
}

static APART void sort(void)
{
	int v[4] = { 2, 1, 4, 3 };

	qsort(v, 4, sizeof(*v), compare);
	work_sink += (unsigned long)v[0];
}

int main(void)
{
	for (;;)
		descend(10, sort);
}
