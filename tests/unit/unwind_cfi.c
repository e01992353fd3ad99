// SPDX-License-Identifier: GPL-2.0-or-later
/* Call frame information that compilers make seldom, or never. */
#include <string.h>
#include <time.h>

#include "cfi_section.h"
#include "tap.h"
#include "unwind/cfi.h"
#include "unwind/table.h"

static struct evp_rule_set rules;
static struct evp_cfi_rows rows;
static struct evp_unwind_table table;

static int compile(const struct evp_str *section, const struct evp_cfi_arch *arch, bool debug_frame)
{
	static const struct evp_cfi_range code = { 0x10000, 0x20000 };
	const struct evp_cfi_section s = {
		.data = (const uint8_t *)section->buf,
		.len = section->len,
		.vaddr = 0x20000,
		.debug_frame = debug_frame,
		.big_pointers = true,
		.code = &code,
		.ncode = 1,
	};
	int rc;

	evp_unwind_table_release(&table);
	evp_cfi_rows_release(&rows);
	evp_rule_set_release(&rules);
	rc = evp_cfi_compile(&s, arch, &rules, &rows, NULL);
	return rc ? rc : evp_unwind_table_build(&table, &rows, &rules, NULL);
}

static struct evp_unwind_rule at(uint64_t vaddr)
{
	const struct evp_unwind_rule *r = evp_unwind_table_find(&table, vaddr);

	return r ? *r : (struct evp_unwind_rule){ 0 };
}

/* ---- sections by hand ---- */

/* Absolute addresses; CFA rsp+8, return address at CFA-8. */
static void cie(struct evp_str *s, int version, const char *aug, bool debug_frame, bool dwarf64)
{
	size_t length_at = begin(s, dwarf64);

	put(s, debug_frame ? UINT64_MAX : 0, debug_frame && dwarf64 ? 8 : 4);
	put(s, (uint64_t)version, 1);
	evp_str_add(s, aug, strlen(aug) + 1);
	if (version == 4)
		put(s, 8, 2);
	put(s, 1, 1);
	put(s, 0x78, 1);
	put(s, 16, 1);
	if (*aug == 'z')
		put(s, 0, 1);
	evp_str_add(s, "\x0c\x07\x08\x90\x01", 5);
	end(s, length_at, dwarf64);
}

static void fde(struct evp_str *s, uint64_t start, uint64_t size, const char *code, size_t len)
{
	size_t length_at = begin(s, false);

	put(s, s->len, 4); /* the CIE is at 0 */
	put(s, start, 8);
	put(s, size, 8);
	put(s, 0, 1);
	evp_str_add(s, code, len);
	end(s, length_at, false);
}

#define FDE(s, start, size, code) fde(s, start, size, code, sizeof(code) - 1)

static void versions(void)
{
	static const char push[] = "\x41\x0e\x10\x86\x02";
	struct evp_str s = { 0 };
	size_t length_at;
	bool all = true;
	int v;

	for (v = 1; v <= 4; v++) {
		if (v == 2)
			continue;
		evp_str_clear(&s);
		cie(&s, v, "", true, true);
		length_at = begin(&s, true);
		put(&s, 0, 8);
		put(&s, 0x11000, 8);
		put(&s, 0x100, 8);
		evp_str_add(&s, push, sizeof(push) - 1);
		end(&s, length_at, true);
		all &= !compile(&s, &evp_cfi_x86_64, true) && at(0x11000).cfa_off == 8 &&
		       at(0x110ff).cfa_off == 16 && at(0x110ff).fp == EVP_FP_AT_CFA &&
		       at(0x110ff).fp_off == -16 && at(0x11100).cfa == EVP_CFA_NONE;
	}
	ok(all, "CIE versions 1, 3 and 4, in the 64-bit format");
	evp_str_release(&s);
}

