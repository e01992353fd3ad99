// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/table.h"

#include <stdlib.h>
#include <string.h>

static uint64_t page_of(uint64_t vaddr)
{
	return vaddr >> EVP_UNWIND_PAGE_BITS;
}

static uint64_t even(uint64_t words)
{
	return (words + 1) & ~(uint64_t)1;
}

static uint64_t block_words(uint64_t nrows)
{
	return even(EVP_UNWIND_INDEX_WORDS + nrows);
}

/* ---- building ---- */

struct builder {
	struct evp_unwind_table t;
	const struct evp_cfi_row *row;
	size_t nrows;
	uint32_t used; /* words */
};

/* What a page holds: the rule from before, unless a row is at its very beginning, and its rows. */
struct page {
	uint64_t number;
	uint32_t covering; /* rule at the beginning */
	bool has_covering;
	const struct evp_cfi_row *row;
	uint32_t n;
};

static uint32_t page_rows(const struct page *p)
{
	return p->n + p->has_covering;
}

static bool has_code(const struct page *p)
{
	return page_rows(p) != 1 || (p->has_covering ? p->covering : p->row->rule) != 0;
}

/* The page after this one. */
static void next_page(const struct builder *b, struct page *p)
{
	const struct evp_cfi_row *end = b->row + b->nrows, *row = p->row + p->n;

	if (p->n)
		p->covering = row[-1].rule;
	p->number++;
	p->row = row;
	while (row < end && page_of(row->vaddr) == p->number)
		row++;
	p->n = (uint32_t)(row - p->row);
	p->has_covering = !p->n || (uint16_t)p->row->vaddr;
}

static struct page page_before(const struct builder *b)
{
	return (struct page){ .number = b->t.first_page - 1, .row = b->row };
}

/* Rules without a number of 16 bits share the last one, which says nothing. */
static uint16_t rule_number(const struct builder *b, uint32_t rule)
{
	return (uint16_t)(rule < b->t.nrules ? rule : b->t.nrules - 1);
}

static void write_page(struct builder *b, const struct page *p)
{
	struct evp_unwind_table *t = &b->t;
	uint32_t *words = &t->word[(p->number - t->first_page) * EVP_UNWIND_PAGE_WORDS];
	uint16_t *index = (uint16_t *)&t->word[b->used];
	struct evp_unwind_row *row =
		(struct evp_unwind_row *)&t->word[b->used + EVP_UNWIND_INDEX_WORDS];
	uint32_t n = 0, kib = 0, i;

	if (p->has_covering)
		row[n++] = (struct evp_unwind_row){ 0, rule_number(b, p->covering) };
	for (i = 0; i < p->n; i++)
		row[n++] = (struct evp_unwind_row){ (uint16_t)p->row[i].vaddr,
						    rule_number(b, p->row[i].rule) };
	for (i = 1; i < n; i++)
		for (; kib << EVP_UNWIND_INDEX_BITS < row[i].low; kib++)
			index[kib] = (uint16_t)(i - 1);
	for (; kib < EVP_UNWIND_INDEX_COUNT; kib++)
		index[kib] = (uint16_t)(n - 1);
	words[0] = b->used;
	words[1] = n;
	b->used += (uint32_t)block_words(n);
	t->nrows += n;
}

static void write_rules(struct builder *b, const struct evp_rule_set *rules)
{
	struct evp_unwind_rule *to =
		(struct evp_unwind_rule *)&b->t.word[evp_unwind_table_rules(&b->t)];

	memcpy(to, rules->rule, b->t.nrules * sizeof(*to));
	if (rules->n > b->t.nrules)
		to[b->t.nrules - 1] = (struct evp_unwind_rule){ .cfa = EVP_CFA_UNKNOWN };
	b->used = evp_unwind_table_rules(&b->t) + b->t.nrules * EVP_UNWIND_RULE_WORDS;
}

uint32_t evp_unwind_table_inexact(const struct evp_unwind_table *t)
{
	const struct evp_unwind_rule *rule = evp_unwind_table_rule(t, 0);
	uint32_t page, i, n = 0;

	for (page = 0; page < t->npages; page++) {
		const uint32_t *words = &t->word[page * EVP_UNWIND_PAGE_WORDS];
		const struct evp_unwind_row *row =
			(const void *)&t->word[words[0] + EVP_UNWIND_INDEX_WORDS];

		for (i = 0; i < words[1]; i++)
			n += rule[row[i].rule].cfa == EVP_CFA_UNKNOWN;
	}
	return n;
}

