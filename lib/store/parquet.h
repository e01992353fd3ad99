/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Apache Parquet, the part of it that a segment needs: flat REQUIRED columns of strings and
 * integers, dictionary or delta encoded, zstd, CRC in every page. evp-store(5), "PARQUET", lists
 * what is written; the format's own text is https://parquet.apache.org/docs/file-format/.
 *
 * The writer takes whole columns of one row group at a time, already sorted, from memory. The
 * reader is for columns too: a dictionary once, then pages, decoded on demand, into arrays of
 * dictionary indexes or integers that the caller may use in place. Files are hostile: every
 * length, offset and count is bounded before use, every page's CRC is checked before its bytes
 * are looked at, and no allocation follows a claim that the file's size does not bear out.
 */
#ifndef EVP_STORE_PARQUET_H
#define EVP_STORE_PARQUET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#define EVP_PQ_MAX_FIELDS     256
#define EVP_PQ_MAX_GROUPS     65536
#define EVP_PQ_MAX_FOOTER     (64u << 20)
#define EVP_PQ_MAX_DICTIONARY (256u << 20) /* bytes of one dictionary page, decompressed */
#define EVP_PQ_MAX_PAGE	      (64u << 20)  /* bytes of one data page, decompressed */
#define EVP_PQ_MAX_PAGE_ROWS  (1u << 20)
#define EVP_PQ_PAGE_ROWS      65536 /* rows of a page as our writer cuts them, in every column */

enum evp_pq_type {
	EVP_PQ_STRING, /* BYTE_ARRAY, STRING: valid UTF-8, the caller sees to that */
	EVP_PQ_INT32,
	EVP_PQ_INT64,
	EVP_PQ_TIME_MS, /* INT64, TIMESTAMP(MILLIS, UTC) */
};

struct evp_pq_field {
	const char *name;
	enum evp_pq_type type;
};

/* ---- writing ---- */

struct evp_pq_writer;

struct evp_pq_writer_opts {
	int fd; /* written from offset 0 on, never sought; stays the caller's */
	const struct evp_pq_field *fields;
	size_t nfields;
	const uint16_t
		*sort; /* columns that the rows are sorted by, ascending; said in the footer */
	size_t nsort;
	int level; /* zstd level, 0: 3 */
};

int evp_pq_writer_new(struct evp_pq_writer **ret_w, const struct evp_pq_writer_opts *opts,
		      struct evp_err *err);
void evp_pq_writer_free(struct evp_pq_writer *w); /* what was not finished is no Parquet file */

/*
 * A row group of `nrows` (>= 1), then each of its columns in the order of the fields, then the
 * next group or finish. Arrays are borrowed for the call.
 *
 * strings: `dict` holds each value once, in the order the file shall have; index[i] < ndict.
 *	`stats`: write min and max (the first and last by bytes; skip it for long texts).
 * ints: a sorted dictionary where that is smaller, else delta; EVP_PQ_TIME_MS is always delta.
 */
int evp_pq_writer_group(struct evp_pq_writer *w, uint64_t nrows, struct evp_err *err);
int evp_pq_write_strings(struct evp_pq_writer *w, const struct evp_bytes *dict, size_t ndict,
			 const uint32_t *index, bool stats, struct evp_err *err);
int evp_pq_write_ints(struct evp_pq_writer *w, const int64_t *values, struct evp_err *err);

/* Bytes that no column refers to, at the present place; *ret_offset is where they start. */
int evp_pq_writer_raw(struct evp_pq_writer *w, const void *bytes, size_t len, uint64_t *ret_offset,
		      struct evp_err *err);
/* One pair of the footer's key-value metadata; copied. */
int evp_pq_writer_meta(struct evp_pq_writer *w, const char *key, const char *value);
/* The footer. The file is whole then, but not synced. */
int evp_pq_writer_finish(struct evp_pq_writer *w, uint64_t *ret_size, struct evp_err *err);

/* ---- reading ---- */

/* A column chunk as the footer describes it; offsets and sizes lie within the file. */
struct evp_pq_chunk {
	uint64_t offset, size; /* of its pages, the dictionary page included */
	uint64_t nvalues;
	uint8_t codec;	       /* as the format numbers them: 0 plain, 6 zstd */
	bool has_min, has_max; /* min and max, encoded PLAIN */
	struct evp_bytes min, max;
};

struct evp_pq_group {
	uint64_t nrows;
	struct evp_pq_chunk *chunks; /* one a field */
};

struct evp_pq_pair {
	struct evp_bytes key, value;
};

struct evp_pq_file {
	int fd; /* owned */
	char *path;
	uint64_t size, nrows, footer_offset;
	struct evp_pq_field *fields;
	struct evp_pq_group *groups;
	struct evp_pq_pair *meta;
	size_t nfields, ngroups, nmeta;
	struct evp_bytes created_by;
	struct evp_arena arena;
	char *footer; /* the bytes that names, statistics and metadata point into */
};

