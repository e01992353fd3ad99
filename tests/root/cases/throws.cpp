// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exceptions through ten frames with destructors, half of the time: libgcc's unwinder at work, that
 * has another frame's registers in its own for a moment.
 */
static volatile unsigned long sink;

struct guard {
	unsigned long v;
	explicit guard(unsigned long n) : v(n)
	{
	}
	~guard()
	{
		sink += v;
	}
};

__attribute__((noinline)) static unsigned long fall(int depth)
{
	guard g(depth);

	if (depth == 0) {
		for (int i = 0; i < 10000; i++)
			sink = sink * 3 + 1;
		throw sink;
	}
	return fall(depth - 1) + g.v;
}

__attribute__((noinline)) static unsigned long climb(int depth)
{
	if (depth == 0) {
		try {
			return fall(10);
		} catch (unsigned long &v) {
			return v;
		}
	}
	return climb(depth - 1) + sink;
}

int main()
{
	for (;;)
		sink = sink + climb(20);
}
