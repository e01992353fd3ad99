// SPDX-License-Identifier: GPL-2.0-or-later
/* Each call frame instruction, encoding of addresses and kind of entry: which rows come of it. */
#include <errno.h>
#include <stdlib.h>

#include "cfi_section.h"
#include "tap.h"
#include "unwind/cfi.h"

enum { CODE = 0x10000, FUNC = 0x11000, FUNC_LEN = 0x100, SECTION = 0x18000 };

static struct evp_rule_set rules;
static struct evp_cfi_rows rows;

static const char *rule_text(const struct evp_unwind_rule *r)
{
	static const char *const names[] = {
		"none", "end",	"sp",  "fp",	 "*sp",	    "*fp",
		"reg",	"*reg", "plt", "signal", "unknown", "landing"
	};
	static char text[80];
	int n = snprintf(text, sizeof(text), "%s", names[r->cfa]);

	if ((r->cfa < EVP_CFA_SP || r->cfa > EVP_CFA_PLT) && r->cfa != EVP_CFA_LANDING)
		return text;
	n += snprintf(text + n, 40, "%+d", r->cfa_off);
	if (r->cfa_add)
		n += snprintf(text + n, 20, "%+d", r->cfa_add);
	if (r->fp)
		n += snprintf(text + n, 20, ",%c%+d", "-cSF"[r->fp], r -> fp_off);
	if (r->ra == EVP_RA_REG)
		n += snprintf(text + n, 20, ",ra%d", r->ra_off);
	if (r->ra == EVP_RA_LANDING)
		n += snprintf(text + n, 20, ",pad");
	if (r->bx_off)
		snprintf(text + n, 20, r->bx_off == EVP_BX_OFF_LOST ? ",bx lost" : ",bx%+d",
			 r->bx_off);
	return text;
}

static int compile(const struct evp_str *s, size_t len, bool debug_frame)
{
	static const struct evp_cfi_range code = { 0, SECTION };
	uint8_t *exact = malloc(s->len); /* so that a sanitizer sees what is read behind it */
	struct evp_cfi_section section = { .data = memcpy(exact, s->buf, s->len),
					   .len = len,
					   .vaddr = SECTION,
					   .debug_frame = debug_frame,
					   .big_pointers = true,
					   .code = &code,
					   .ncode = 1 };
	int rc;

	evp_cfi_rows_release(&rows);
	evp_rule_set_release(&rules);
	rc = evp_cfi_compile(&section, &evp_cfi_x86_64, &rules, &rows, NULL);
	free(exact);
	return rc;
}

/* The rows, addresses from FUNC on. */
static void rows_are(const char *what, const char *want)
{
	char text[512] = "";
	size_t n = 0;

	for (size_t i = 0; i < rows.n && n + 100 < sizeof(text); i++)
		n += (size_t)snprintf(text + n, 100, "%s%lx %s", i ? "; " : "",
				      (unsigned long)rows.row[i].vaddr - FUNC,
				      rule_text(&rules.rule[rows.row[i].rule]));
	if (strcmp(text, want) != 0)
		printf("# got:    %s\n# wanted: %s\n", text, want);
	ok(!strcmp(text, want), what);
}

/* At 0, of this version: steps of 2 bytes, offsets in -8ths, CFA rsp+8, return address at CFA-8. */
static void cie(struct evp_str *s, int version, const char *aug, int encoding, const char *more)
{
	size_t length_at = begin(s, false);

	put(s, 0, 4);
	put(s, (uint64_t)version, 1);
	evp_str_add(s, aug, strlen(aug) + 1);
	if (version == 4)
		put(s, 8, 2);
	put(s, 2, 1);
	put(s, 0x78, 1);
	put(s, 16, 1);
	put(s, strchr(aug, 'R') != NULL, 1);
	if (strchr(aug, 'R'))
		put(s, (uint64_t)encoding, 1);
	evp_str_add(s, "\x0c\x07\x08\x90\x01", 5);
	evp_str_add(s, more, strlen(more));
	end(s, length_at, false);
}

