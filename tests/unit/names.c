// SPDX-License-Identifier: GPL-2.0-or-later
// Names as people see them, and as evp-diff compares them.
#include <string.h>

#include "base/table.h"
#include "diff/table.h"
#include "tap.h"

static void is(const struct evp_str *got, const char *wanted, const char *what)
{
	const char *text = got->buf ? got->buf : "";
	bool good = got->len == strlen(wanted) && memcmp(text, wanted, got->len) == 0;

	ok(good, what);
	if (!good)
		printf("# got    %s\n# wanted %s\n", text, wanted);
}

static void shortens(const char *name, size_t width, const char *wanted)
{
	struct evp_str s = { 0 };

	evp_shorten_name(&s, name, strlen(name), width);
	is(&s, wanted, name);
	evp_str_release(&s);
}

static void shows(const char *bytes, size_t len, const char *wanted, const char *what)
{
	struct evp_str s = { 0 };

	evp_plain_text(&s, bytes, len);
	is(&s, wanted, what);
	evp_str_release(&s);
}

static void compares_as(const char *name, const char *wanted)
{
	struct evp_str s = { 0 };

	evp_str_add(&s, name, evp_diff_name_len(name, strlen(name)));
	is(&s, wanted, name);
	evp_str_release(&s);
}

static void number(size_t got, size_t wanted, const char *what)
{
	struct evp_str s = { 0 };
	char text[24];

	evp_str_u64(&s, got);
	snprintf(text, sizeof(text), "%zu", wanted);
	is(&s, text, what);
	evp_str_release(&s);
}

int main(void)
{
	shortens("short", 20, "short");
	shortens("std::map<int, std::vector<char> >::find(int const&) const", 40,
		 "std::map<...>::find(...) const");
	shortens("f(std::vector<int>, char const*)", 31, "f(...)");
	shortens("operator<<(std::ostream&, Foo const&)", 20, "operator<<(...)");
	shortens("(anonymous namespace)::Visitor<int>::operator()(Node*)", 44,
		 "(anonymous na...isitor<int>::operator()(...)");
	shortens("a_very_long_name_of_a_c_function_indeed", 20, "a_ver...ction_indeed");
	shortens("a<b<c<d", 8, "a<b<c<d");
	shortens("((((((((((((((((((", 9, "((...((((");
	shortens("\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244\303\244",
		 8, "\303\244...\303\244\303\244\303\244\303\244");

	shows("a\0b\033[1m", 7, "a\\x00b\\x1b[1m", "controls");
	shows("\xff\xc3\xa4", 3, "\\xff\303\244", "what is not UTF-8, and what is");
	shows("\xc2\x9b\xe2\x80\xae", 5, "\\xc2\\x9b\\xe2\\x80\\xae",
	      "C1 controls and turned text");

	compares_as("f.isra.0", "f");
	compares_as("f.constprop.0.isra.12", "f");
	compares_as("f.cold", "f");
	compares_as("f.part.3.cold", "f");
	compares_as("f.0", "f.0");
	compares_as("core::fmt::write::h0123456789abcdef", "core::fmt::write");
	compares_as("core::fmt::write::h0123456789abcdeg", "core::fmt::write::h0123456789abcdeg");
	compares_as(".isra.0", ".isra.0");
	compares_as("", "");

	number(evp_address_name("libc.so.6+0x26ad0", 17), 9, "an address is no function");
	number(evp_address_name("f+0x", 4), 0, "this is none");
	number(evp_address_name("deadbeef", 8), 0, "nor is this");
	number(evp_diff_is_interrupt("asm_sysvec_apic_timer_interrupt", 31), 1, "an interrupt");
	number(evp_diff_is_interrupt("asm_exc_page_fault", 18), 0, "a fault is none");

	return done_testing();
}
