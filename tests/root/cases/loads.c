// SPDX-License-Identifier: GPL-2.0-or-later
/* A library that comes and goes (loaded.c), each time resolved anew; its path is the argument. */
#include <dlfcn.h>

#include "work.h"

static const char *path;

static void back(void)
{
	work_sink += work(100000);
}

static void load(void)
{
	void *lib = dlopen(path, RTLD_LAZY);
	void (*call)(int, void (*)(void));

	if (!lib)
		exit(2);
	*(void **)&call = dlsym(lib, "loaded_call");
	call(10, back);
	dlclose(lib);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	path = argv[1];
	for (;;)
		descend(10, load);
}
