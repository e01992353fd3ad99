// SPDX-License-Identifier: GPL-2.0-or-later
/* The lines of a unit: by our own reader, by libdw what that one does not know. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/unit.h"

#define END_OF_SEQUENCE UINT32_MAX
#define LIBDW_ROW_BYTES 72 /* a Dwarf_Line and its place in the list, about */

/* libdw gives them sorted, the end of a sequence before what follows. */
static int add_row(struct evp_line_table *t, const struct evp_row *row)
{
	struct evp_row *last = t->nrows ? &t->rows[t->nrows - 1] : NULL;

	if (last && last->addr == row->addr) {
		if (row->line || !last->line || last->file == END_OF_SEQUENCE)
			*last = *row;
		return 0;
	}
	if (evp_grow(&t->rows, &t->crows, t->nrows + 1, sizeof(*t->rows)))
		return -ENOMEM;
	t->rows[t->nrows++] = *row;
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

static int load_by_libdw(struct evp_unit *u, struct evp_unit_env *env)
{
	Dwarf_Lines *lines = NULL;
	size_t n = 0;
	struct evp_row row;

	if (dwarf_getsrclines(&u->die, &lines, &n))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (read_row(dwarf_onesrcline(lines, i), env->elf, &row) &&
		    add_row(&u->lines, &row))
			return -ENOMEM;
	env->bytes += n * LIBDW_ROW_BYTES;
	return 0;
}

static int make_paths(struct evp_unit_paths *p, size_t n, bool by_libdw)
{
	p->path = calloc(n + 1, sizeof(*p->path));
	if (!p->path)
		return -ENOMEM;
	p->n = n;
	p->by_libdw = by_libdw;
	return 0;
}

int evp_unit_load_rows(struct evp_unit *u, struct evp_unit_env *env)
{
	bool split = u->split.addr != u->die.addr, by_libdw;
	Dwarf_Attribute attr;
	Dwarf_Word offset = 0;
	size_t n = 0;
	int rc = 0;

	if (u->has_rows)
		return 0;
	u->has_rows = true;
	if (!dwarf_attr(&u->die, DW_AT_stmt_list, &attr) || dwarf_formudata(&attr, &offset))
		return 0;
	rc = evp_line_table_read(&u->lines, &env->sections, offset, env->elf);
	by_libdw = rc == -ENOTSUP;
	if (by_libdw)
		rc = load_by_libdw(u, env);
	if (rc)
		return rc;
	if ((by_libdw || split) && dwarf_getsrcfiles(&u->split, &u->files, &n))
		n = 0;
	env->bytes += u->lines.crows * sizeof(*u->lines.rows);
	rc = make_paths(&u->row_paths, by_libdw ? (split ? 0 : n) : u->lines.nfiles, by_libdw);
	return rc ? rc
		  : make_paths(&u->die_paths, by_libdw || split ? n : u->lines.nfiles,
			       by_libdw || split);
}

/* dir NULL, or a file that is absolute already: the file alone. */
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

/* "" where there is none. */
static const char *make_path(struct evp_unit *u, struct evp_unit_env *env, bool by_libdw,
			     uint32_t index)
{
	const char *file, *dir = NULL;

	if (by_libdw) {
		file = dwarf_filesrc(u->files, index, NULL, NULL);
		if (file && !strcmp(file, "???"))
			file = NULL;
	} else {
		file = u->lines.files[index].name;
		dir = u->lines.files[index].dir;
	}
	if (!file || !*file)
		return "";
	return join(&env->arena, u->comp_dir, join(&env->arena, dir, file));
}

const char *evp_unit_path(struct evp_unit *u, struct evp_unit_env *env, bool of_rows,
			  uint32_t index)
{
	struct evp_unit_paths *p = of_rows ? &u->row_paths : &u->die_paths;

	if (index >= p->n)
		return NULL;
	if (!p->path[index])
		p->path[index] = make_path(u, env, p->by_libdw, index);
	return *p->path[index] ? p->path[index] : NULL;
}
