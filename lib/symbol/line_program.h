/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader of our own for .debug_line, DWARF 2 to 5 (section 6.2 of the standard): libdw keeps
 * every row at 72 bytes until the file is closed, and decodes all rows when only the file names
 * are asked for. tests/unit/symbol_lines.c holds it against libdw. Internal to the room.
 */
#ifndef EVP_SYMBOL_LINE_PROGRAM_H
#define EVP_SYMBOL_LINE_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "symbol/elf.h"

#define EVP_LINE_MAX_ROWS  (8u << 20) /* of one unit */
#define EVP_LINE_MAX_FILES (1u << 20)

struct evp_row {
	uint64_t addr;
	uint32_t line;	 /* 0: the compiler's own code */
	uint32_t file;	 /* index into files; UINT32_MAX: the end of a sequence */
	uint32_t column; /* 0 unknown */
};

struct evp_line_file {
	const char *name, *dir; /* as they stand; dir NULL: the compiler's directory */
};

struct evp_line_table {
	struct evp_row
		*rows; /* by address, one an address; of several at one, the last with a line */
	size_t nrows, crows;
	struct evp_line_file *files;
	size_t nfiles, cfiles;
};

struct evp_line_sections {
	struct evp_line_bytes {
		const uint8_t *p;
		size_t len;
	} line, line_str, str;
};

/* The sections as they are in memory, after dwarf_begin_elf, which inflates them. Big-endian: none. */
void evp_line_sections_get(struct evp_line_sections *s, const struct evp_elf *e);

/*
 * Decodes the program at `offset`. Rows outside of e's code are left out. What is damaged ends it
 * early; 0, -ENOMEM, or -ENOTSUP for what it does not know (then nothing is in `t`).
 */
int evp_line_table_read(struct evp_line_table *t, const struct evp_line_sections *s,
			uint64_t offset, const struct evp_elf *e);
void evp_line_table_release(struct evp_line_table *t);
const struct evp_row *evp_line_table_find(const struct evp_line_table *t, uint64_t vaddr);

#endif
