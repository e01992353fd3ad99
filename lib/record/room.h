/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who owns which part of a fixed array: first fit, neighbours that are free become one.
 * A zeroed struct has no room; evp_room_init gives it some.
 */
#ifndef EVP_RECORD_ROOM_H
#define EVP_RECORD_ROOM_H

#include <stddef.h>
#include <stdint.h>

struct evp_room {
	struct evp_room_part {
		uint32_t at, n;
	} * free; /* sorted, never touching */
	size_t nfree, cap;
};

int evp_room_init(struct evp_room *r, uint32_t n); /* 0 or -ENOMEM */
/* n > 0 in a row. 0, -ENOSPC, -ENOMEM. */
int evp_room_take(struct evp_room *r, uint32_t n, uint32_t *ret_at);
/* Exactly what was taken. Without memory for the note it stays taken. */
void evp_room_give(struct evp_room *r, uint32_t at, uint32_t n);
void evp_room_release(struct evp_room *r);

#endif
