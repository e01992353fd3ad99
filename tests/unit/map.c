// SPDX-License-Identifier: GPL-2.0-or-later
/* A map of numbers against a plain array: what was put is found, what was removed is not. */
#include <stdbool.h>
#include <stdlib.h>

#include "base/hash.h"
#include "tap.h"

#define KEYS 300

/* Every key is in the map as in the model (0: absent), and nothing else is. */
static bool same(const struct evp_map *m, const uint64_t *model)
{
	size_t present = 0, used = 0;

	for (uint64_t key = 0; key < KEYS; key++) {
		const uint64_t *value = evp_map_find(m, key);

		present += model[key] != 0;
		if ((value ? *value : 0) != model[key])
			return false;
	}
	for (size_t i = 0; i < m->nslots; i++)
		used += m->slot[i].used;
	return m->n == present && used == present;
}

/* As a user that tidies while iterating: slot i is looked at again after a removal. */
static bool remove_all(struct evp_map *m)
{
	for (size_t i = 0; i < m->nslots;) {
		if (m->slot[i].used)
			evp_map_remove(m, m->slot[i].key);
		else
			i++;
	}
	return m->n == 0;
}

int main(void)
{
	uint64_t model[KEYS] = { 0 }, none[KEYS] = { 0 };
	struct evp_map m = { 0 };
	bool good = true;

	srand(1);
	evp_map_remove(&m, 1);
	ok(!m.n, "nothing is removed from an empty map");
	for (uint64_t turn = 1; turn <= 100000 && good; turn++) {
		uint64_t key = (uint64_t)rand() % KEYS, *value;

		if (rand() % 2) {
			value = evp_map_at(&m, key, NULL);
			good = value != NULL;
			if (good)
				*value = model[key] = turn;
		} else {
			evp_map_remove(&m, key);
			model[key] = 0;
		}
		if (turn % 64 == 0)
			good = good && same(&m, model);
	}
	ok(good && same(&m, model), "100,000 insertions and removals leave what the model has");
	ok(remove_all(&m) && same(&m, none), "removal while iterating misses nothing");
	evp_map_release(&m);
	return done_testing();
}
