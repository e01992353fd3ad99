// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int evp_room_init(struct evp_room *r, uint32_t n)
{
	*r = (struct evp_room){ 0 };
	if (evp_grow(&r->free, &r->cap, 16, sizeof(*r->free)))
		return -ENOMEM;
	r->free[0] = (struct evp_room_part){ 0, n };
	r->nfree = n > 0;
	return 0;
}

static void remove_at(struct evp_room *r, size_t i)
{
	r->nfree--;
	memmove(r->free + i, r->free + i + 1, (r->nfree - i) * sizeof(*r->free));
}

int evp_room_take(struct evp_room *r, uint32_t n, uint32_t *ret_at)
{
	for (size_t i = 0; i < r->nfree; i++) {
		struct evp_room_part *f = &r->free[i];

		if (f->n < n)
			continue;
		*ret_at = f->at;
		f->at += n;
		f->n -= n;
		if (!f->n)
			remove_at(r, i);
		return 0;
	}
	return -ENOSPC;
}

void evp_room_give(struct evp_room *r, uint32_t at, uint32_t n)
{
	size_t i = 0;
	struct evp_room_part *f;

	while (i < r->nfree && r->free[i].at < at)
		i++;
	if (i && r->free[i - 1].at + r->free[i - 1].n == at) {
		f = &r->free[i - 1];
		f->n += n;
		if (i < r->nfree && f->at + f->n == r->free[i].at) {
			f->n += r->free[i].n;
			remove_at(r, i);
		}
	} else if (i < r->nfree && at + n == r->free[i].at) {
		r->free[i].at = at;
		r->free[i].n += n;
	} else if (!evp_grow(&r->free, &r->cap, r->nfree + 1, sizeof(*r->free))) {
		memmove(r->free + i + 1, r->free + i, (r->nfree - i) * sizeof(*r->free));
		r->free[i] = (struct evp_room_part){ at, n };
		r->nfree++;
	}
}

void evp_room_release(struct evp_room *r)
{
	free(r->free);
	*r = (struct evp_room){ 0 };
}
