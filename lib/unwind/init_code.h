/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sections .init and .fini -> unwind rows.
 *
 * Nearly every program and library has them: _init and _fini are put together from pieces of the C
 * library's start files, without call frame information. On x86-64 each makes 8 bytes of room
 * first and gives them back last; calls are all that is between.
 */
#ifndef EVP_UNWIND_INIT_CODE_H
#define EVP_UNWIND_INIT_CODE_H

#include <stddef.h>
#include <stdint.h>

#include "unwind/cfi.h"

/* Appended to an empty `rows`; none where the section is made in another way. 0 or -ENOMEM. */
int evp_init_code_compile(const uint8_t *code, size_t len, uint64_t vaddr,
			  struct evp_rule_set *rules, struct evp_cfi_rows *rows);

#endif
