// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/rule_set.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/*
 * A rule as two words, put together field by field: it was just written that way, and reading it
 * back in larger pieces would wait for the stores.
 */
static inline uint64_t first_word(const struct evp_unwind_rule *r)
{
	return (uint64_t)r->cfa | (uint64_t)r->fp << 8 | (uint64_t)r->ra << 16 |
	       (uint64_t)r->reg << 24 | (uint64_t)(uint32_t)r->cfa_off << 32;
}

static inline uint64_t second_word(const struct evp_unwind_rule *r)
{
	return (uint64_t)(uint16_t)r->cfa_add | (uint64_t)(uint16_t)r->fp_off << 16 |
	       (uint64_t)(uint16_t)r->ra_off << 32 | (uint64_t)(uint16_t)r->bx_off << 48;
}

static bool is_rule(const struct evp_unwind_rule *r, uint64_t a, uint64_t b)
{
	return first_word(r) == a && second_word(r) == b;
}

static int add(struct evp_rule_set *s, const struct evp_unwind_rule *rule, uint64_t hash,
	       uint32_t *ret_id)
{
	uint64_t *at = evp_map_at(&s->ids, hash, NULL), a = first_word(rule), b = second_word(rule);
	uint32_t id;

	if (!at)
		return -ENOMEM;
	for (id = (uint32_t)*at; id && !is_rule(&s->rule[id - 1], a, b);)
		id = s->next[id - 1];
	if (!id) {
		if (evp_grow(&s->rule, &s->cap, s->n + 1, sizeof(*s->rule)) ||
		    evp_grow(&s->next, &s->next_cap, s->n + 1, sizeof(*s->next)))
			return -ENOMEM;
		s->rule[s->n] = *rule;
		s->next[s->n] = (uint32_t)*at;
		*at = id = (uint32_t)++s->n;
	}
	*ret_id = id - 1;
	return 0;
}

int evp_rule_set_add(struct evp_rule_set *s, const struct evp_unwind_rule *rule, uint32_t *ret_id)
{
	uint64_t a = first_word(rule), b = second_word(rule);
	uint64_t hash = (a ^ b * 0x9e3779b97f4a7c15ULL) * 0xc4ceb9fe1a85ec53ULL;
	struct evp_rule_recent *recent = &s->recent[hash >> 56];
	uint32_t id;
	int rc;

	/* A function's rows go back and forth between few rules. */
	if (recent->a == a && recent->b == b && recent->id) {
		*ret_id = recent->id - 1;
		return 0;
	}
	rc = add(s, rule, hash, &id);
	if (rc)
		return rc;
	recent->a = a;
	recent->b = b;
	recent->id = id + 1;
	*ret_id = id;
	return 0;
}

void evp_rule_set_release(struct evp_rule_set *s)
{
	free(s->rule);
	free(s->next);
	evp_map_release(&s->ids);
	*s = (struct evp_rule_set){ 0 };
}
