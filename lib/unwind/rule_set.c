// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/rule_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct evp_unwind_rule) == 16, "a rule has no padding");

static uint64_t hash_of(const struct evp_unwind_rule *r)
{
	uint64_t word[2];

	memcpy(word, r, sizeof(word));
	return evp_hash_u64(word[0] ^ word[1] * 0x9e3779b97f4a7c15ULL);
}

int evp_rule_set_add(struct evp_rule_set *s, const struct evp_unwind_rule *rule, uint32_t *ret_id)
{
	uint64_t *at = evp_map_at(&s->ids, hash_of(rule), NULL);
	uint32_t id;

	if (!at)
		return -ENOMEM;
	for (id = (uint32_t)*at; id && memcmp(&s->rule[id - 1], rule, sizeof(*rule)) != 0;)
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

void evp_rule_set_release(struct evp_rule_set *s)
{
	free(s->rule);
	free(s->next);
	evp_map_release(&s->ids);
	*s = (struct evp_rule_set){ 0 };
}
