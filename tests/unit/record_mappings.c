// SPDX-License-Identifier: GPL-2.0-or-later
/* Mappings against the simplest model there is: one byte of address space, one number. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/mappings.h"
#include "tap.h"

#define SPACE 200

static int same_as(const struct evp_mappings *set, const uint64_t *model)
{
	for (uint64_t a = 0; a < SPACE; a++) {
		const struct evp_mapping *m = evp_mappings_find(set, a);

		/* pgoff is the insertion's number times SPACE plus the address: it must stay so. */
		if (m ? m->pgoff + (a - m->start) != model[a] : model[a] != 0)
			return 0;
	}
	for (size_t i = 1; i < evp_mappings_count(set); i++)
		if (evp_mappings_item(set, i - 1)->end > evp_mappings_item(set, i)->start)
			return 0;
	return 1;
}

int main(void)
{
	struct evp_mappings *set = NULL, *live = NULL, *child;
	uint64_t model[SPACE] = { 0 };
	int good = 1;

	srand(1);
	ok(!evp_mappings_find(NULL, 5) && !evp_mappings_count(NULL), "nothing mapped");
	for (uint64_t n = 1; n <= 3000; n++) {
		uint64_t start = (uint64_t)rand() % (SPACE - 1);
		uint64_t end = start + 1 + (uint64_t)rand() % (SPACE - start - 1);
		struct evp_mapping m = { start, end, n * SPACE + start, NULL };

		if (n % 100 == 0) { /* now and then start over */
			evp_mappings_drop(set);
			set = NULL;
			memset(model, 0, sizeof(model));
		}
		good = good && evp_mappings_insert(&set, &m) == 1;
		for (uint64_t a = start; a < end; a++)
			model[a] = n * SPACE + a;
		good = good && same_as(set, model);
	}
	ok(good, "the newest wins, what sticks out stays, order holds");

	child = evp_mappings_share(set);
	ok(evp_mappings_insert(&child, &(struct evp_mapping){ 0, SPACE, 0, NULL }) == 1 &&
		   child != set && same_as(set, model),
	   "a child's mapping is not its parent's");
	ok(evp_mappings_insert(&child, &(struct evp_mapping){ 0, SPACE, 0, NULL }) == 0,
	   "the same again changes nothing");
	evp_mappings_drop(child);
	evp_mappings_drop(set);

	set = NULL;
	for (uint64_t i = 0; i < EVP_MAX_MAPPINGS; i++)
		if (evp_mappings_insert(&set, &(struct evp_mapping){ i * 2, i * 2 + 1, 0, NULL }) !=
		    1)
			break;
	ok(evp_mappings_count(set) == EVP_MAX_MAPPINGS, "as many as the kernel allows");
	ok(evp_mappings_insert(&set, &(struct evp_mapping){ 1u << 30, (1u << 30) + 1, 0, NULL }) ==
		   -E2BIG,
	   "and no more");
	child = evp_mappings_share(set);
	evp_mappings_insert(&live, &(struct evp_mapping){ 7, 9, 0, NULL });
	ok(!evp_mappings_prune(&child, live, 10) && evp_mappings_count(set) == EVP_MAX_MAPPINGS &&
		   evp_mappings_count(child) == 11 && evp_mappings_find(child, 8) &&
		   !evp_mappings_find(child, 4) &&
		   evp_mappings_find(child, 2 * (EVP_MAX_MAPPINGS - 1)),
	   "what is gone is dropped, not the latest, and not another's");
	ok(!evp_mappings_prune(&child, NULL, 0) && !evp_mappings_count(child), "or all");
	evp_mappings_drop(child);
	evp_mappings_drop(live);
	evp_mappings_drop(set);
	return done_testing();
}