static size_t width(int encoding)
{
	return encoding % 8 == 2 ? 2 : encoding % 8 == 3 ? 4 : 8;
}

static void address(struct evp_str *s, uint64_t v, int encoding)
{
	if ((encoding & 0x70) == 0x10)
		v -= SECTION + s->len;
	if (encoding % 8 != 1) {
		put(s, v, width(encoding));
		return;
	}
	put(s, v % 128 | 0x80, 1);
	put(s, v / 128 % 128 | 0x80, 1);
	put(s, v / 128 / 128 % 128, 1);
}

static void fde(struct evp_str *s, size_t cie_at, uint64_t start, uint64_t size, int encoding,
		const char *code, size_t len)
{
	size_t length_at = begin(s, false);

	put(s, s->len - cie_at, 4);
	address(s, start, encoding);
	address(s, size, encoding % 16);
	put(s, 0, 1);
	evp_str_add(s, code, len);
	end(s, length_at, false);
}

static const struct {
	const char *what, *code;
	size_t len;
	const char *rows;
} instruction[] = {
#define I(what, code, rows)                                                                        \
	{                                                                                          \
		what, code, sizeof(code) - 1, rows                                                 \
	}
	I("a step is of the code's alignment", "\x41\x0e\x10", "0 sp+8; 2 sp+16; 100 none"),
	I("steps of 1, 2 and 4 bytes", "\x02\x03\x0e\x10\x03\x04\0\x0e\x18\x04\x05\0\0\0\x0e\x20",
	  "0 sp+8; 6 sp+16; e sp+24; 18 sp+32; 100 none"),
	I("a place", "\x01\x10\x10\1\0\0\0\0\0\x0e\x10", "0 sp+8; 10 sp+16; 100 none"),
	I("a place behind",
	  "\x01\x10\x10\1\0\0\0\0\0\x0e\x10\x01\x08\x10\1\0\0\0\0\0\x0e\x18\x41\x0e\x20",
	  "0 sp+8; 10 unknown; 100 none"),
	I("a place beyond the end", "\x04\x80\0\0\0\x0e\x10", "0 sp+8; 100 none"),
	I("def_cfa_sf", "\x12\x07\x7c", "0 sp+32; 100 none"),
	I("def_cfa_offset_sf", "\x13\x7d", "0 sp+24; 100 none"),
	I("def_cfa_register", "\x0d\x06", "0 fp+8; 100 none"),
	I("rax is saved for another frame's landing pad", "\x0d\x06\x80\x02\x42\xc0\x42\x0d\x07",
	  "0 landing+8; 4 fp+8; 8 sp+8; 100 none"),
	I("and rcx is its place", "\x80\x02\x0d\x01", "0 reg+8,pad; 100 none"),
	I("a CFA by a register that is none", "\x0c\x11\x08", "0 unknown; 100 none"),
	I("offset_extended", "\x05\x06\x02", "0 sp+8,c-16; 100 none"),
	I("offset_extended_sf", "\x11\x06\x7e", "0 sp+8,c+16; 100 none"),
	I("an offset of more than 16 bits", "\x05\x06\x81\x80\x02", "0 unknown; 100 none"),
	I("restore", "\x86\x02\x41\xc6", "0 sp+8,c-16; 2 sp+8; 100 none"),
	I("restore_extended", "\x86\x02\x41\x06\x06", "0 sp+8,c-16; 2 sp+8; 100 none"),
	I("same_value", "\x83\x02\x41\x08\x03", "0 sp+8,bx-16; 2 sp+8; 100 none"),
	I("same_value of the return address", "\x08\x10", "0 unknown; 100 none"),
	I("undefined", "\x07\x03\x41\x07\x10", "0 sp+8,bx lost; 2 end; 100 none"),
	I("register: the return address", "\x09\x10\x0e", "0 sp+8,ra14; 100 none"),
	I("one that is none", "\x09\x10\x10", "0 unknown; 100 none"),
	I("register: the frame pointer", "\x09\x06\x03", "0 unknown; 100 none"),
	I("val_offset", "\x14\x06\x02", "0 unknown; 100 none"),
	I("val_offset_sf", "\x15\x06\x02", "0 unknown; 100 none"),
	I("val_expression", "\x16\x06\x02\x76\0", "0 unknown; 100 none"),
	I("expression", "\x10\x06\x02\x76\x70", "0 sp+8,F-16; 100 none"),
	I("expression, by the stack pointer", "\x10\x06\x02\x77\x10", "0 sp+8,S+16; 100 none"),
	I("a CFA in memory", "\x0f\x05\x77\x08\x06\x23\x10", "0 *sp+8+16; 100 none"),
	I("and so much added that no rule holds it", "\x0f\x07\x77\x08\x06\x23\x80\x80\x02",
	  "0 unknown; 100 none"),
	I("an expression cut short", "\x0f\x01\x77", "0 unknown; 100 none"),
	I("as long as it says, not as there is", "\x0f\x03\x77", "0 unknown; 100 none"),
};

