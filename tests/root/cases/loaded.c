// SPDX-License-Identifier: GPL-2.0-or-later
/* The library that loads.c loads. */
void loaded_call(int depth, void (*back)(void));

void loaded_call(int depth, void (*back)(void))
{
	static volatile int calls;

	if (depth == 0)
		back();
	else
		loaded_call(depth - 1, back);
	calls++;
}
