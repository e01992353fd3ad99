// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbol/segs.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bisect.h"
#include "base/hash.h"

int evp_ranges_add(struct evp_ranges *r, uint64_t lo, uint64_t hi, uint32_t id)
{
	if (lo >= hi)
		return 0;
	if (evp_grow(&r->item, &r->cap, r->n + 1, sizeof(*r->item)))
		return -ENOMEM;
	r->item[r->n++] = (struct evp_range){ lo, hi, id };
	return 0;
}

void evp_ranges_release(struct evp_ranges *r)
{
	free(r->item);
	*r = (struct evp_ranges){ 0 };
}

void evp_segs_release(struct evp_segs *s)
{
	free(s->item);
	*s = (struct evp_segs){ 0 };
}

/* Outer before inner. */
static int compare_ranges(const void *pa, const void *pb)
{
	const struct evp_range *a = pa, *b = pb;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	if (a->hi != b->hi)
		return a->hi > b->hi ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int emit(struct evp_segs *s, uint64_t lo, uint32_t id)
{
	if (s->n && s->item[s->n - 1].lo == lo) {
		s->item[s->n - 1].id = id;
		return 0;
	}
	if (s->n && s->item[s->n - 1].id == id)
		return 0;
	if (evp_grow(&s->item, &s->cap, s->n + 1, sizeof(*s->item)))
		return -ENOMEM;
	s->item[s->n++] = (struct evp_seg){ lo, id };
	return 0;
}

int evp_segs_build(struct evp_segs *s, struct evp_ranges *r)
{
	const struct evp_range **open =
		NULL; /* the ranges around the current place, innermost last */
	size_t nopen = 0;
	int rc = -ENOMEM;

	if (!r->n)
		return 0;
	qsort(r->item, r->n, sizeof(*r->item), compare_ranges);
	open = malloc(r->n * sizeof(*open));
	if (!open)
		return -ENOMEM;
	for (size_t i = 0; i <= r->n; i++) {
		uint64_t next = i < r->n ? r->item[i].lo : UINT64_MAX;

		while (nopen && open[nopen - 1]->hi <= next) {
			uint64_t end = open[--nopen]->hi;

			while (nopen && open[nopen - 1]->hi <= end)
				nopen--;
			if (emit(s, end, nopen ? open[nopen - 1]->id : EVP_NO_ID))
				goto out;
		}
		if (i == r->n)
			break;
		if (emit(s, r->item[i].lo, r->item[i].id))
			goto out;
		open[nopen++] = &r->item[i];
	}
	rc = 0;
out:
	free(open);
	return rc;
}

/* The first span that starts behind addr. */
static size_t find_next(const struct evp_segs *s, uint64_t addr)
{
	return EVP_NOT_ABOVE(s->item, s->n, lo, addr);
}

uint32_t evp_segs_find(const struct evp_segs *s, uint64_t addr)
{
	size_t next = find_next(s, addr);

	return next ? s->item[next - 1].id : EVP_NO_ID;
}

uint64_t evp_segs_end(const struct evp_segs *s, uint64_t addr)
{
	size_t next = find_next(s, addr);

	return next < s->n ? s->item[next].lo : UINT64_MAX;
}