static void forms(void)
{
	struct evp_str s = { 0 };
	struct evp_unwind_rule r;

	cie(&s, 1, "z", false, false);
	FDE(&s, 0x11000, 16, "\x41\x0e\x10\x83\x02\x2e\x10\x41\x0e\x08"); /* rbx; args_size */
	FDE(&s, 0x11100, 16, "\x0f\x03\x76\x58\x06\x10\x06\x02\x76\x00"); /* realigned */
	FDE(&s, 0x11200, 16, "\x0f\x0b\x77\x08\x80\x00\x3f\x1a\x3a\x2a\x33\x24\x22"); /* .plt.sec */
	FDE(&s, 0x11300, 16, "\x0c\x03\x18");	      /* CFA rbx+24: _dl_runtime_resolve */
	FDE(&s, 0x11400, 16, "\x07\x10");	      /* the root */
	FDE(&s, 0x11500, 16, "\x0f\x03\x77\x00\x1c"); /* an expression of no known form */
	FDE(&s, 0x11600, 16, "\x10\x03\x02\x76\x50"); /* rbx where no rule can say */
	FDE(&s, 0x11680, 16, "\x0f\x05\x76\x58\x06\x23\x40");
	FDE(&s, 0x11700, 16, "\x41\x0e\x20\x0a\x41\x0e\x40\x41\x0b\x41\x2f\x06\x02");
	ok(!compile(&s, &evp_cfi_x86_64, false), "forms");
	r = at(0x11001);
	ok(r.bx_off == -16 && r.cfa_off == 16, "rbx is followed, DW_CFA_GNU_args_size passed over");
	r = at(0x11100);
	ok(r.cfa == EVP_CFA_DEREF_FP && r.cfa_off == -40 && r.fp == EVP_FP_AT_FP, "realigned");
	r = at(0x11200);
	ok(r.cfa == EVP_CFA_PLT && r.cfa_add == 10, "PLT");
	r = at(0x11300);
	ok(r.cfa == EVP_CFA_REG && r.reg == 3 && r.cfa_off == 24, "CFA in rbx");
	ok(at(0x11400).cfa == EVP_CFA_END, "root");
	ok(at(0x11500).cfa == EVP_CFA_UNKNOWN && evp_unwind_table_inexact(&table) == 1,
	   "what cannot be said is marked");
	ok(at(0x11600).bx_off == EVP_BX_OFF_LOST, "so is rbx");
	r = at(0x11680);
	ok(r.cfa == EVP_CFA_DEREF_FP && r.cfa_off == -40 && r.cfa_add == 64,
	   "what is added is unsigned");
	ok(at(0x11702).cfa_off == 64 && at(0x11703).cfa_off == 32 && at(0x11704).fp_off == 16,
	   "remember and restore, GNU_negative_offset_extended");
	evp_str_clear(&s);
	cie(&s, 1, "zS", false, false);
	FDE(&s, 0x11000, 16, "\x0f\x04\x77\xa0\x01\x06");
	FDE(&s, 0x11100, 16, "");
	ok(!compile(&s, &evp_cfi_x86_64, false) && at(0x11008).cfa == EVP_CFA_SIGNAL,
	   "the kernel's signal frame");
	ok(at(0x11108).cfa == EVP_CFA_UNKNOWN, "another is not taken for it");
	evp_str_release(&s);
}

/* What cannot be understood says so, from there to the end of the function and no farther. */
static void senseless(void)
{
	struct evp_str s = { 0 };

	cie(&s, 1, "z", false, false);
	FDE(&s, 0x11000, 16, "\x41\x0e\x10\x42\x3f\x41\x0e\x08"); /* no such instruction */
	FDE(&s, 0x11100, 16, "\x41\x0e\x10\x42\x0b");		  /* nothing remembered */
	FDE(&s, 0x11200, 16, "\x41\x0e\x10\x42\x0e");		  /* cut short */
	FDE(&s, 0x11300, 16, "\x41\x0f\x02\x77\x08\x42\x0e\x18"); /* an offset to an expression */
	FDE(&s, 0x11400, 16, "\x83\x00");			  /* rbx at the CFA itself */
	ok(!compile(&s, &evp_cfi_x86_64, false) && rows.bad_fdes == 4, "bad instructions");
	ok(at(0x11000).cfa_off == 8 && at(0x11002).cfa_off == 16 &&
		   at(0x11003).cfa == EVP_CFA_UNKNOWN && at(0x1100f).cfa == EVP_CFA_UNKNOWN &&
		   at(0x11010).cfa == EVP_CFA_NONE,
	   "what follows an unknown one is marked");
	ok(at(0x11103).cfa == EVP_CFA_UNKNOWN && at(0x11203).cfa == EVP_CFA_UNKNOWN &&
		   at(0x11302).cfa == EVP_CFA_SP && at(0x11303).cfa == EVP_CFA_UNKNOWN,
	   "so is what follows one that cannot be");
	ok(at(0x11400).bx_off == EVP_BX_OFF_LOST, "an offset of 0 is not 'the same'");
	evp_str_clear(&s);
	cie(&s, 1, "zx", false, false);
	FDE(&s, 0x11000, 16, "\x41\x0e\x10");
	ok(compile(&s, &evp_cfi_x86_64, false) == -EBADMSG, "an unknown augmentation");
	evp_str_clear(&s);
	cie(&s, 1, "eh", false, false);
	FDE(&s, 0x11000, 16, "\x41\x0e\x10");
	ok(compile(&s, &evp_cfi_x86_64, false) == -EBADMSG, "one of before the 'z'");
	evp_str_release(&s);
}

