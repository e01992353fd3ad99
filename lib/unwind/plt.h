/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of procedure linkage tables, x86-64. GNU's linkers write call frame information for them;
 * lld does not, so that calls between libraries would look like code of unknown kind.
 */
#ifndef EVP_UNWIND_PLT_H
#define EVP_UNWIND_PLT_H

#include "unwind/cfi.h"
#include "unwind/elf.h"

#define EVP_PLT_SECTIONS 3

/* The sections that there are of .plt, .plt.got and .plt.sec, by address; how many. */
size_t evp_plt_sections(const struct evp_unwind_elf *e,
			const struct evp_unwind_elf_section *ret[EVP_PLT_SECTIONS]);

/*
 * Appends to an empty `rows` their rows, where the bytes are of a known form. 0, -EIO, -ENOMEM.
 */
int evp_plt_rows(const struct evp_unwind_elf *e, struct evp_rule_set *rules,
		 struct evp_cfi_rows *rows);

#endif
