// SPDX-License-Identifier: GPL-2.0-or-later
/* A library that calls back: with -nostdlib, so that it runs wherever it is mapped. */
void outer(void (*work)(void));

void outer(void (*work)(void))
{
	volatile char room[100];

	room[0] = 1;
	work();
	room[1] = room[0];
}
