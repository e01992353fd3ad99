/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the debug info of an object is. In this order: the object itself; by build ID below each
 * debug directory (DIR/.build-id/ab/cdef.debug); by .gnu_debuglink beside the object, in its
 * .debug/, below each debug directory. What is found counts only with the right build ID, or,
 * where the object has none, with the checksum that its .gnu_debuglink gives. Internal to the room.
 */
#ifndef EVP_SYMBOL_FIND_H
#define EVP_SYMBOL_FIND_H

#include "symbol/elf.h"
#include "symbol/symbol.h"

/* The object's own file from a debug directory; NULL where it is not to be had. */
struct evp_elf *evp_find_executable(const struct evp_symbol_opts *opts,
				    const struct evp_build_id *id);
/* A .debug file by build ID. */
struct evp_elf *evp_find_debug(const struct evp_symbol_opts *opts, const struct evp_build_id *id);
/* A .debug file by the object's .gnu_debuglink. */
struct evp_elf *evp_find_linked(const struct evp_symbol_opts *opts, const struct evp_elf *e);
/* The dwz file that e's .gnu_debugaltlink names. */
struct evp_elf *evp_find_alt(const struct evp_symbol_opts *opts, const struct evp_elf *e,
			     const char *name, const struct evp_build_id *id);
/* The symbols that .gnu_debugdata holds, xz-compressed. */
struct evp_elf *evp_find_minidebug(const struct evp_elf *e);

#endif
