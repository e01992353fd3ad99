// SPDX-License-Identifier: GPL-2.0-or-later
// The symbolizer's parts: flattened ranges against brute force, demangling.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "symbol/segs.h"
#include "symbol/symbol.h"
#include "tap.h"

/* The rule in words of segs.h, one address at a time. */
static uint32_t innermost(const struct evp_ranges *r, uint64_t addr)
{
	const struct evp_range *best = NULL;

	for (size_t i = 0; i < r->n; i++) {
		const struct evp_range *a = &r->item[i];

		if (addr < a->lo || addr >= a->hi)
			continue;
		if (!best || a->lo > best->lo || (a->lo == best->lo && a->hi < best->hi) ||
		    (a->lo == best->lo && a->hi == best->hi && a->id > best->id))
			best = a;
	}
	return best ? best->id : EVP_NO_ID;
}

static bool segs_round(unsigned int n, unsigned int span)
{
	struct evp_ranges r = { 0 };
	struct evp_segs s = { 0 };
	bool good = true;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t lo = (uint64_t)rand() % span;

		evp_ranges_add(&r, lo, lo + (uint64_t)rand() % (span / 2), i);
	}
	good = !evp_segs_build(&s, &r);
	for (uint64_t a = 0; good && a <= 2 * span; a++)
		good = evp_segs_find(&s, a) == innermost(&r, a);
	evp_segs_release(&s);
	evp_ranges_release(&r);
	return good;
}

static void test_segs(void)
{
	bool good = true;

	srand(1);
	for (int i = 0; i < 2000 && good; i++)
		good = segs_round(1 + (unsigned int)rand() % 12, 40);
	ok(good, "spans name the innermost range: 2,000 sets, every address");
	ok(segs_round(500, 700), "and of one crowded set");
}

static void test_demangle(void)
{
	static const struct {
		enum evp_demangle how;
		const char *name, *want;
	} t[] = {
		{ EVP_DEMANGLE_FULL, "main", "main" },
		{ EVP_DEMANGLE_FULL, "", "" },
		{ EVP_DEMANGLE_FULL, "_ZN3foo3barEi", "foo::bar(int)" },
		{ EVP_DEMANGLE_SHORT, "_ZN3foo3barEi", "foo::bar" },
		{ EVP_DEMANGLE_NONE, "_ZN3foo3barEi", "_ZN3foo3barEi" },
		{ EVP_DEMANGLE_FULL, "_ZN3foo3barEi.isra.0.cold", "foo::bar(int).isra.0.cold" },
		{ EVP_DEMANGLE_FULL, "f.part.0", "f.part.0" },
		{ EVP_DEMANGLE_FULL, "f.llvm.123456", "f" },
		{ EVP_DEMANGLE_FULL, "_ZN3foo3barEi.llvm.12AB.cold", "foo::bar(int).cold" },
		{ EVP_DEMANGLE_NONE, "f.llvm.123456", "f.llvm.123456" },
		{ EVP_DEMANGLE_FULL, "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE",
		  "core::fmt::Write::write_fmt" },
		{ EVP_DEMANGLE_FULL, "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE.llvm.7",
		  "core::fmt::Write::write_fmt" },
		{ EVP_DEMANGLE_FULL, "_RNvCs15kBYyAo9fc_7mycrate7example", "mycrate::example" },
		{ EVP_DEMANGLE_FULL, "_D3foo3barFiZv", "foo.bar(int)" },
		{ EVP_DEMANGLE_FULL, "_ZZZ", "_ZZZ" },
		{ EVP_DEMANGLE_FULL, "_Rubbish", "_Rubbish" },
	};

	for (size_t i = 0; i < EVP_ARRAY_SIZE(t); i++) {
		struct evp_str s = { 0 };

		evp_demangle(&s, t[i].name, t[i].how);
		ok(!strcmp(s.buf ? s.buf : "", t[i].want), *t[i].name ? t[i].name : "no name");
		if (strcmp(s.buf ? s.buf : "", t[i].want))
			printf("# got '%s', wanted '%s'\n", s.buf, t[i].want);
		evp_str_release(&s);
	}
}

static void test_hostile_names(void)
{
	struct evp_str deep = { 0 }, out = { 0 };

	evp_str_puts(&deep, "_Z1f");
	for (int i = 0; i < 60000; i++)
		evp_str_putc(&deep, 'P');
	evp_str_putc(&deep, 'i');
	evp_demangle(&out, deep.buf, EVP_DEMANGLE_FULL);
	ok(out.len == deep.len, "a name too long for the demangler stays as it is");
	evp_str_release(&deep);
	evp_str_release(&out);
}

int main(void)
{
	test_segs();
	test_demangle();
	test_hostile_names();
	return done_testing();
}
