// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Maps and unmaps code in a loop, and runs it where it lies:
 *
 *	churn LIBRARY mmap SECONDS	its segments at ever new addresses
 *	churn LIBRARY dlopen SECONDS	dlopen, call, dlclose
 *	churn LIBRARY idle SECONDS	mmap, but without a call, as fast as it goes
 *
 * LIBRARY has void outer(void (*work)(void)), which calls it. Prints how many times.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef void (*outer_fn)(void (*work)(void));
static volatile unsigned long sink;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

__attribute__((noinline)) static void work(void)
{
	for (unsigned long n = 200000; n--;)
		sink += n;
}

/* Where its executable segment is in the file, and outer in that. */
static void look(const char *path, off_t *ret_at, size_t *ret_len, size_t *ret_outer)
{
	char *base, *outer;
	void *lib = dlopen(path, RTLD_NOW);
	Dl_info info;
	const Elf64_Ehdr *e;
	const Elf64_Phdr *p;

	if (!lib || !(outer = dlsym(lib, "outer")) || !dladdr(outer, &info))
		exit(2);
	base = info.dli_fbase;
	e = (const Elf64_Ehdr *)base;
	p = (const Elf64_Phdr *)(base + e->e_phoff);
	for (int i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && p[i].p_flags & PF_X) {
			*ret_at = (off_t)p[i].p_offset;
			*ret_len = (p[i].p_filesz + 4095) & ~4095ul;
			*ret_outer = (size_t)(outer - base) - p[i].p_vaddr;
		}
	dlclose(lib);
}

int main(int argc, char **argv)
{
	char *at = (char *)0x100000000000;
	size_t len = 0, outer = 0;
	double end;
	long n = 0;
	off_t from = 0;
	int fd;

	if (argc < 4)
		return 2;
	end = now() + atof(argv[3]);
	fd = open(argv[1], O_RDONLY);
	look(argv[1], &from, &len, &outer);
	for (; now() < end; n++) {
		if (!strcmp(argv[2], "dlopen")) {
			void *lib = dlopen(argv[1], RTLD_NOW);

			((outer_fn)dlsym(lib, "outer"))(work);
			dlclose(lib);
			continue;
		}
		at += 2 * len;
		if (mmap(at, len, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd,
			 from) != at)
			return 3;
		if (strcmp(argv[2], "idle") != 0)
			((outer_fn)(at + outer))(work);
		munmap(at, len);
	}
	printf("%ld\n", n);
	return 0;
}
