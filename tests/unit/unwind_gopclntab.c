// SPDX-License-Identifier: GPL-2.0-or-later
/* Go function tables of the three versions, made here: which rows come of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/gopclntab.h"
#include "tap.h"

enum {
	BASE = 0x401000,
	TEXT = BASE + 16,
	TEXT_LEN = 0x400,
	GO = 0x30 /* Go's part begins there */
};

/* Steps: pairs of a change (zigzag, from -1) and a length; 0 ends. */
static const struct {
	const char *name;
	uint32_t entry;
	uint8_t flags;
	const char *steps;
} func[] = {
	{ "runtime.mstart1", 0x00, 0, "\x02\x20" }, /* not runtime.mstart */
	/* the newer prologue: push at 1, room at 8; epilogue at 30, return at 31 */
	{ "main.framed", 0x20, 0, "\x02\x01\x10\x07\x40\x16\x3f\x01\x0f\x01" },
	/* the older one: all the room at once */
	{ "main.older", 0x60, 0, "\x02\x04\x50\x1c" },
	{ "runtime.systemstack", 0x80, 2, "\x02\x01\x10\x1e\x0f\x01" },
	{ "runtime.mcall", 0xc0, 2, "\x02\x01\x10\x1f" },
	{ "runtime.goexit", 0xe0, 1, "\x02\x07" },
	{ "runtime.sigreturn__sigaction", 0x100, 4, "\x02\x0b" },
	{ "gogo", 0x120, 2, "\x02\x10" },
	{ "runtime.first", 0x140, 0, "\x01\x10" }, /* with more on the stack than it may */
	{ "marker", 0x160, 0, NULL },
};
#define FUNCS (sizeof(func) / sizeof(func[0]))

static const char wanted[] = "40 sp+8 s\n"
			     "61 sp+16 c\n"
			     "68 sp+48 c\n"
			     "7e sp+16 c\n"
			     "7f sp+8 s\n"
			     "a4 sp+48 s\n"
			     "a5 sp+48 c\n"
			     "c0 sp+8 s\n"
			     "c1 sp+16 s\n"
			     "c2 fp+16 c\n"
			     "df sp+8 s\n"
			     "100 root\n"
			     "13f signal\n"
			     "160 fp+16 c\n"
			     "180 root\n"
			     "1a0 none\n";

static uint8_t table[4096], text[TEXT_LEN];

static void put(size_t at, uint64_t v, unsigned int n)
{
	memcpy(table + at, &v, n);
}

/* Header, names at 100, steps at 600, index and records at 1000. */
static void make(uint32_t magic, uint64_t text_start)
{
	unsigned int word = magic == 0xfffffffa ? 8 : 4, first = word == 8 ? 24 : 32;
	size_t i, names = 100, steps = 601, records = 1000 + (2 * FUNCS + 1) * word;

	memset(table, 0, sizeof(table));
	memset(text, 0x90, sizeof(text));
	put(0, magic, 4);
	put(6, 0x0801, 2);
	put(8, FUNCS, 8);
	put(24, text_start, 8);
	put(first, 100, 8);
	put(first + 24, 600, 8);
	put(first + 32, 1000, 8);
	for (i = 0; i < FUNCS; i++) {
		uint64_t entry = func[i].entry + (word == 8 ? TEXT + GO : 0);
		const char *s = func[i].steps;
		size_t at = GO + func[i].entry;

		put(1000 + i * 2 * word, entry, word);
		put(1000 + (i * 2 + 1) * word, records - 1000, word);
		put(records, entry, word);
		put(records + word, names - 100, 4);
		put(records + word + 12, s ? steps - 600 : 0, 4);
		table[records + word + (magic == 0xfffffff1 ? 37 : 33)] = func[i].flags;
		strcpy((char *)table + names, func[i].name);
		names += strlen(func[i].name) + 1;
		records += 64;
		if (!s)
			continue;
		strcpy((char *)table + steps, s);
		steps += strlen(s) + 1;
		for (; *s; s += 2)
			at += (unsigned char)s[1];
		while (i + 1 < FUNCS && at < GO + func[i + 1].entry)
			text[at++] = 0xcc;
	}
	put(1000 + i * 2 * word, 0x180 + (word == 8 ? TEXT + GO : 0), word);
}