int evp_unwind_table_build(struct evp_unwind_table *ret, const struct evp_cfi_rows *rows,
			   const struct evp_rule_set *rules, struct evp_err *err)
{
	struct builder b = { .row = rows->row, .nrows = rows->n };
	uint64_t npages, words, i;
	struct page p;

	if (!rows->n) {
		*ret = (struct evp_unwind_table){ 0 };
		return 0;
	}
	b.t.first_page = page_of(rows->row[0].vaddr);
	npages = page_of(rows->row[rows->n - 1].vaddr) - b.t.first_page + 1;
	if (npages > EVP_UNWIND_MAX_PAGES)
		return evp_fail(err, E2BIG, "its code is spread over more than 4 GiB");
	b.t.npages = (uint32_t)npages;
	b.t.nrules = (uint32_t)(rules->n < EVP_UNWIND_MAX_RULES ? rules->n : EVP_UNWIND_MAX_RULES);
	words = npages * EVP_UNWIND_PAGE_WORDS + b.t.nrules * EVP_UNWIND_RULE_WORDS;
	for (i = 0, p = page_before(&b); i < npages; i++) {
		next_page(&b, &p);
		words += has_code(&p) ? block_words(page_rows(&p)) : 0;
	}
	if (words > EVP_UNWIND_MAX_WORDS)
		return evp_fail(err, E2BIG, "its unwind table would take %llu MiB",
				(unsigned long long)(words >> 18));
	b.t.nwords = (uint32_t)words;
	b.t.word = calloc(words, sizeof(*b.t.word));
	if (!b.t.word)
		return evp_fail_oom(err);
	write_rules(&b, rules);
	for (i = 0, p = page_before(&b); i < npages; i++) {
		next_page(&b, &p);
		if (has_code(&p))
			write_page(&b, &p);
	}
	*ret = b.t;
	return 0;
}

/* ---- checking ---- */

static bool rule_makes_sense(const struct evp_unwind_rule *r)
{
	return r->cfa <= EVP_CFA_LANDING && r->fp <= EVP_FP_AT_FP && r->ra <= EVP_RA_LANDING &&
	       r->reg <= 15;
}

static bool block_makes_sense(const struct evp_unwind_table *t, uint32_t block, uint32_t n)
{
	const uint16_t *index = (const uint16_t *)&t->word[block];
	const struct evp_unwind_row *row =
		(const struct evp_unwind_row *)&t->word[block + EVP_UNWIND_INDEX_WORDS];
	uint32_t i;

	for (i = 0; i < n; i++)
		if (row[i].rule >= t->nrules || (i && row[i].low <= row[i - 1].low))
			return false;
	/* The last row at or below 0 is the first: so that is at the page's beginning. */
	for (i = 0; i < EVP_UNWIND_INDEX_COUNT; i++)
		if (index[i] >= n || row[index[i]].low > i << EVP_UNWIND_INDEX_BITS ||
		    (index[i] + 1u < n && row[index[i] + 1].low <= i << EVP_UNWIND_INDEX_BITS))
			return false;
	return true;
}

int evp_unwind_table_check(const struct evp_unwind_table *t, struct evp_err *err)
{
	uint64_t at = (uint64_t)t->npages * EVP_UNWIND_PAGE_WORDS +
		      (uint64_t)t->nrules * EVP_UNWIND_RULE_WORDS;
	uint64_t rows = 0;
	uint32_t i;

	if (t->npages > EVP_UNWIND_MAX_PAGES || t->nrules > EVP_UNWIND_MAX_RULES ||
	    t->nwords > EVP_UNWIND_MAX_WORDS || at > t->nwords || (t->npages && !t->nrules) ||
	    t->first_page > UINT64_MAX >> EVP_UNWIND_PAGE_BITS)
		return evp_fail(err, EBADMSG, "an unwind table of impossible size");
	for (i = 0; i < t->nrules; i++)
		if (!rule_makes_sense(evp_unwind_table_rule(t, i)))
			return evp_fail(err, EBADMSG, "rule %u of an unwind table makes no sense",
					i);
	/* Blocks stand in the order of their pages without holes: none can be two pages'. */
	for (i = 0; i < t->npages; i++) {
		const uint32_t *words = &t->word[i * EVP_UNWIND_PAGE_WORDS];

		if (!words[1] && !words[0])
			continue;
		if (words[0] != at || !words[1] || words[1] > 1u << EVP_UNWIND_PAGE_BITS ||
		    at + block_words(words[1]) > t->nwords ||
		    !block_makes_sense(t, words[0], words[1]))
			return evp_fail(err, EBADMSG, "page %u of an unwind table makes no sense",
					i);
		at += block_words(words[1]);
		rows += words[1];
	}
	if (at != t->nwords || rows != t->nrows)
		return evp_fail(err, EBADMSG, "an unwind table has words that no page owns");
	return 0;
}

/* ---- looking up ---- */

const struct evp_unwind_rule *evp_unwind_table_find(const struct evp_unwind_table *t,
						    uint64_t vaddr)
{
	uint64_t page = page_of(vaddr) - t->first_page;
	uint32_t low = vaddr & 0xffff, kib = low >> EVP_UNWIND_INDEX_BITS, from, to;
	const struct evp_unwind_row *row;
	const uint16_t *index;
	const uint32_t *words;

	if (page >= t->npages)
		return NULL;
	words = &t->word[page * EVP_UNWIND_PAGE_WORDS];
	if (!words[1])
		return NULL;
	index = (const uint16_t *)&t->word[words[0]];
	row = (const struct evp_unwind_row *)&t->word[words[0] + EVP_UNWIND_INDEX_WORDS];
	/* The last row at or below `low`: no earlier than this KiB's, no later than the next one's. */
	from = index[kib];
	to = kib + 1 < EVP_UNWIND_INDEX_COUNT ? index[kib + 1] : words[1] - 1;
	while (from < to) {
		uint32_t middle = (from + to + 1) / 2;

		if (row[middle].low <= low)
			from = middle;
		else
			to = middle - 1;
	}
	return evp_unwind_table_rule(t, row[from].rule);
}

void evp_unwind_table_release(struct evp_unwind_table *t)
{
	free(t->word);
	*t = (struct evp_unwind_table){ 0 };
}
