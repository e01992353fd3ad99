// SPDX-License-Identifier: GPL-2.0-or-later
// Our line table reader against libdw's: this program's own units, or those of the files given.
#define _GNU_SOURCE
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbol/line_program.h"
#include "tap.h"

/* Is `path` of libdw the same file? It has the directory before the name, ours has them apart. */
static bool same_file(const struct evp_line_file *f, const char *path)
{
	size_t n = strlen(path), k = f->name ? strlen(f->name) : 0;

	if (!k)
		return !strcmp(path, "???");
	if (n < k || strcmp(path + n - k, f->name))
		return false;
	return !f->dir || memmem(path, n, f->dir, strlen(f->dir));
}

/* What libdw says at a row's address: its last row there with a line, else its last one. */
static bool same_row(const struct evp_line_table *t, Dwarf_Lines *lines, size_t *at, size_t n)
{
	Dwarf_Addr addr = 0, next = 0;
	const struct evp_row *row;
	Dwarf_Line *best = NULL;
	bool end = false, ended = false;
	int line = 0, best_line = 0, column = 0;

	dwarf_lineaddr(dwarf_onesrcline(lines, *at), &addr);
	for (next = addr; *at < n && next == addr;) {
		Dwarf_Line *l = dwarf_onesrcline(lines, *at);

		dwarf_lineendsequence(l, &end);
		ended |= end;
		dwarf_lineno(l, &line);
		if (!end && (!best || line || !best_line)) {
			best = l;
			best_line = line;
		}
		if (++*at < n)
			dwarf_lineaddr(dwarf_onesrcline(lines, *at), &next);
	}
	row = evp_line_table_find(t, addr);
	/* A row where its sequence ends covers nothing; libdw sorts it behind the end. */
	if (!best || !row)
		return !row && (!best || ended);
	dwarf_linecol(best, &column);
	return row->addr == addr && row->line == (uint32_t)best_line &&
	       row->column == (uint32_t)column && row->file < t->nfiles &&
	       same_file(&t->files[row->file], dwarf_linesrc(best, NULL, NULL));
}

static void test_unit(Dwarf_Die *die, const struct evp_line_sections *s, const struct evp_elf *e,
		      size_t *rows, size_t *differ, size_t *unknown)
{
	struct evp_line_table t = { 0 };
	Dwarf_Lines *lines;
	Dwarf_Attribute attr;
	Dwarf_Word offset;
	Dwarf_Addr addr;
	size_t n;

	if (!dwarf_attr(die, DW_AT_stmt_list, &attr) || dwarf_formudata(&attr, &offset) ||
	    dwarf_getsrclines(die, &lines, &n))
		return;
	if (evp_line_table_read(&t, s, offset, e)) {
		++*unknown;
		return;
	}
	for (size_t i = 0; i < n;) {
		if (dwarf_lineaddr(dwarf_onesrcline(lines, i), &addr))
			break;
		if (!evp_elf_is_text(e, addr)) {
			i++;
			continue;
		}
		++*rows;
		if (!same_row(&t, lines, &i, n))
			++*differ;
	}
	evp_line_table_release(&t);
}

static void test_file(const char *path)
{
	size_t rows = 0, differ = 0, unknown = 0;
	struct evp_line_sections s;
	struct evp_elf *e = NULL;
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	Dwarf *dw;
	int fd = evp_open_below(NULL, path);

	if (fd < 0 || evp_elf_open_fd(&e, fd, path, NULL)) {
		ok(false, path);
		return;
	}
	dw = dwarf_begin_elf(e->elf, DWARF_C_READ, NULL);
	evp_line_sections_get(&s, e);
	while (dw && !dwarf_get_units(dw, cu, &cu, NULL, NULL, &die, NULL))
		test_unit(&die, &s, e, &rows, &differ, &unknown);
	printf("# %zu addresses, %zu differ, %zu units not known\n", rows, differ, unknown);
	ok(rows && !differ && !unknown, "every row as libdw has it");
	dwarf_end(dw);
	evp_elf_close(e);
}

int main(int argc, char **argv)
{
	char self[4096] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 2;
	for (int i = 1; i < argc; i++)
		test_file(argv[i]);
	if (argc < 2)
		test_file(self);
	return done_testing();
}
