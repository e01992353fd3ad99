// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exceptions MS: C++ exceptions thrown twenty calls deep, through destructors, caught at the top.
 * Sleeps after MS of CPU time where an s follows it.
 */
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <string>
#include <unistd.h>

static volatile unsigned long sink;

struct guard {
	std::string held;
	explicit guard(int depth) : held(40, static_cast<char>('a' + depth % 26)) {}
	~guard() { sink = sink + held.size(); }
};

__attribute__((noinline)) static void descend(int depth)
{
	guard g(depth);

	if (!depth)
		throw std::runtime_error("bottom");
	descend(depth - 1);
	sink = sink + 1;
}

int main(int argc, char **argv)
{
	char *rest = nullptr;
	double ms = std::strtod(argc > 1 ? argv[1] : "0", &rest);

	while (1e3 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC < ms) {
		try {
			descend(20);
		} catch (const std::exception &e) {
			sink = sink + static_cast<unsigned long>(e.what()[0]);
		}
	}
	while (*rest == 's')
		pause();
	return 0;
}
