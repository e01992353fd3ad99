/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of a pprof profile while it is made: strings, functions, mappings, locations, each
 * interned, numbered from 1 (strings from 0) in order of first use, which is the order that strict
 * readers ask for. Nothing here knows of samples or of a stream's epochs.
 */
#ifndef EVP_FORMAT_PPROF_BUILD_H
#define EVP_FORMAT_PPROF_BUILD_H

#include "base/hash.h"
#include "stream/stream.h"

struct evp_pprof_tables {
	struct evp_interner strings, functions, mappings, locations; /* keys; id 0 is number 1 */
	struct evp_pprof_mapping {
		uint64_t limit;
		/* true of every location so far */
		bool functions, filenames, lines, inlines;
	} * mapping;
	size_t cmapping;
	struct evp_str scratch, key;
};

/* Makes string 0. */
int evp_pprof_tables_init(struct evp_pprof_tables *p);
void evp_pprof_tables_release(struct evp_pprof_tables *p);

/* proto3 strings are UTF-8: bytes that are not become "\xHH". */
int evp_pprof_string(struct evp_pprof_tables *p, const void *bytes, size_t len, uint32_t *ret_id);
/* The number of a stream's location. */
int evp_pprof_location(struct evp_pprof_tables *p, const struct evp_tables *t, uint32_t location,
		       uint32_t *ret_number);

/* Mappings, locations, functions as fields of a Profile message. */
void evp_pprof_tables_put(struct evp_pprof_tables *p, struct evp_str *out);
/* The string table: last, when nothing is named any more. */
void evp_pprof_strings_put(const struct evp_pprof_tables *p, struct evp_str *out);

#endif
