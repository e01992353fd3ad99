// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables that a compiler gone bad might send: each lie alone is noticed, before anything follows it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "unwind/table.h"

/* Two pages of three rows: at 0, 0x100 and 0x500, and at 0, 0x10 and 0x20. Words: */
enum { RULES = 4, FIRST = RULES + 3 * EVP_UNWIND_RULE_WORDS, BLOCK_WORDS = 36 };
enum { SECOND = FIRST + BLOCK_WORDS, WORDS = SECOND + BLOCK_WORDS };

static struct evp_unwind_table good;

static bool make(void)
{
	static struct evp_cfi_row row[] = {
		{ 0x100, 1 }, { 0x500, 2 }, { 0x10010, 1 }, { 0x10020, 0 }
	};
	struct evp_cfi_rows rows = { .row = row, .n = 4 };
	struct evp_rule_set rules = { 0 };
	uint32_t id;
	int rc;

	for (int i = 0; i < 3; i++)
		evp_rule_set_add(&rules,
				 &(struct evp_unwind_rule){ .cfa = (uint8_t)i, .cfa_off = i }, &id);
	rc = evp_unwind_table_build(&good, &rows, &rules, NULL);
	evp_rule_set_release(&rules);
	return !rc && good.nwords == WORDS && good.word[0] == FIRST && good.word[2] == SECOND;
}

/* In a block of its exact size, so that a sanitizer sees what is read behind it. */
static struct evp_unwind_table copy(uint32_t nwords)
{
	struct evp_unwind_table t = good;

	t.nwords = nwords;
	t.word = malloc(nwords * sizeof(*t.word));
	memcpy(t.word, good.word, (nwords < WORDS ? nwords : WORDS) * sizeof(*t.word));
	return t;
}

static void refused(struct evp_unwind_table t, const char *what)
{
	ok(evp_unwind_table_check(&t, NULL) == -EBADMSG, what);
	free(t.word);
}

#define ROW(t, block, i) (((struct evp_unwind_row *)&(t).word[(block) + EVP_UNWIND_INDEX_WORDS])[i])
#define INDEX(t, block)	 ((uint16_t *)&(t).word[block])
#define LIE(what, ...)                                                                             \
	do {                                                                                       \
		struct evp_unwind_table t = copy(WORDS);                                           \
		struct evp_unwind_rule *rule = (struct evp_unwind_rule *)&t.word[RULES];           \
		(void)rule;                                                                        \
		__VA_ARGS__;                                                                       \
		refused(t, what);                                                                  \
	} while (0)

int main(void)
{
	ok(make() && !evp_unwind_table_check(&good, NULL), "a table that is as it should be");
	LIE("a rule of no kind", rule[1].cfa = EVP_CFA_LANDING + 1);
	LIE("a frame pointer of no kind", rule[1].fp = EVP_FP_AT_FP + 1);
	LIE("a return address of no kind", rule[1].ra = EVP_RA_LANDING + 1);
	LIE("a register beyond the last", rule[1].reg = 16);
	LIE("a row of a rule beyond the last", ROW(t, FIRST, 2).rule = 3);
	LIE("rows in no order", ROW(t, FIRST, 2).low = 0x100);
	LIE("a first row that is not at the page's beginning", ROW(t, FIRST, 0).low = 1);
	LIE("an index beyond the last row", INDEX(t, FIRST)[63] = 3);
	LIE("an index behind its row", INDEX(t, FIRST)[0] = 1);
	LIE("an index of a row too early", INDEX(t, FIRST)[63] = 1);
	LIE("one block of two pages", t.word[2] = FIRST);
	LIE("a block that begins elsewhere", t.word[2] = SECOND + 2);
	LIE("a page of rows, without a block", t.word[2] = 0);
	LIE("a block without rows", t.word[3] = 0);
	LIE("more rows than a page has bytes", t.word[3] = (1 << 16) + 1);
	LIE("words that no page owns", t.word[2] = t.word[3] = 0);
	LIE("fewer rows than it says", t.nrows++);
	LIE("no rules", t.nrules = 0);
	LIE("rules beyond its end", t.nrules = WORDS);
	LIE("more pages than there may be", t.npages = EVP_UNWIND_MAX_PAGES + 1);
	LIE("more words than there may be", t.nwords = EVP_UNWIND_MAX_WORDS + 1);
	LIE("an address that there is not", t.first_page = UINT64_MAX >> EVP_UNWIND_PAGE_BITS,
	    t.first_page++);
	LIE("rows behind its end", t.word[3] = 5,
	    ROW(t, SECOND, 3) = (struct evp_unwind_row){ 0x30, 1 }, ROW(t, SECOND, 2).low = 0x20);
	refused(copy(WORDS - 2), "a table cut short");
	refused(copy(RULES + 2), "cut within its rules");
	evp_unwind_table_release(&good);
	return done_testing();
}
