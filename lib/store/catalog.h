/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which segments a store has: a walk over type=* / date=YYYY-MM-DD / names, evp-store(5), "LAYOUT".
 *
 *	evp_catalog_open(&c, dir, &(struct evp_catalog_filter){ .type = "cpu", ... }, &err);
 *	for (i = 0; i < c->n; i++)
 *		evp_segment_open(&s, c->dirfd, c->item[i].path, &err) ...
 *	evp_catalog_close(c);
 *
 * Types, dates and times are pruned by name alone. Segments that a present one replaces are left
 * out. Files that are no segments by name are ignored. What cannot be read is not an error of the
 * walk: it stands in `bad` with its reason, and the good ones are there; a caller that meets damage
 * later adds to it with evp_catalog_bad() and goes on (status 3).
 */
#ifndef EVP_STORE_CATALOG_H
#define EVP_STORE_CATALOG_H

#include "store/root.h"
#include "store/segment.h"

struct evp_catalog_filter {
	const char *type;	/* NULL: every type */
	int64_t from_ns, to_ns; /* segments that meet [from, to); both 0: all of time */
	bool replaced;		/* list replaced segments too */
};

struct evp_catalog_item {
	char *path;	   /* below the store: "type=cpu/date=2026-11-21/0-...-...-....parquet" */
	char *type, *date; /* "cpu", "2026-11-21" */
	const char *name;  /* the last component of path */
	int level;
	int64_t from_ns, to_ns; /* from the name: whole seconds, outwards */
	uint64_t hash;
	uint64_t size; /* bytes of the file */
	bool replaced;
	bool partial; /* the stream ended within this slot: "...-part.parquet" */
};

struct evp_catalog_bad {
	char *path, *reason;
};

struct evp_catalog {
	int dirfd;
	char *dir;
	struct evp_catalog_item *item; /* sorted by type, date, name */
	struct evp_catalog_bad *bad;
	size_t n, cap, nbad, cbad;
	struct evp_arena arena;
};

/*
 * dir: NULL for evp_store_default_dir(). ENOENT: no such directory; ENOTDIR: not one; EINVAL: a directory that is no store (it lacks
 * _evp_store.json). A later major format version is read as far as it is understood: a bad entry.
 */
int evp_catalog_open(struct evp_catalog **ret_c, const char *dir,
		     const struct evp_catalog_filter *filter, struct evp_err *err);
void evp_catalog_close(struct evp_catalog *c);
int evp_catalog_bad(struct evp_catalog *c, const char *path, const char *reason);

/* Name of a segment, "0-20261121T100000Z-20261121T100100Z-0123456789abcdef.parquet". */
void evp_segment_name(struct evp_str *out, int level, int64_t from_ns, int64_t to_ns, uint64_t hash,
		      bool partial);
/* The reverse; false: no segment's name. Fills level, from_ns, to_ns, hash. */
bool evp_segment_name_parse(const char *name, struct evp_catalog_item *item);

#endif
