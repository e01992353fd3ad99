/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unwind table of one file in memory: the words that bpf/unwind.h describes, and their bounds.
 *
 * A table is made by evp_unwind_table_build from rows and rules; one that came from elsewhere (the
 * child that compiles strangers' files) must pass evp_unwind_table_check before anything else looks
 * at it. After that every index in it stays inside it. Immutable.
 */
#ifndef EVP_UNWIND_TABLE_H
#define EVP_UNWIND_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/unwind.h"
#include "base/err.h"
#include "unwind/cfi.h"

#define EVP_UNWIND_MAX_PAGES 65536u	 /* 4 GiB of addresses */
#define EVP_UNWIND_MAX_WORDS (16u << 20) /* 64 MiB; libLLVM has 3.3 */

struct evp_unwind_table { /* a zeroed struct is empty: it covers nothing */
	uint32_t *word;	  /* [nwords], malloc'ed */
	uint32_t nwords;
	uint32_t npages, nrules;
	uint64_t first_page; /* ELF virtual address >> EVP_UNWIND_PAGE_BITS of the first page */
	uint32_t nrows;
};

/* Rows with EVP_CFA_UNKNOWN, counted anew. */
uint32_t evp_unwind_table_inexact(const struct evp_unwind_table *t);

/* Word index of the rules: they follow the pages. */
static inline uint32_t evp_unwind_table_rules(const struct evp_unwind_table *t)
{
	return t->npages * EVP_UNWIND_PAGE_WORDS;
}

static inline const struct evp_unwind_rule *evp_unwind_table_rule(const struct evp_unwind_table *t,
								  uint32_t number)
{
	return (const struct evp_unwind_rule *)&t->word[evp_unwind_table_rules(t)] + number;
}

/*
 * Rows sorted by address, rule 0 EVP_CFA_NONE -> table. Rules past EVP_UNWIND_MAX_RULES become
 * EVP_CFA_UNKNOWN. -E2BIG past the limits above, -ENOMEM.
 */
int evp_unwind_table_build(struct evp_unwind_table *ret, const struct evp_cfi_rows *rows,
			   const struct evp_rule_set *rules, struct evp_err *err);

/* 0, or -EBADMSG: some index leads out of it. */
int evp_unwind_table_check(const struct evp_unwind_table *t, struct evp_err *err);

/* The rule that holds at an ELF virtual address, or NULL where the table has no page for it. */
const struct evp_unwind_rule *evp_unwind_table_find(const struct evp_unwind_table *t,
						    uint64_t vaddr);

void evp_unwind_table_release(struct evp_unwind_table *t);

#endif
