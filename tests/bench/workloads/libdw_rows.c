// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libdw_rows FILE...: the CFI rows of files by libdw, one after the other: "FILE rows seconds" a
 * line, CPU time.
 */
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Rows from one address to the end of its function; each names where the next begins. */
static long rows_of(Dwarf_CFI *cfi, Dwarf_Addr at, Dwarf_Addr end)
{
	long n = 0;

	while (at < end) {
		Dwarf_Addr from, to;
		Dwarf_Frame *frame;
		Dwarf_Op *ops;
		size_t nops;
		bool signal;

		if (dwarf_cfi_addrframe(cfi, at, &frame))
			return n;
		dwarf_frame_info(frame, &from, &to, &signal);
		dwarf_frame_cfa(frame, &ops, &nops);
		free(frame);
		n++;
		if (to <= at)
			return n;
		at = to;
	}
	return n;
}

/* FDEs as compilers here write them: where a function begins is pc-relative, four bytes. */
static long rows_of_section(Dwarf_CFI *cfi, const char *data, size_t len, uint64_t vaddr)
{
	size_t at = 0;
	long n = 0;

	while (at + 16 <= len) {
		uint32_t size, cie, span;
		int32_t start;

		memcpy(&size, data + at, 4);
		memcpy(&cie, data + at + 4, 4);
		memcpy(&start, data + at + 8, 4);
		memcpy(&span, data + at + 12, 4);
		if (!size || size > len - at - 4)
			break;
		if (cie) {
			uint64_t from = vaddr + at + 8 + (uint64_t)(int64_t)start;

			n += rows_of(cfi, from, from + span);
		}
		at += 4 + size;
	}
	return n;
}

static long rows_of_file(Elf *elf)
{
	Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
	Elf_Scn *section = NULL;
	size_t names;

	elf_getshdrstrndx(elf, &names);
	while (cfi && (section = elf_nextscn(elf, section))) {
		GElf_Shdr head;
		Elf_Data *data = elf_getdata(section, NULL);
		const char *name;

		if (!gelf_getshdr(section, &head) || !data)
			continue;
		name = elf_strptr(elf, names, head.sh_name);
		if (name && !strcmp(name, ".eh_frame"))
			return rows_of_section(cfi, data->d_buf, data->d_size, head.sh_addr);
	}
	return 0;
}

int main(int argc, char **argv)
{
	elf_version(EV_CURRENT);
	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY);
		Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
		double start = now();
		long n = rows_of_file(elf);

		printf("%s %ld %.6f\n", argv[i], n, now() - start);
		elf_end(elf);
		close(fd);
	}
	return 0;
}
