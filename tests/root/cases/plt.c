// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls of libc's smallest functions through lazily bound slots: most samples in or near a slot. */
#include <ctype.h>
#include <string.h>
#include <wchar.h>

#include "work.h"

static void call_many(void)
{
	volatile int c = 'x';
	int i;

	for (i = 0; i < 1000; i++)
		work_sink += (unsigned long)(abs(c) + toupper(c) + tolower(c) + isalpha(c) +
					     isdigit(c) + (int)labs(c) + ffs(c) + (int)btowc(c));
}

int main(void)
{
	for (;;)
		descend(20, call_many);
}
