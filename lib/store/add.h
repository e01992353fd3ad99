/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Streams into a store: evp-store add, evp-store(5), "ADDING".
 *
 *	evp_store_add_new(&a, dir, &opts, &err);	the store is made if it is not there
 *	evp_store_add_stream(a, reader, &err);		any number of times
 *	a->stats ... ; evp_store_add_free(a);
 *
 * Rows are cut into slots, [k * every, (k + 1) * every) of stream time, by their window's start.
 * A slot is published as soon as a watermark says that it is complete, one segment a type and UTC
 * date; what the input's end leaves over is published as a part, which a later add of the whole
 * stream replaces. Cut points depend on the stream alone, never on when or how fast it was read.
 */
#ifndef EVP_STORE_ADD_H
#define EVP_STORE_ADD_H

#include "store/build.h"

#define EVP_STORE_EVERY	   (60LL * 1000000000)
#define EVP_STORE_MAX_HELD (64u << 20) /* bytes of rows kept while the disk is full */

struct evp_store_add_opts {
	int64_t every_ns; /* 0: EVP_STORE_EVERY; at least 1 s */
	bool again;	  /* store it even if it is there */
	bool endless; /* input cannot be read again: a full disk is waited out, then rows are dropped */
	int zstd_level;			/* 0: 3 */
	void (*warn)(const char *text); /* what a person should know at once; may be NULL */
};

struct evp_store_add_stats {
	uint64_t segments, bytes; /* published */
	uint64_t present;	  /* segments that were in the store already */
	uint64_t rows;
	int64_t samples;	 /* of the published ones */
	int64_t dropped_samples; /* the disk was full */
	uint64_t dropped_windows;
	uint64_t lost_samples;	/* that streams told of and no segment does: they had no sample */
	uint64_t odd_windows;	/* before 2015 or more than a day ahead; stored */
	uint64_t dropped_types; /* values that neither samples nor value has a place for */
	bool held;		/* the disk was full, what is left could not be published at last */
};

struct evp_store_add;

int evp_store_add_new(struct evp_store_add **ret_a, const char *dir,
		      const struct evp_store_add_opts *opts, struct evp_err *err);
/*
 * Everything up to the reader's end, which is its caller's to judge (evp_reader_whole): a cut or
 * damaged stream is stored as far as it goes. 0, or -errno: nothing more was or will be stored.
 */
int evp_store_add_stream(struct evp_store_add *a, struct evp_reader *r, struct evp_err *err);
const struct evp_store_add_stats *evp_store_add_stats(const struct evp_store_add *a);
void evp_store_add_free(struct evp_store_add *a);

/* ---- one segment (place.c) ---- */

/* A segment on its way: which stream and slot it is of, and the store it goes to. */
struct evp_place {
	int dirfd;
	const char *stream; /* id, 32 hex digits */
	const char *slot;   /* "start,length,part", milliseconds */
	bool partial;
	uint64_t nonce; /* not 0: part of the hash, so that the name is new */
	int zstd_level;
	int64_t lost_samples;
	/* Out: */
	bool present; /* nothing was written: it was there */
	uint64_t size;
};

/* Builds the rows (all of one event and UTC date) and publishes them under their name. */
int evp_place_segment(struct evp_place *pl, const struct evp_pool *p,
		      const struct evp_pool_row *rows, size_t nrows,
		      struct evp_build_info *ret_info, struct evp_err *err);

#endif
