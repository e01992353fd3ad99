// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A .eh_frame or .debug_frame section as a file may bring it. The first byte says how to take it:
 * bit 0 .debug_frame, bit 1 aarch64, bit 2 addresses of 4 bytes, bit 3 code anywhere.
 */
#include <stdlib.h>

#include "../../lib/unwind/cfi.c"
#include "../../lib/unwind/cfi_entries.c"
#include "../../lib/unwind/cfi_machine.c"
#include "unwind/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_rows(const struct evp_cfi_rows *rows, const struct evp_rule_set *rules)
{
	size_t i;

	for (i = 0; i < rows->n; i++)
		if (rows->row[i].rule >= rules->n ||
		    (i && (rows->row[i].vaddr <= rows->row[i - 1].vaddr ||
			   rows->row[i].rule == rows->row[i - 1].rule)))
			abort();
}

/* The table says what the rows say, where each begins and just before the next. */
static void check_table(const struct evp_unwind_table *t, const struct evp_cfi_rows *rows,
			const struct evp_rule_set *rules)
{
	size_t i;

	if (evp_unwind_table_check(t, NULL))
		abort();
	for (i = 0; i + 1 < rows->n && rules->n <= EVP_UNWIND_MAX_RULES; i++) {
		const struct evp_unwind_rule *want = &rules->rule[rows->row[i].rule];
		const struct evp_unwind_rule *a = evp_unwind_table_find(t, rows->row[i].vaddr);
		const struct evp_unwind_rule *b = evp_unwind_table_find(t,
									rows->row[i + 1].vaddr - 1);

		if ((a ? a->cfa : EVP_CFA_NONE) != want->cfa ||
		    (b ? b->cfa : EVP_CFA_NONE) != want->cfa)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct evp_cfi_range code = { 0x1000, 0x1000000 };
	struct evp_cfi_section s = { .vaddr = 0x100000, .code = &code };
	struct evp_rule_set rules = { 0 };
	struct evp_cfi_rows rows = { 0 };
	struct evp_unwind_table t;

	if (!len)
		return 0;
	s.data = data + 1;
	s.len = len - 1;
	s.debug_frame = data[0] & 1;
	s.big_pointers = !(data[0] & 4);
	s.ncode = !(data[0] & 8);
	if (!evp_cfi_compile(&s, data[0] & 2 ? &evp_cfi_aarch64 : &evp_cfi_x86_64, &rules, &rows,
			     NULL)) {
		check_rows(&rows, &rules);
		if (!evp_unwind_table_build(&t, &rows, &rules, NULL)) {
			check_table(&t, &rows, &rules);
			evp_unwind_table_release(&t);
		}
	}
	evp_cfi_rows_release(&rows);
	evp_rule_set_release(&rules);
	return 0;
}