static void instructions(void)
{
	for (size_t i = 0; i < sizeof(instruction) / sizeof(*instruction); i++) {
		struct evp_str s = { 0 };

		cie(&s, 1, "z", 0, "");
		fde(&s, 0, FUNC, FUNC_LEN, 0, instruction[i].code, instruction[i].len);
		compile(&s, s.len, false);
		rows_are(instruction[i].what, instruction[i].rows);
		evp_str_release(&s);
	}
}

static void encodings(void)
{
	/* Absolute or relative to where they stand, of each width, with and without a sign. */
	static const int good[] = { 0x00, 0x01, 0x03, 0x04, 0x09, 0x0b,
				    0x0c, 0x10, 0x14, 0x1a, 0x1b, 0x1c };
	/* To text, data, the function, aligned; through memory; of no known width; none at all. */
	static const int bad[] = { 0x23, 0x33, 0x43, 0x53, 0x83, 0x9b, 0x05, 0x0f, 0xff };
	struct evp_str s = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		evp_str_clear(&s);
		cie(&s, 1, "zR", good[i], "");
		fde(&s, 0, FUNC, FUNC_LEN, good[i], "\x0e\x10", 2);
		if (!compile(&s, s.len, false) && rows.n == 2 && rows.row[0].vaddr == FUNC &&
		    rows.row[1].vaddr == FUNC + FUNC_LEN)
			n++;
		else
			printf("# encoding %#x\n", good[i]);
	}
	ok(n == sizeof(good) / sizeof(*good), "encodings of addresses");
	for (size_t i = n = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		evp_str_clear(&s);
		cie(&s, 1, "zR", bad[i], "");
		fde(&s, 0, FUNC, FUNC_LEN, bad[i], "\x0e\x10", 2);
		if (compile(&s, s.len, false) == -EBADMSG && rows.bad_fdes == 1)
			n++;
		else
			printf("# encoding %#x\n", bad[i]);
	}
	ok(n == sizeof(bad) / sizeof(*bad), "and those that nothing can be made of");
	evp_str_release(&s);
}

static void bad_cies(void)
{
	static const char *const what[] = { "version 2", "version 5", "segments of a size",
					    "instructions for a place in no function" };
	struct evp_str s = { 0 };

	for (int i = 0; i < 4; i++) {
		evp_str_clear(&s);
		cie(&s, i == 0 ? 2 : i == 1 ? 5 : i == 2 ? 4 : 1, "z", 0, i == 3 ? "\x41" : "");
		if (i == 2)
			s.buf[12] = 1; /* behind length, id, version, "z" and the addresses' size */
		fde(&s, 0, FUNC, FUNC_LEN, 0, "\x0e\x10", 2);
		ok(compile(&s, s.len, false) == -EBADMSG && !rows.n && rows.bad_fdes == 1, what[i]);
	}
	evp_str_release(&s);
}

