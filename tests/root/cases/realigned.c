// SPDX-License-Identifier: GPL-2.0-or-later
/* Stacks that are realigned for 64-byte locals, in frames of unknown size: DRAP, alloca. */
#include <alloca.h>
#include <string.h>

#include "work.h"

static APART unsigned long aligned(int depth);

static APART unsigned long variable(int depth)
{
	char *p = alloca((size_t)(depth * 40 + 8));

	memset(p, depth, (size_t)(depth * 40 + 8));
	work_sink += depth ? aligned(depth - 1) : work(3000);
	return (unsigned long)p[depth];
}

static APART unsigned long both(int depth, long a, long b, long c, long d, long e, long f)
{
	volatile unsigned long v[8] __attribute__((aligned(64))) = { 1 };
	char *p = alloca((size_t)(depth * 24 + 8));

	memset(p, depth, (size_t)(depth * 24 + 8));
	v[depth % 8] = variable(depth) + (unsigned long)(a + b + c + d + e + f);
	return v[depth % 8] + (unsigned long)p[0];
}

static APART unsigned long aligned(int depth)
{
	volatile unsigned long v[8] __attribute__((aligned(64))) = { 1 };

	v[depth % 8] = both(depth, 1, 2, 3, 4, 5, 6);
	return v[depth % 8];
}

int main(void)
{
	for (;;)
		work_sink += aligned(12);
}
