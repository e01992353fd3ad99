/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making one segment out of rows of a pool: sort, merge, number variants, cut row groups, write.
 *
 *	evp_build_new(&b, pool, rows, nrows, &err);	what it will be is in b->info, b->hash
 *	evp_build_write(b, fd, &opts, &err);
 *	evp_build_free(b);
 *
 * The bytes, and the hash, are a function of the rows' content: not of ids, nor of their order.
 */
#ifndef EVP_STORE_BUILD_H
#define EVP_STORE_BUILD_H

#include "store/pool.h"

/* A row group is cut at a service where the texts of its stacks pass this. */
#define EVP_BUILD_DICTIONARY (32u << 20)

struct evp_build_entry { /* an address stack of a group, in the order of (stack, variant) */
	uint32_t stack;	 /* pool id */
	uint32_t text;	 /* index in the group's dictionary */
	uint32_t variant;
};

struct evp_build_group {
	size_t begin, end; /* of its rows */
	struct evp_build_entry *entries;
	size_t nentries;
	uint32_t *texts; /* the dictionary: pool ids of texts, sorted */
	size_t ntexts;
};

struct evp_build_info {
	uint64_t rows; /* after merging */
	int64_t from_ms, to_ms, samples, value;
};

struct evp_build {
	const struct evp_pool *pool;
	struct evp_pool_row *rows; /* sorted by group, then as evp-store(5) says */
	struct evp_build_group *groups;
	size_t nrows, ngroups;
	struct evp_build_info info;
	uint64_t hash; /* of the content; event and labels as text */

	/* By pool id. */
	struct evp_bytes *text; /* of used texts, written out */
	uint32_t *text_rank, *set_rank, *set_sort_rank, *set_service, *window_rank, *ts_rank;
	uint32_t *place; /* stack -> its entry in the group at hand */
	struct evp_arena arena;
	size_t text_bytes;
};

struct evp_build_opts {
	int level;	/* 0, 1, 2 */
	int zstd_level; /* 0: 3 */
	int64_t lost_samples;
	const char *streams; /* hex ids, ',' between */
	const char *slot;    /* "start,length,part" in ms; NULL: none */
	bool partial;
	const char *replaces; /* NULL: nothing */
	bool no_blob;
};

/* All rows must be of one event. */
int evp_build_new(struct evp_build **ret_b, const struct evp_pool *p,
		  const struct evp_pool_row *rows, size_t nrows, struct evp_err *err);
void evp_build_free(struct evp_build *b);
int evp_build_write(struct evp_build *b, int fd, const struct evp_build_opts *opts,
		    uint64_t *ret_size, struct evp_err *err);

/* The precision blob of a build, appended to `out` (blob_write.c). */
int evp_build_blob(const struct evp_build *b, struct evp_str *out, struct evp_err *err);

#endif
