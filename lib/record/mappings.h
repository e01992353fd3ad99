/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The executable mappings of one address space, sorted and without overlap: there is no munmap
 * event, so whatever is mapped over something older wins. Shared between parent and child until
 * one of them changes it.
 */
#ifndef EVP_RECORD_MAPPINGS_H
#define EVP_RECORD_MAPPINGS_H

#include <stddef.h>
#include <stdint.h>

#include "record/files.h"

#define EVP_MAX_MAPPINGS 65536 /* of a process; the kernel's default vm.max_map_count */

struct evp_mapping {
	uint64_t start, end, pgoff;   /* run-time addresses; file offset in bytes of `start` */
	struct evp_mapped_file *file; /* NULL: memory */
	uint64_t turn;		      /* which of the set's insertions it was */
};

struct evp_mappings;

/*
 * Puts `m` into *set (NULL: an empty one), which is copied first where others share it. 1: changed,
 * 0: it was there already, -ENOMEM, -E2BIG. m->start < m->end.
 */
int evp_mappings_insert(struct evp_mappings **set, const struct evp_mapping *m);
/* The mapping that holds this address, or NULL; valid until the next insertion. NULL sets too. */
const struct evp_mapping *evp_mappings_find(const struct evp_mappings *set, uint64_t address);
size_t evp_mappings_count(const struct evp_mappings *set);
const struct evp_mapping *evp_mappings_item(const struct evp_mappings *set, size_t i);

/*
 * Drops what nothing in `live` touches, but for the latest `keep` insertions. 0 or -ENOMEM (*set is
 * as it was).
 */
int evp_mappings_prune(struct evp_mappings **set, const struct evp_mappings *live, uint64_t keep);

struct evp_mappings *evp_mappings_share(struct evp_mappings *set); /* one more holder */
void evp_mappings_drop(struct evp_mappings *set);		   /* one holder less; NULL too */

#endif
