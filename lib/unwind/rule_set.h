/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unwind rules without repetition, numbered in order of first appearance. A zeroed struct is empty.
 * Whoever makes rows adds EVP_CFA_NONE first, so that it is rule 0.
 */
#ifndef EVP_UNWIND_RULE_SET_H
#define EVP_UNWIND_RULE_SET_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/unwind.h"
#include "base/hash.h"

struct evp_rule_set {
	struct evp_unwind_rule *rule;
	size_t n, cap;
	struct evp_map ids; /* hash -> id + 1, chained by next */
	uint32_t *next;
	size_t next_cap;
};

/* The number of this rule. 0 or -ENOMEM. */
int evp_rule_set_add(struct evp_rule_set *s, const struct evp_unwind_rule *rule, uint32_t *ret_id);
void evp_rule_set_release(struct evp_rule_set *s);

#endif
