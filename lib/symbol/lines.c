// SPDX-License-Identifier: GPL-2.0-or-later
/* Line tables: which file and line an address belongs to. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/unit.h"

#define END_OF_SEQUENCE UINT32_MAX
#define LIBDW_ROW_BYTES 72 /* a Dwarf_Line and its place in the list, about */

/*
 * One row an address: libdw gives them sorted, the end of a sequence before what follows. Of
 * several at one address the last counts, but "no line" (0, the compiler's own code) must not
 * overwrite a real one.
 */
static int add_row(struct evp_unit *u, const struct evp_row *row)
{
	struct evp_row *last = u->nrows ? &u->rows[u->nrows - 1] : NULL;

	if (last && last->addr == row->addr) {
		if (row->line || !last->line || last->file == END_OF_SEQUENCE)
			*last = *row;
		return 0;
	}
	if (evp_grow(&u->rows, &u->crows, u->nrows + 1, sizeof(*u->rows)))
		return -ENOMEM;
	u->rows[u->nrows++] = *row;
	return 0;
}

/* False: a row of nothing, as what the linker threw away leaves behind. */
static bool read_row(Dwarf_Line *line, const struct evp_elf *e, struct evp_row *row)
{
	Dwarf_Files *files;
	Dwarf_Addr addr = 0;
	size_t file = 0;
	bool end = false;
	int number = 0, column = 0;

	if (!line || dwarf_lineaddr(line, &addr) || dwarf_lineendsequence(line, &end))
		return false;
	if (!evp_elf_is_text(e, end && addr ? addr - 1 : addr))
		return false;
	*row = (struct evp_row){ .addr = addr, .file = END_OF_SEQUENCE };
	if (end)
		return true;
	if (!dwarf_line_file(line, &files, &file) && file < END_OF_SEQUENCE)
		row->file = (uint32_t)file;
	else
		row->file = END_OF_SEQUENCE - 1;
	dwarf_lineno(line, &number);
	dwarf_linecol(line, &column);
	row->line = number > 0 ? (uint32_t)number : 0;
	row->column = column > 0 ? (uint32_t)column : 0;
	return true;
}

int evp_unit_load_rows(struct evp_unit *u, struct evp_unit_env *env)
{
	Dwarf_Lines *lines = NULL;
	size_t n = 0;
	struct evp_row row;

	if (u->has_rows)
		return 0;
	u->has_rows = true;
	if (dwarf_getsrclines(&u->die, &lines, &n))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (read_row(dwarf_onesrcline(lines, i), env->elf, &row) && add_row(u, &row))
			return -ENOMEM;
	env->bytes += n * LIBDW_ROW_BYTES + u->crows * sizeof(*u->rows);
	return 0;
}

const struct evp_row *evp_unit_row(const struct evp_unit *u, uint64_t vaddr)
{
	size_t lo = 0, hi = u->nrows;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (u->rows[mid].addr <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || u->rows[lo - 1].file == END_OF_SEQUENCE)
		return NULL;
	return &u->rows[lo - 1];
}

/* Index spaces differ between a skeleton's rows and its .dwo's DIEs. */
static int load_files(struct evp_unit *u)
{
	size_t n;

	if (u->row_paths)
		return 0;
	if (dwarf_getsrcfiles(&u->die, &u->row_files, &u->nrow_files))
		u->nrow_files = 0;
	if (dwarf_getsrcfiles(&u->split, &u->die_files, &u->ndie_files))
		u->ndie_files = 0;
	n = u->nrow_files + u->ndie_files;
	u->row_paths = calloc(n + 1, sizeof(*u->row_paths));
	if (!u->row_paths)
		return -ENOMEM;
	u->die_paths = u->row_paths + u->nrow_files;
	return 0;
}

/* dir NULL or a file that is absolute already: the file alone. */
static const char *join(struct evp_arena *a, const char *dir, const char *file)
{
	size_t ndir = dir ? strlen(dir) : 0, nfile = strlen(file);
	char *p;

	if (*file == '/' || !ndir)
		return file;
	while (ndir > 1 && dir[ndir - 1] == '/')
		ndir--;
	p = evp_arena_bytes(a, ndir + nfile + 2);
	if (!p)
		return file;
	memcpy(p, dir, ndir);
	p[ndir] = '/';
	memcpy(p + ndir + 1, file, nfile + 1);
	return p;
}

const char *evp_unit_path(struct evp_unit *u, struct evp_unit_env *env, bool of_rows,
			  uint32_t index)
{
	const char **paths, *file;
	size_t n;

	if (load_files(u))
		return NULL;
	paths = of_rows ? u->row_paths : u->die_paths;
	n = of_rows ? u->nrow_files : u->ndie_files;
	if (index >= n)
		return NULL;
	if (paths[index])
		return *paths[index] ? paths[index] : NULL;
	file = dwarf_filesrc(of_rows ? u->row_files : u->die_files, index, NULL, NULL);
	if (!file || !strcmp(file, "???"))
		paths[index] = "";
	else
		paths[index] = join(&env->arena, u->comp_dir, file);
	return *paths[index] ? paths[index] : NULL;
}
