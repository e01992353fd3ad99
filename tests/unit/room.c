// SPDX-License-Identifier: GPL-2.0-or-later
/* Parts of a fixed array against a model: none is given twice, none is lost. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "record/room.h"
#include "tap.h"

#define SIZE 500

struct part {
	uint32_t at, n;
};

/* The longest row of what nobody has. */
static uint32_t longest_free(const bool *taken)
{
	uint32_t longest = 0, here = 0;

	for (int i = 0; i < SIZE; i++) {
		here = taken[i] ? 0 : here + 1;
		longest = here > longest ? here : longest;
	}
	return longest;
}

static bool mark(bool *taken, struct part p, bool as)
{
	bool good = p.at + p.n <= SIZE;

	for (uint32_t i = 0; good && i < p.n; i++) {
		good = taken[p.at + i] != as;
		taken[p.at + i] = as;
	}
	return good;
}

int main(void)
{
	struct part part[SIZE];
	bool taken[SIZE] = { false }, good = true;
	struct evp_room r = { 0 };
	size_t n = 0, sorted = 0;
	uint32_t at;

	srand(1);
	ok(evp_room_take(&r, 1, &at) == -ENOSPC, "a zeroed one has no room");
	ok(!evp_room_init(&r, SIZE), "has room");
	for (int turn = 0; turn < 20000 && good; turn++) {
		if (rand() % 2) {
			struct part p = { 0, 1 + (uint32_t)rand() % 40 };
			int rc = evp_room_take(&r, p.n, &p.at);

			good = (rc == 0) == (longest_free(taken) >= p.n) && (!rc || rc == -ENOSPC);
			if (!rc)
				good = good && mark(taken, part[n++] = p, true);
		} else if (n) {
			size_t i = (size_t)rand() % n;

			good = mark(taken, part[i], false);
			evp_room_give(&r, part[i].at, part[i].n);
			part[i] = part[--n];
		}
		for (size_t i = 1; i < r.nfree; i++)
			sorted += r.free[i - 1].at + r.free[i - 1].n >= r.free[i].at;
	}
	ok(good, "what is free in a row is had, once");
	ok(!sorted, "free parts are sorted and never touch");
	while (n)
		n--, evp_room_give(&r, part[n].at, part[n].n);
	ok(r.nfree == 1 && !evp_room_take(&r, SIZE, &at) && at == 0,
	   "all comes back, in one piece");
	ok(evp_room_take(&r, 1, &at) == -ENOSPC && r.nfree == 0, "and is full again");
	evp_room_release(&r);
	return done_testing();
}
