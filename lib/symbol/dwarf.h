/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What DWARF says of an address: the line, and the chain of inlined functions.
 *
 * Lazy in three steps: opening lists the units' ranges; the first address in a unit decodes its
 * lines and its functions' ranges; the first address in a function decodes what was inlined into
 * it. Units are walked one by one and never found by .debug_aranges, which many compilers leave
 * out. A unit whose code lives in a .dwo is stepped into.
 *
 * Memory: libdw frees what it decoded only all at once, so the tables here do likewise: past a
 * bound everything is dropped and begun anew.
 */
#ifndef EVP_SYMBOL_DWARF_H
#define EVP_SYMBOL_DWARF_H

#include "symbol/elf.h"
#include "symbol/symbol.h"

struct evp_dwarf;

/*
 * `e` and `alt` (the dwz file that e's .gnu_debugaltlink names; NULL: none) must stay open. -EBADMSG
 * where there is no DWARF that libdw could read.
 */
int evp_dwarf_open(struct evp_dwarf **ret_d, const struct evp_elf *e, const struct evp_elf *alt,
		   size_t cache_bytes);
void evp_dwarf_close(struct evp_dwarf *d);
size_t evp_dwarf_bytes(const struct evp_dwarf *d); /* held in memory, roughly */

/* The name and build ID in .gnu_debugaltlink. False: there is none. */
bool evp_dwarf_alt_link(const struct evp_elf *e, const char **ret_name,
			struct evp_build_id *ret_id);

/*
 * Appends the chain at vaddr, innermost first. *ret_function: the last frame is a function of
 * DWARF's; otherwise there is at most one frame, with a line and no name. `thorough` also looks
 * for functions in unusual places of the unit (costs once a unit). 0 or -ENOMEM.
 */
struct evp_chain {
	struct evp_symbol_frame *item;
	size_t n, cap;
};

int evp_dwarf_lookup(struct evp_dwarf *d, uint64_t vaddr, bool thorough, struct evp_chain *chain,
		     bool *ret_function);

#endif
