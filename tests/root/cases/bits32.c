// SPDX-License-Identifier: GPL-2.0-or-later
/* A 32-bit program without any library, so that nothing but gcc -m32 is needed. */
static volatile unsigned long sink;

__attribute__((noinline)) static void descend(int depth)
{
	if (depth)
		descend(depth - 1);
	sink++;
}

void _start(void);
void _start(void)
{
	for (;;)
		descend(30);
}
