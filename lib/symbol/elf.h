/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An ELF file held open: its build ID, executable segments and sections, and its function symbols
 * as one table sorted by address.
 *
 * Addresses are those of the file itself: nothing is relocated, there is no bias anywhere.
 */
#ifndef EVP_SYMBOL_ELF_H
#define EVP_SYMBOL_ELF_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "stream/stream.h"
#include "symbol/segs.h"

struct evp_build_id {
	uint8_t bytes[EVP_MAX_BUILD_ID];
	uint32_t len; /* 0: none */
};

struct evp_elf {
	Elf *elf;
	int fd;	      /* -1: an image in memory */
	char *path;   /* as it was opened, below the root if there is one */
	void *memory; /* the image, owned; NULL: a file */
	struct evp_build_id build_id;
	struct evp_segment *segments; /* executable PT_LOADs */
	size_t nsegments, csegments;
	struct evp_segs text; /* executable sections, else segments; id 0 */
	bool has_dwarf, has_symtab;
	bool linked; /* a program or shared library, not a relocatable or core file */
};

/*
 * A regular file, opened without blocking; `root` NULL or a directory that the path, links
 * included, cannot leave. The fd, or -errno (-EINVAL: not a regular file).
 */
int evp_open_below(const char *root, const char *path);

/* Takes fd over, whatever comes back. */
int evp_elf_open_fd(struct evp_elf **ret_e, int fd, const char *path, struct evp_err *err);
/* Takes `image` (malloc'ed) over, whatever comes back. */
int evp_elf_open_memory(struct evp_elf **ret_e, void *image, size_t len, struct evp_err *err);
/* An ELF file with nothing in it but empty debug sections. */
int evp_elf_open_empty(struct evp_elf **ret_e);
void evp_elf_close(struct evp_elf *e);

bool evp_build_id_equal(const struct evp_build_id *a, const struct evp_build_id *b);
/* The bytes of a section by its name, NULL if it has none in this file. */
Elf_Data *evp_elf_section(const struct evp_elf *e, const char *name);
static inline bool evp_elf_is_text(const struct evp_elf *e, uint64_t vaddr)
{
	return evp_segs_find(&e->text, vaddr) == 0;
}

/* ---- symbols ---- */

struct evp_symbols {
	struct evp_symbol {
		uint64_t addr, size; /* size 0: until the next symbol */
		const char *name;    /* in the ELF file's string table, or in `names` */
		uint32_t order;	     /* in which it was added */
		uint8_t rank;	     /* the best of several at one address */
		bool dynamic;
	} * item;
	size_t n, cap;
	struct evp_segs segs;
	struct evp_arena names;
};

/* Adds the functions of .symtab, or of .dynsym; the ELF must stay open. 0 or -ENOMEM. */
int evp_symbols_add(struct evp_symbols *s, const struct evp_elf *e, bool dynamic);
/* Once, after the last was added. */
int evp_symbols_sort(struct evp_symbols *s, const struct evp_elf *e);
const struct evp_symbol *evp_symbols_find(const struct evp_symbols *s,
					  uint64_t vaddr); /* or NULL */
void evp_symbols_release(struct evp_symbols *s);

#endif