static void row_text(const struct evp_unwind_rule *r, uint64_t at, char *out, size_t len)
{
	switch (r->cfa) {
	case EVP_CFA_SP:
	case EVP_CFA_FP:
		snprintf(out, len, "%lx %s%+d %c\n", at, r->cfa == EVP_CFA_SP ? "sp" : "fp",
			 r->cfa_off, r->fp == EVP_FP_AT_CFA && r->fp_off == -16 ? 'c' : 's');
		break;
	default:
		snprintf(out, len, "%lx %s\n", at,
			 r->cfa == EVP_CFA_END	    ? "root"
			 : r->cfa == EVP_CFA_SIGNAL ? "signal"
						    : "none");
	}
}

static int compiles_to(const char *want, size_t len)
{
	struct evp_gopclntab in = { table, len, TEXT, TEXT + TEXT_LEN, text, TEXT_LEN };
	struct evp_rule_set rules = { 0 };
	struct evp_cfi_rows rows = { 0 };
	char out[4096] = "";
	struct evp_err err;
	int rc = evp_gopclntab_compile(&in, &rules, &rows, &err);
	size_t i, n = 0;

	for (i = 0; i < rows.n && n + 64 < sizeof(out); i++) {
		row_text(&rules.rule[rows.row[i].rule], rows.row[i].vaddr - BASE, out + n, 64);
		n += strlen(out + n);
	}
	if (!rc && strcmp(out, want) != 0)
		printf("# got:\n%s", out);
	evp_cfi_rows_release(&rows);
	evp_rule_set_release(&rules);
	return rc ? rc : strcmp(out, want) == 0;
}

/* In a block of its exact size, so that a sanitizer sees what is read behind it. */
static void cut_anywhere(void)
{
	size_t good = 0;

	for (size_t len = 0; len < 2500; len++) {
		struct evp_gopclntab in = { malloc(len + !len), len,  TEXT,
					    TEXT + TEXT_LEN,	text, TEXT_LEN };
		struct evp_rule_set rules = { 0 };
		struct evp_cfi_rows rows = { 0 };

		memcpy((void *)in.data, table, len);
		good += !evp_gopclntab_compile(&in, &rules, &rows, NULL) && rows.fdes == FUNCS;
		evp_cfi_rows_release(&rows);
		evp_rule_set_release(&rules);
		free((void *)in.data);
	}
	ok(good > 500 && good < 1000, "cut anywhere: whole only where all functions are there");
}

/* An index of zeros up to the very end, without what tells where the last function ends. */
static void index_without_end(void)
{
	uint8_t *data = calloc(1, 72 + 64);
	struct evp_gopclntab in = { data, 72 + 64, TEXT, TEXT + TEXT_LEN, text, TEXT_LEN };
	struct evp_rule_set rules = { 0 };
	struct evp_cfi_rows rows = { 0 };

	memcpy(data, "\xf1\xff\xff\xff\0\0\x01\x08\x08", 9);
	data[32] = data[56] = data[64] = 72;
	ok(evp_gopclntab_compile(&in, &rules, &rows, NULL) == -EBADMSG && !rows.bad_fdes,
	   "an index without an end");
	evp_cfi_rows_release(&rows);
	evp_rule_set_release(&rules);
	free(data);
}

/* The fourth begins within the second: neither it nor the third, which then ends there, has rows. */
static void out_of_order(void)
{
	make(0xfffffffa, 0);
	put(1000 + 3 * 16, TEXT + GO + 0x30, 8);
	ok(compiles_to("40 sp+8 s\n61 sp+16 c\n68 sp+48 c\n7e sp+16 c\n7f sp+8 s\na0 none\n"
		       "100 root\n13f signal\n160 fp+16 c\n180 root\n1a0 none\n",
		       sizeof(table)) == 1,
	   "functions in no order");
}

int main(void)
{
	make(0xfffffff1, 0);
	ok(compiles_to(wanted, sizeof(table)) == 1, "Go 1.20, its beginning found by the padding");
	make(0xfffffff0, TEXT + GO);
	ok(compiles_to(wanted, sizeof(table)) == 1, "Go 1.18, its beginning in the header");
	make(0xfffffffa, 0);
	ok(compiles_to(wanted, sizeof(table)) == 1, "Go 1.16, absolute addresses");
	ok(compiles_to("", 1100) == -EBADMSG, "cut short");
	cut_anywhere();
	index_without_end();
	out_of_order();
	make(0xfffffffa, 0);
	put(0, 0xfffffffb, 4);
	ok(compiles_to("", sizeof(table)) == -ENODATA, "another version");
	make(0xfffffff1, 0);
	put(7, 4, 1);
	ok(compiles_to("", sizeof(table)) == -ENODATA, "another machine");
	make(0xfffffff1, 0);
	memset(text, 0x90, sizeof(text));
	ok(compiles_to("", sizeof(table)) == -ENODATA, "no padding anywhere");
	return done_testing();
}
