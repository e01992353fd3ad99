// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows -> table: what is found is what the rows say; damaged tables are noticed. */
#include <stdlib.h>
#include <string.h>

#include "unwind/table.h"
#include "tap.h"

static uint32_t random_below(uint32_t *state, uint32_t n)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % n;
}

static struct evp_rule_set some_rules(int n)
{
	struct evp_rule_set rules = { 0 };
	uint32_t id;
	int i;

	for (i = 0; i < n; i++) {
		struct evp_unwind_rule r = { .cfa = i ? EVP_CFA_SP : EVP_CFA_NONE, .cfa_off = i };

		evp_rule_set_add(&rules, &r, &id);
	}
	return rules;
}

/* Rows at random places of a few pages, some rule 0; where a page begins, and alone in one. */
static struct evp_cfi_rows some_rows(uint32_t nrules)
{
	static struct evp_cfi_row row[4000];
	uint32_t state = 7;
	size_t n = 0;
	uint64_t at = 0x7ff0123;

	while (n < 3000) {
		row[n++] = (struct evp_cfi_row){ at, (uint16_t)random_below(&state, nrules) };
		at += 1 + random_below(&state, n % 500 ? 100 : 200000);
		if (n % 700 == 0)
			at = (at | 0xffff) + 1;
	}
	row[n++] = (struct evp_cfi_row){ at, 0 };
	return (struct evp_cfi_rows){ .row = row, .n = n };
}

static bool says_the_same(const struct evp_unwind_table *t, const struct evp_cfi_rows *rows,
			  const struct evp_rule_set *rules)
{
	uint64_t at = rows->row[0].vaddr - 100000;
	size_t i = 0;
	uint32_t rule = 0;

	for (; at < rows->row[rows->n - 1].vaddr + 100000; at++) {
		const struct evp_unwind_rule *r = evp_unwind_table_find(t, at), none = { 0 };

		if (i < rows->n && rows->row[i].vaddr == at)
			rule = rows->row[i++].rule;
		if (memcmp(r ? r : &none, &rules->rule[rule], sizeof(none)) != 0)
			return false;
	}
	return true;
}

/* Every word changed in turn: noticed, or still safe to search. */
static int harmful(struct evp_unwind_table *t, uint32_t xor)
{
	uint64_t first = t->first_page << EVP_UNWIND_PAGE_BITS, at;
	int noticed = 0;
	uint32_t i;

	for (i = 0; i < t->nwords; i++) {
		t->word[i] ^= xor;
		if (evp_unwind_table_check(t, NULL)) {
			noticed++;
		} else {
			const uint32_t *rule = &t->word[evp_unwind_table_rules(t)];

			for (at = first; at < first + 0x40000; at += 997) {
				const void *r = evp_unwind_table_find(t, at);

				if (r && (r < (const void *)rule ||
					  r >= (const void *)(rule + t->nrules * 4)))
					exit(1);
			}
		}
		t->word[i] ^= xor;
	}
	return noticed;
}

int main(void)
{
	struct evp_rule_set rules = some_rules(50), many = some_rules(70000);
	struct evp_cfi_rows rows = some_rows(50), none = { 0 };
	struct evp_cfi_row row[2] = { { 0x1000, EVP_UNWIND_MAX_RULES }, { 0x2000, 0 } };
	struct evp_cfi_row far[2] = { { 0x1000, 1 }, { 0x2000ull << 32, 0 } };
	struct evp_unwind_table t, other;
	const struct evp_unwind_rule *r;

	ok(!evp_unwind_table_build(&t, &none, &rules, NULL) && !evp_unwind_table_find(&t, 0) &&
		   !evp_unwind_table_check(&t, NULL),
	   "no rows, an empty table");
	ok(!evp_unwind_table_build(&t, &rows, &rules, NULL), "rows in some pages");
	ok(!evp_unwind_table_check(&t, NULL), "make sense");
	ok(says_the_same(&t, &rows, &rules), "every address has the rule of its row");
	ok(!(t.nwords & 1), "all parts are even");
	ok(harmful(&t, 1) + harmful(&t, 0x80000000) > (int)t.nwords / 2, "damage is noticed");
	other = t;
	other.nwords -= 2;
	ok(evp_unwind_table_check(&other, NULL) == -EBADMSG, "so is a table cut short");
	other = t;
	other.npages = 0xffffffff;
	ok(evp_unwind_table_check(&other, NULL) == -EBADMSG, "and one that claims too much");
	evp_unwind_table_release(&t);

	rows = (struct evp_cfi_rows){ .row = row, .n = 2 };
	ok(!evp_unwind_table_build(&t, &rows, &many, NULL), "too many rules for their numbers");
	r = evp_unwind_table_find(&t, 0x1800);
	ok(r && r->cfa == EVP_CFA_UNKNOWN && evp_unwind_table_inexact(&t) == 1,
	   "are said to be unknown");
	evp_unwind_table_release(&t);
	rows.row = far;
	ok(evp_unwind_table_build(&t, &rows, &rules, NULL) == -E2BIG, "code over more than 4 GiB");
	evp_rule_set_release(&rules);
	evp_rule_set_release(&many);
	return done_testing();
}
