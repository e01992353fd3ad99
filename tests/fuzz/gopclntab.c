// SPDX-License-Identifier: GPL-2.0-or-later
/* Go function tables with anything in them: 4 bytes that say how much of the rest is text, both. */
#include <stdlib.h>

#include "../../lib/unwind/gopclntab.c"

#define TEXT_VADDR 0x401020

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct evp_gopclntab in = { .text_vaddr = TEXT_VADDR };
	struct evp_rule_set rules = { 0 };
	struct evp_cfi_rows rows = { 0 };
	size_t i;

	if (len < 4)
		return 0;
	in.text = data + 4;
	in.text_len = fixed(data, 4) % (len - 3);
	in.text_end = in.text_vaddr + fixed(data, 4);
	in.data = in.text + in.text_len;
	in.len = len - 4 - in.text_len;
	if (!evp_gopclntab_compile(&in, &rules, &rows, NULL) && !rows.n)
		abort();
	for (i = 0; i < rows.n; i++) {
		if (rows.row[i].rule >= rules.n || rows.row[i].vaddr < in.text_vaddr ||
		    rows.row[i].vaddr > in.text_end)
			abort();
		if (i && (rows.row[i].vaddr <= rows.row[i - 1].vaddr ||
			  rows.row[i].rule == rows.row[i - 1].rule))
			abort();
	}
	evp_cfi_rows_release(&rows);
	evp_rule_set_release(&rules);
	return 0;
}
