// SPDX-License-Identifier: GPL-2.0-or-later
/* 50 calls, every fifth of them through libc's qsort and its callback. */
#include "work.h"

static int level;
static APART void call(int depth);

static int compare(const void *a, const void *b)
{
	if (level > 0) {
		int here = level;

		level = 0; /* the other comparisons of this qsort only compare */
		call(here - 1);
		level = here;
	}
	return *(const int *)a - *(const int *)b;
}

static APART void call(int depth)
{
	int v[3] = { depth, 1, 2 };

	if (depth == 0) {
		work_sink = work(2000);
	} else if (depth % 5 == 0) {
		level = depth;
		qsort(v, 3, sizeof(*v), compare);
		level = 0;
	} else {
		call(depth - 1);
	}
	work_sink += (unsigned long)v[0];
}

int main(void)
{
	for (;;)
		call(50);
}