/*
 * Opens `path` (relative to dirfd, or AT_FDCWD), reads and checks the footer. EBADMSG: no Parquet
 * file, damaged, or using what this reader does not know; the message names the file and the place.
 */
int evp_pq_open(struct evp_pq_file **ret_f, int dirfd, const char *path, struct evp_err *err);
void evp_pq_close(struct evp_pq_file *f);
const struct evp_bytes *evp_pq_meta(const struct evp_pq_file *f,
				    const char *key); /* NULL: absent */

/*
 * Walking one column of one row group. Zero it, open it, ask for rows in rising order, release it.
 *
 *	struct evp_pq_column c = { 0 };
 *	rc = evp_pq_column_open(&c, f, group, field, &err);	reads no page yet
 *	rc = evp_pq_column_dictionary(&c, &err);		if the dictionary is wanted
 *	for (row = 0; !rc && row < nrows; row += n)
 *		if (!(rc = evp_pq_column_indexes(&c, row, &index, &n, &err)))
 *			... index[0..n) belongs to rows row..row+n ...
 *	evp_pq_column_release(&c);
 *
 * Pages before the asked row are skipped without being read (beyond their headers). A column that
 * is released and opened again keeps its buffers: use one struct for many segments.
 */
struct evp_pq_column {
	/* The dictionary, after evp_pq_column_dictionary(); ndict 0: the chunk has none. */
	size_t ndict;
	const struct evp_bytes *dict; /* of a string column; they point into one buffer */
	const int64_t *dict_ints;     /* of an integer column */

	/* Private from here on. */
	const struct evp_pq_file *file;
	const struct evp_pq_chunk *chunk;
	enum evp_pq_type type;
	size_t field;
	uint64_t nrows;
	uint64_t at;		     /* file offset of the next page header */
	uint64_t page_at;	     /* of the loaded page's */
	uint64_t page_row, page_end; /* rows of the loaded page: [page_row, page_end) */
	uint64_t window_at;	     /* file offset of raw */
	uint64_t ints_page;	     /* page_at + 1 of the page that `ints` is of */
	uint8_t encoding;
	bool have_dict, loaded, decoded;     /* decoded: `index` is the page */
	struct evp_str raw, page, dict_page; /* stored bytes, decompressed bytes */
	const uint8_t *first, *p, *end;	     /* the values of the page; p: of the next run */
	uint32_t bit_width;
	uint64_t run_row, run_left; /* the run that evp_pq_column_run is in, from where it is */
	uint64_t run_at;	    /* packed run: its place in `index` */
	uint32_t run_index;
	bool run_packed;
	uint32_t *index;
	int64_t *ints;
	struct evp_bytes *dict_store;
	int64_t *dict_ints_store;
	size_t cindex, cints, cdict, cdict_ints;
	void *zstd;
};

int evp_pq_column_open(struct evp_pq_column *c, const struct evp_pq_file *f, size_t group,
		       size_t field, struct evp_err *err);
int evp_pq_column_dictionary(struct evp_pq_column *c, struct evp_err *err);
/*
 * For dictionaries too large to keep: only how many values there are (c->ndict; dict stays NULL) ...
 */
int evp_pq_column_count(struct evp_pq_column *c, struct evp_err *err);
/*
 * ... and a string column's values one after another, at any time. A value stands in place until fn
 * returns; fn's non-zero ends the walk and is returned.
 */
typedef int (*evp_pq_value_fn)(void *arg, size_t index, const struct evp_bytes *value);
int evp_pq_column_each(struct evp_pq_column *c, evp_pq_value_fn fn, void *arg, struct evp_err *err);
/*
 * Dictionary indexes from `row` to the end of its page, in place until the next call on `c`; each
 * is below ndict. Only for a column with a dictionary (-EINVAL: use evp_pq_column_ints).
 */
int evp_pq_column_indexes(struct evp_pq_column *c, uint64_t row, const uint32_t **ret_index,
			  size_t *ret_n, struct evp_err *err);
/* The values of an integer column, however it is encoded, in the same way. */
int evp_pq_column_ints(struct evp_pq_column *c, uint64_t row, const int64_t **ret_values,
		       size_t *ret_n, struct evp_err *err);
/*
 * The run of equal indexes that `row` is in: its index and how many rows from `row` on have it for
 * certain (>= 1; the next run may go on with the same index). Costs by run, not by row: the way to
 * filter by sorted labels.
 */
int evp_pq_column_run(struct evp_pq_column *c, uint64_t row, uint32_t *ret_index, uint64_t *ret_n,
		      struct evp_err *err);
void evp_pq_column_release(struct evp_pq_column *c); /* frees the buffers too */

#endif
