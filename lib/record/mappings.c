// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/mappings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bisect.h"
#include "base/mem.h"

struct evp_mappings {
	unsigned int holders;
	uint64_t turn; /* insertions so far */
	size_t n, cap;
	struct evp_mapping *item;
};

static struct evp_mappings *copy_of(const struct evp_mappings *old)
{
	struct evp_mappings *set = calloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->holders = 1;
	if (old && evp_grow(&set->item, &set->cap, old->n + 1, sizeof(*set->item))) {
		free(set);
		return NULL;
	}
	if (old && old->n) {
		memcpy(set->item, old->item, old->n * sizeof(*set->item));
		set->n = old->n;
		set->turn = old->turn;
	}
	return set;
}

/* Lets *set be held by nobody else. */
static bool make_own(struct evp_mappings **set)
{
	struct evp_mappings *own;

	if (*set && (*set)->holders == 1)
		return true;
	own = copy_of(*set);
	if (!own)
		return false;
	evp_mappings_drop(*set);
	*set = own;
	return true;
}

/* Index of the first mapping that ends behind `address`. */
static size_t first_ending_after(const struct evp_mappings *set, uint64_t address)
{
	return EVP_NOT_ABOVE(set->item, set->n, end, address);
}

static bool same(const struct evp_mapping *a, const struct evp_mapping *b)
{
	return a->start == b->start && a->end == b->end && a->pgoff == b->pgoff &&
	       a->file == b->file;
}

/* Replaces items [from, to) by `m` and what sticks out of them on both sides. */
static int splice(struct evp_mappings *set, size_t from, size_t to, const struct evp_mapping *m)
{
	struct evp_mapping part[3];
	size_t nparts = 0;

	if (from < to && set->item[from].start < m->start) {
		part[nparts] = set->item[from];
		part[nparts++].end = m->start;
	}
	part[nparts++] = *m;
	if (from < to && set->item[to - 1].end > m->end) {
		part[nparts] = set->item[to - 1];
		part[nparts].pgoff += m->end - part[nparts].start;
		part[nparts++].start = m->end;
	}
	if (set->n + nparts > EVP_MAX_MAPPINGS)
		return -E2BIG;
	if (evp_grow(&set->item, &set->cap, set->n + nparts, sizeof(*set->item)))
		return -ENOMEM;
	memmove(set->item + from + nparts, set->item + to, (set->n - to) * sizeof(*set->item));
	memcpy(set->item + from, part, nparts * sizeof(*part));
	set->n = set->n - (to - from) + nparts;
	return 0;
}

int evp_mappings_insert(struct evp_mappings **set, const struct evp_mapping *m)
{
	struct evp_mapping new = *m;
	struct evp_mappings *s = *set;
	size_t from, to;
	int rc;

	if (s) {
		from = first_ending_after(s, m->start);
		if (from < s->n && same(&s->item[from], m))
			return 0;
	}
	if (!make_own(set))
		return -ENOMEM;
	s = *set;
	new.turn = s->turn + 1;
	from = first_ending_after(s, m->start);
	for (to = from; to < s->n && s->item[to].start < m->end;)
		to++;
	rc = splice(s, from, to, &new);
	if (rc)
		return rc;
	s->turn++;
	return 1;
}

int evp_mappings_prune(struct evp_mappings **set, const struct evp_mappings *live, uint64_t keep)
{
	struct evp_mappings *s;
	size_t kept = 0;

	if (!make_own(set))
		return -ENOMEM;
	s = *set;
	for (size_t i = 0; i < s->n; i++) {
		const struct evp_mapping *m = &s->item[i];
		size_t at = live ? first_ending_after(live, m->start) : 0;

		if (s->turn - m->turn < keep ||
		    (live && at < live->n && live->item[at].start < m->end))
			s->item[kept++] = *m;
	}
	s->n = kept;
	return 0;
}

const struct evp_mapping *evp_mappings_find(const struct evp_mappings *set, uint64_t address)
{
	size_t i;

	if (!set)
		return NULL;
	i = first_ending_after(set, address);
	return i < set->n && set->item[i].start <= address ? &set->item[i] : NULL;
}

size_t evp_mappings_count(const struct evp_mappings *set)
{
	return set ? set->n : 0;
}

const struct evp_mapping *evp_mappings_item(const struct evp_mappings *set, size_t i)
{
	return &set->item[i];
}

struct evp_mappings *evp_mappings_share(struct evp_mappings *set)
{
	if (set)
		set->holders++;
	return set;
}

void evp_mappings_drop(struct evp_mappings *set)
{
	if (set && !--set->holders) {
		free(set->item);
		free(set);
	}
}
