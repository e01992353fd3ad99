/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An object by what a stream says of it. Internal to the room; the rest is in symbol.h. */
#ifndef EVP_SYMBOL_OBJECT_H
#define EVP_SYMBOL_OBJECT_H

#include "symbol/elf.h"
#include "symbol/symbol.h"

/*
 * The object of this build ID (len 0: unknown): from `path`, else from the debug directories, else
 * its debug info alone. On failure *ret_reason says why in a word or two ("no file", "build ID
 * differs") and the return is -ENOENT; -ENOMEM.
 */
int evp_object_find(struct evp_object **ret_o, const char *path, const struct evp_build_id *id,
		    const struct evp_symbol_opts *opts, const char **ret_reason);
/* This machine's own vdso, if it has build ID `id`. */
int evp_object_find_vdso(struct evp_object **ret_o, const struct evp_build_id *id,
			 const struct evp_symbol_opts *opts, const char **ret_reason);

/* What its decoded tables hold, roughly. */
size_t evp_object_bytes(const struct evp_object *o);

#endif
