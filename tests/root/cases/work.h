/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all stack cases do: calls that the compiler can neither inline nor turn into jumps, with
 * frames of several sizes, and something busy at the end of them. Each runs until it is killed.
 */
#ifndef WORK_H
#define WORK_H

#include <stdlib.h>

#define APART __attribute__((noinline, noclone))

static volatile unsigned long work_sink;

static APART unsigned long work(unsigned long n)
{
	unsigned long i, x = 88172645463325252;

	for (i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}

/* `depth` calls, then end(). */
static APART unsigned long descend(int depth, void (*end)(void))
{
	volatile unsigned long frame[1 + 3];
	unsigned long below;

	frame[depth % 4] = (unsigned long)depth;
	if (depth <= 1) {
		end();
		return frame[depth % 4];
	}
	below = descend(depth - 1, end);
	return below + frame[depth % 4];
}

#endif
