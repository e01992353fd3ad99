// SPDX-License-Identifier: GPL-2.0-or-later
/* The code of .init and .fini, which has no call frame information: known by its bytes, or not. */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "unwind/init_code.h"

/* endbr64; sub $8, %rsp; call; add $8, %rsp; ret */
static const uint8_t code[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x83, 0xec, 0x08, 0xe8,
				0,    0,    0,	  0,	0x48, 0x83, 0xc4, 0x08, 0xc3 };

/* The code without its first and last so many bytes: its rows as places and distances of the CFA. */
static const char *rows_of(size_t from, size_t less)
{
	size_t len = sizeof(code) - from - less, n = 0;
	uint8_t *exact = malloc(len ? len
				    : 1); /* so that a sanitizer sees what is read beside it */
	struct evp_rule_set rules = { 0 };
	struct evp_cfi_rows rows = { 0 };
	static char text[200];

	memcpy(exact, code + from, len);
	strcpy(text, "none");
	if (evp_init_code_compile(exact, len, 0x1000, &rules, &rows))
		strcpy(text, "failed");
	for (size_t i = 0; i < rows.n; i++)
		n += (size_t)snprintf(text + n, 40, "%s%lx:%d", i ? " " : "",
				      (unsigned long)rows.row[i].vaddr,
				      rules.rule[rows.row[i].rule].cfa_off);
	free(exact);
	evp_cfi_rows_release(&rows);
	evp_rule_set_release(&rules);
	return text;
}

int main(void)
{
	size_t cut, known = 0;

	ok(!strcmp(rows_of(0, 0), "1000:8 1008:16 1011:8 1012:0"), "as gcc makes it");
	ok(!strcmp(rows_of(4, 0), "1000:8 1004:16 100d:8 100e:0"), "without CET");
	for (cut = 1; cut <= sizeof(code); cut++)
		known += strcmp(rows_of(0, cut), "none") != 0;
	for (cut = 5; cut < sizeof(code); cut++)
		known += strcmp(rows_of(cut, 0), "none") != 0;
	ok(!known, "anything less is not known");
	return done_testing();
}
