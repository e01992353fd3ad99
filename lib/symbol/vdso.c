// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbol/vdso.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* Where the mapping that starts at `start` ends; 0: there is none. */
static unsigned long mapping_end(unsigned long start)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long lo, hi, end = 0;
	char line[512];

	while (f && !end && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx r", &lo, &hi) == 2 && lo == start)
			end = hi;
	if (f)
		fclose(f);
	return end;
}

struct evp_elf *evp_vdso_open(void)
{
	unsigned long start = getauxval(AT_SYSINFO_EHDR), end = start ? mapping_end(start) : 0;
	struct evp_elf *e = NULL;
	void *copy;

	if (end <= start)
		return NULL;
	copy = malloc(end - start);
	if (!copy)
		return NULL;
	memcpy(copy, (const void *)start, end - start);
	return evp_elf_open_memory(&e, copy, end - start, NULL) ? NULL : e;
}