static void entries(void)
{
	static const char same[] = "\x0e\x10";
	struct evp_str s = { 0 };
	size_t second;

	cie(&s, 1, "z", 0, "");
	fde(&s, 0, 0, FUNC_LEN, 0, same, 2);
	fde(&s, 0, FUNC, 0x10, 0, same, 2);
	fde(&s, 0, FUNC + 0x1f, 0x10, 0, "\x0e\x18", 2);
	fde(&s, 0, FUNC + 0x3f, 0x10, 0, "\x0e\x20", 2);
	compile(&s, s.len, false);
	rows_are("what was thrown away, padding, and a hole",
		 "0 sp+16; 1f sp+24; 2f none; 3f sp+32; 4f none");
	ok(!rows.bad_fdes, "of which none is bad");
	put(&s, 0, 4);
	fde(&s, 0, FUNC + 0x60, 0x10, 0, same, 2);
	compile(&s, s.len, false);
	ok(rows.fdes == 4, "nothing behind the end of .eh_frame");
	ok(compile(&s, (size_t)UINT32_MAX + 1, false) == -EFBIG, "no section of 4 GiB");

	evp_str_clear(&s);
	cie(&s, 1, "z", 0, "");
	fde(&s, 0, FUNC, 0x10, 0, same, 2);
	second = s.len;
	cie(&s, 1, "zS", 0, "");
	fde(&s, second, FUNC + 0x10, 0x10, 0, same, 2);
	fde(&s, second, FUNC + 0x20, 0x10, 0, "\x0f\x04\x77\xa8\x01\x06", 6);
	fde(&s, second, FUNC + 0x30, 0x10, 0, "\x0f\x04\x77\xa0\x01\x06", 6);
	compile(&s, s.len, false);
	rows_are("signal frames: the kernel's, and no other",
		 "0 sp+16; 10 unknown; 30 signal; 40 none");
	evp_str_release(&s);
}

/* Zeros between entries of .debug_frame are padding. */
static void padded(void)
{
	struct evp_str s = { 0 };
	size_t at;

	cie(&s, 1, "z", 0, "");
	memset(s.buf + 4, 0xff, 4);
	put(&s, 0, 4);
	at = begin(&s, false);
	put(&s, 0, 4);
	put(&s, FUNC, 8);
	put(&s, FUNC_LEN, 8);
	put(&s, 0, 1);
	end(&s, at, false);
	compile(&s, s.len, true);
	rows_are("padding in .debug_frame", "0 sp+8; 100 none");
	evp_str_release(&s);
}

static struct evp_cfi_rows some(uint64_t from, uint32_t rule, uint64_t to)
{
	struct evp_cfi_rows r = { .row = malloc(2 * sizeof(*r.row)), .n = 2, .cap = 2 };

	r.row[0] = (struct evp_cfi_row){ from, rule };
	r.row[1] = (struct evp_cfi_row){ to, 0 };
	return r;
}

static void filled(void)
{
	static const struct evp_cfi_row want[] = { { 1, 2 }, { 3, 1 }, { 5, 2 }, { 9, 0 } };
	struct evp_cfi_rows a = some(3, 1, 5), b = some(1, 2, 9);
	bool good = !evp_cfi_rows_fill(&a, &b) && a.n == 4;

	for (size_t i = 0; good && i < 4; i++)
		good = a.row[i].vaddr == want[i].vaddr && a.row[i].rule == want[i].rule;
	ok(good, "rows are filled up where they say nothing, and only there");
	evp_cfi_rows_release(&a);
	evp_cfi_rows_release(&b);
}

int main(void)
{
	instructions();
	encodings();
	bad_cies();
	entries();
	padded();
	filled();
	evp_cfi_rows_release(&rows);
	evp_rule_set_release(&rules);
	return done_testing();
}