static void hostile(void)
{
	struct evp_str s = { 0 };
	clock_t start;
	int i;

	cie(&s, 1, "z", false, false);
	FDE(&s, 0x11000, (uint64_t)1 << 60, "\x41\x0e\x10");
	FDE(&s, 0x11010, (uint64_t)-1, "\x41\x0e\x18");
	FDE(&s, 0x90000, 16, "\x41\x0e\x18");
	ok(!compile(&s, &evp_cfi_x86_64, false) && table.npages == 2 && at(0x1ffff).cfa_off == 16 &&
		   rows.bad_fdes == 1,
	   "an FDE of 2^60 bytes ends with the code");
	evp_str_clear(&s);
	cie(&s, 1, "z", false, false);
	FDE(&s, 0x11000, 0x100, "\x41\x0e\x10\x41\x0e\x18\x41\x0e\x20");
	FDE(&s, 0x11002, 0x10, "\x41\x0e\x30");
	ok(!compile(&s, &evp_cfi_x86_64, false) && at(0x11001).cfa_off == 16 &&
		   at(0x11003).cfa_off == 48 && rows.overlapping_fdes == 1,
	   "of two that overlap the later holds");
	/* 60,000 FDEs whose CIEs would lie in each other, each with all that follows. */
	evp_str_clear(&s);
	for (i = 0; i < 60000; i++) {
		size_t length_at = begin(&s, false);

		put(&s, s.len - 1000000u, 4); /* behind it: 1,000,000 bytes on */
		put(&s, 0, 8);
		put(&s, 0, 8);
		put(&s, 0, 4);
		end(&s, length_at, false);
	}
	for (i = 0; i < 1000000; i++)
		evp_str_add(&s, "\xff\0\x40\0", 4);
	start = clock();
	ok(compile(&s, &evp_cfi_x86_64, false) == -EBADMSG && clock() - start < CLOCKS_PER_SEC,
	   "what lies within an entry is no CIE");
	evp_str_clear(&s);
	FDE(&s, 0x11000, 0x10, "\x41\x0e\x10");
	memcpy(s.buf + 4, &s.len, 4);
	cie(&s, 1, "z", true, false);
	ok(!compile(&s, &evp_cfi_x86_64, true) && at(0x11008).cfa_off == 16,
	   "an FDE may stand before its CIE");
	/* 40,000 FDEs, every one with its own CIE, which they name in turn. */
	evp_str_clear(&s);
	for (i = 0; i < 40000; i++)
		cie(&s, 1, "z", false, false);
	for (i = 0; i < 40000; i++)
		FDE(&s, 0x11000, 0x100, "\x41\x0e\x10");
	start = clock();
	ok(!compile(&s, &evp_cfi_x86_64, false) && clock() - start < CLOCKS_PER_SEC,
	   "many CIEs and FDEs of one place take linear time");
	evp_str_release(&s);
}

/* clang 14's for two functions: int leaf(int), 8 bytes, and one that calls, with signed returns. */
static void aarch64(void)
{
	static const char section[] =
		"\x10\0\0\0\0\0\0\0\x01\x7a\x52\0\x01\x7c\x1e\x01\x1b\x0c\x1f\0\x10\0\0\0\x18\0\0\0"
		"\xe4\xff\xfe\xff\x08\0\0\0\0\0\0\0\x1c\0\0\0\x2c\0\0\0\xd8\xff\xfe\xff\x30\0\0\0"
		"\0\x44\x2d\x4c\x0c\x1d\x10\x9e\x02\x9d\x04\0\0\0\0";
	struct evp_str s = { 0 };
	struct evp_unwind_rule r;

	evp_str_add(&s, section, sizeof(section));
	ok(!compile(&s, &evp_cfi_aarch64, false), "aarch64");
	r = at(0x10000);
	ok(r.cfa == EVP_CFA_SP && !r.cfa_off && r.ra == EVP_RA_REG && r.fp == EVP_FP_SAME,
	   "a leaf returns by its link register");
	r = at(0x10018);
	ok(r.cfa == EVP_CFA_FP && r.cfa_off == 16 && r.ra == EVP_RA_AT_CFA && r.ra_off == -8 &&
		   r.fp == EVP_FP_AT_CFA && r.fp_off == -16,
	   "others by what they saved");
	ok(at(0x10038).cfa == EVP_CFA_NONE, "up to their end");
	evp_str_release(&s);
}

int main(void)
{
	versions();
	forms();
	senseless();
	hostile();
	aarch64();
	evp_unwind_table_release(&table);
	evp_cfi_rows_release(&rows);
	evp_rule_set_release(&rules);
	return done_testing();
}
