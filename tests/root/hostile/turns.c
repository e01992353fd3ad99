// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One of two static programs at the same addresses, each of which works a while, then executes
 * the other (or itself): compiled with -DNAME=only_a and -DNAME=only_b.
 *
 *	turns COUNT OTHER
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile unsigned long sink;

#define CAT_(a, b) a##b
#define CAT(a, b)  CAT_(a, b)

__attribute__((noinline)) static void CAT(NAME, _leaf)(unsigned long n)
{
	while (n--)
		sink += n;
}

#ifdef PAD /* the other's functions lie elsewhere, and their frames are larger */
__attribute__((noinline, used)) static void CAT(NAME, _pad)(void)
{
	for (volatile int i = 0; i < 10; i++)
		sink *= sink + 3;
}
#endif

__attribute__((noinline)) static void CAT(NAME, _middle)(unsigned long n)
{
	volatile char room[32 + ROOM];

	room[0] = 1;
	CAT(NAME, _leaf)(n);
	sink += (unsigned long)room[0];
}

int main(int argc, char **argv)
{
	char left[16];

	CAT(NAME, _middle)(3000000);
	sprintf(left, "%d", atoi(argv[1]) - 1);
	if (atoi(argv[1]) > 0)
		execl(argv[2], argv[2], left, argv[0], (char *)NULL);
	return 0;
}
