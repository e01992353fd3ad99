/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Go's function table -> unwind rows, x86-64.
 *
 * Go code has no call frame information. What Go's own tracebacks read, .gopclntab, gives each
 * function's entry and how far the stack pointer is below its return address, instruction by
 * instruction. Three headers exist: Go 1.16, 1.18, 1.20 and later (Go's internal/abi/symtab.go;
 * the records are struct _func in runtime/runtime2.go).
 *
 * Where a function goes over to another stack (runtime.systemstack and its like) the stack pointer
 * says nothing about the caller, but the frame pointer does. Where Go itself ends a traceback
 * (goexit, mstart, rt0_go, and mcall and morestack, whose goroutine is not running any more) is the
 * root.
 *
 * The bytes are hostile: everything is bounded, the work by the length of the text.
 */
#ifndef EVP_UNWIND_GOPCLNTAB_H
#define EVP_UNWIND_GOPCLNTAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "unwind/cfi.h"

#define EVP_GOPCLNTAB_TEXT (1u << 20)

struct evp_gopclntab {
	const uint8_t *data; /* section .gopclntab, or .data.rel.ro.gopclntab */
	size_t len;
	uint64_t text_vaddr, text_end; /* of section .text: no row lies outside */
	/*
	 * The first bytes of .text; no more than EVP_GOPCLNTAB_TEXT are needed. Entries count from
	 * Go's part of it, whose beginning is not in newer tables, and which is not .text's where C
	 * was linked to it; the padding between functions tells. NULL with 0: as the table says,
	 * else .text's.
	 */
	const uint8_t *text;
	size_t text_len;
};

/*
 * Rows in order of their addresses, as evp_cfi_compile makes them, appended to an empty `rows`
 * (fdes counts functions). -EBADMSG: damaged; -ENODATA: another version or machine, or where Go's
 * code begins cannot be told; -E2BIG: more than 2^26 rows; -ENOMEM.
 */
int evp_gopclntab_compile(const struct evp_gopclntab *in, struct evp_rule_set *rules,
			  struct evp_cfi_rows *rows, struct evp_err *err);

#endif
