// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libdw on the same rows, for the bench: of every row of our table it is asked for the CFA, rbp and
 * the return address, as an unwinder or a table builder over libdw would have to.
 *
 *	unwind_libdw N FILE...		milliseconds of the fastest of N times, and rows
 */
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "unwind/compile.h"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t rows_of(const struct evp_unwind_table *t, uint64_t **ret_vaddr)
{
	uint64_t *vaddr = calloc(t->nrows + 1, sizeof(*vaddr));
	uint32_t page, i;
	size_t n = 0;

	for (page = 0; vaddr && page < t->npages; page++) {
		const uint32_t *words = &t->word[page * EVP_UNWIND_PAGE_WORDS];
		const struct evp_unwind_row *row =
			(const void *)&t->word[words[0] + EVP_UNWIND_INDEX_WORDS];

		for (i = 0; i < words[1]; i++)
			if (row[i].rule)
				vaddr[n++] = ((t->first_page + page) << 16) + row[i].low;
	}
	*ret_vaddr = vaddr;
	return n;
}

/* Rows answered. */
static size_t ask(int fd, const uint64_t *vaddr, size_t n)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
	Dwarf_Op mem[3], *ops;
	size_t nops, i, answered = 0;
	Dwarf_Frame *frame;

	for (i = 0; i < n; i++) {
		if (dwarf_cfi_addrframe(cfi, vaddr[i], &frame))
			continue;
		answered += !dwarf_frame_cfa(frame, &ops, &nops) &&
			    !dwarf_frame_register(frame, 6, mem, &ops, &nops) &&
			    !dwarf_frame_register(frame, 16, mem, &ops, &nops);
		free(frame);
	}
	dwarf_cfi_end(cfi);
	elf_end(elf);
	return answered;
}

int main(int argc, char **argv)
{
	int times = argc > 2 ? atoi(argv[1]) : 0, i, k;

	elf_version(EV_CURRENT);
	for (i = 2; i < argc; i++) {
		struct evp_unwind_table t;
		double best = 1e9, start;
		size_t n, answered = 0;
		uint64_t *vaddr;
		int fd = open(argv[i], O_RDONLY);

		if (fd < 0 || evp_unwind_compile_fd(fd, &t, NULL))
			return 2;
		n = rows_of(&t, &vaddr);
		for (k = 0; k < times; k++) {
			start = now();
			answered = ask(fd, vaddr, n);
			if (now() - start < best)
				best = now() - start;
		}
		printf("%s\t%.2f ms\t%zu rows\t%.1f Mrows/s\n", argv[i], best * 1e3, answered,
		       (double)answered / best / 1e6);
		evp_unwind_table_release(&t);
		free(vaddr);
		close(fd);
	}
	return 0;
}
