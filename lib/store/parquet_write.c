// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/parquet.h"

#include <isa-l/crc.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/io.h"
#include "store/encode.h"
#include "store/parquet_format.h"
#include "store/thrift.h"

#define BUFFER_BYTES (1u << 20)
#define LONG_STAT    256 /* a longer minimum or maximum is not worth its bytes in every footer */

/* What the footer will say about the column chunk being written. */
struct chunk {
	uint64_t begin, data_begin; /* data_begin: of the first data page */
	uint64_t raw_len;	    /* page headers and decompressed pages */
	size_t data_pages;
	bool dictionary;
	struct evp_bytes min, max; /* as PLAIN, ptr NULL: none */
	char number[2][8];	   /* where those of integers are kept */
};

struct evp_pq_writer {
	struct evp_pq_writer_opts opts;
	ZSTD_CCtx *zstd;
	struct evp_str buf;		     /* not yet written to fd */
	uint64_t offset;		     /* of the next byte, buffered ones counted */
	struct evp_str page, header, packed; /* scratch: encoded, its header, compressed */
	uint32_t *index;		     /* scratch: of an integer column's dictionary */
	int64_t *values;
	size_t cindex, cvalues;

	struct evp_str groups, columns, meta; /* thrift elements of the footer, so far */
	size_t ngroups, nmeta;
	uint64_t nrows, group_rows, group_begin, group_raw_len;
	size_t column; /* the next one of the open group */
	bool in_group;
};

int evp_pq_writer_new(struct evp_pq_writer **ret_w, const struct evp_pq_writer_opts *opts,
		      struct evp_err *err)
{
	struct evp_pq_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return evp_fail_oom(err);
	w->opts = *opts;
	w->zstd = ZSTD_createCCtx();
	if (!w->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel,
							    opts->level ? opts->level : 3))) {
		evp_pq_writer_free(w);
		return evp_fail_oom(err);
	}
	evp_str_add(&w->buf, EVP_PQ_MAGIC, 4);
	w->offset = 4;
	*ret_w = w;
	return 0;
}

void evp_pq_writer_free(struct evp_pq_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->zstd);
	evp_str_release(&w->buf);
	evp_str_release(&w->page);
	evp_str_release(&w->header);
	evp_str_release(&w->packed);
	evp_str_release(&w->groups);
	evp_str_release(&w->columns);
	evp_str_release(&w->meta);
	free(w->index);
	free(w->values);
	free(w);
}

static int drain(struct evp_pq_writer *w, struct evp_err *err)
{
	int rc;

	if (w->buf.oom)
		return evp_fail_oom(err);
	rc = evp_write_all(w->opts.fd, w->buf.buf, w->buf.len);
	if (rc)
		return evp_fail_errno(err, -rc, "cannot write");
	evp_str_clear(&w->buf);
	return 0;
}

static int put(struct evp_pq_writer *w, const void *bytes, size_t len, struct evp_err *err)
{
	int rc;

	w->offset += len;
	if (len < BUFFER_BYTES) {
		evp_str_add(&w->buf, bytes, len);
		return w->buf.len < BUFFER_BYTES ? 0 : drain(w, err);
	}
	rc = drain(w, err);
	if (!rc && (rc = evp_write_all(w->opts.fd, bytes, len)))
		rc = evp_fail_errno(err, -rc, "cannot write");
	return rc;
}

static void put_page_header(struct evp_str *out, const struct pq_page *page)
{
	struct evp_thrift_out h = { out, 0 }, inner;

	evp_thrift_i32(&h, PQ_PAGE_TYPE, page->type);
	evp_thrift_i32(&h, PQ_PAGE_UNCOMPRESSED_SIZE, (int64_t)page->raw_len);
	evp_thrift_i32(&h, PQ_PAGE_COMPRESSED_SIZE, (int64_t)page->stored_len);
	evp_thrift_i32(&h, PQ_PAGE_CRC, (int32_t)page->crc);
	evp_thrift_struct(&h, page->type == PQ_DATA_PAGE ? PQ_PAGE_DATA : PQ_PAGE_DICTIONARY,
			  &inner);
	evp_thrift_i32(&inner, PQ_VALUES_NUM, (int64_t)page->nvalues);
	evp_thrift_i32(&inner, PQ_VALUES_ENCODING, page->encoding);
	if (page->type ==
	    PQ_DATA_PAGE) { /* REQUIRED columns have no levels, but must name a coding */
		evp_thrift_i32(&inner, PQ_VALUES_DEFINITION, PQ_RLE);
		evp_thrift_i32(&inner, PQ_VALUES_REPETITION, PQ_RLE);
	}
	evp_thrift_stop(&inner);
	evp_thrift_stop(&h);
}

/* Compresses and writes what is in w->page, as one page. */
static int put_page(struct evp_pq_writer *w, struct chunk *c, int type, int encoding,
		    uint64_t nvalues, struct evp_err *err)
{
	struct pq_page page = { .type = type, .encoding = encoding, .nvalues = nvalues };
	char *room;
	size_t len;
	int rc;

	if (w->page.oom)
		return evp_fail_oom(err);
	if (w->page.len > (type == PQ_DATA_PAGE ? EVP_PQ_MAX_PAGE : EVP_PQ_MAX_DICTIONARY))
		return evp_fail(err, EFBIG, "a Parquet page of %zu bytes", w->page.len);
	evp_str_clear(&w->packed);
	room = evp_str_reserve(&w->packed, ZSTD_compressBound(w->page.len));
	if (!room)
		return evp_fail_oom(err);
	len = ZSTD_compress2(w->zstd, room, ZSTD_compressBound(w->page.len),
			     w->page.len ? w->page.buf : "", w->page.len);
	if (ZSTD_isError(len))
		return evp_fail(err, EIO, "zstd: %s", ZSTD_getErrorName(len));
	page.raw_len = w->page.len;
	page.stored_len = len;
	page.crc = crc32_gzip_refl(0, (unsigned char *)room, len);
	evp_str_clear(&w->header);
	put_page_header(&w->header, &page);
	if (w->header.oom)
		return evp_fail_oom(err);
	c->raw_len += w->header.len + page.raw_len;
	if (type == PQ_DATA_PAGE && !c->data_pages++)
		c->data_begin = w->offset;
	rc = put(w, w->header.buf, w->header.len, err);
	return rc ? rc : put(w, room, len, err);
}

static int physical_type(enum evp_pq_type type)
{
	return type == EVP_PQ_STRING ? PQ_BYTE_ARRAY : type == EVP_PQ_INT32 ? PQ_INT32 : PQ_INT64;
}

static void put_statistics(struct evp_thrift_out *m, const struct chunk *c)
{
	struct evp_thrift_out s;

	evp_thrift_struct(m, PQ_COLUMN_STATISTICS, &s);
	evp_thrift_i64(&s, PQ_STATS_NULL_COUNT, 0);
	if (c->min.ptr) {
		evp_thrift_binary(&s, PQ_STATS_MAX_VALUE, c->max.ptr, c->max.len);
		evp_thrift_binary(&s, PQ_STATS_MIN_VALUE, c->min.ptr, c->min.len);
		evp_thrift_bool(&s, PQ_STATS_MAX_EXACT, true);
		evp_thrift_bool(&s, PQ_STATS_MIN_EXACT, true);
	}
	evp_thrift_stop(&s);
}

static void put_encoding_stat(struct evp_thrift_out *m, int page_type, int encoding, size_t n)
{
	struct evp_thrift_out e;

	evp_thrift_element(m, &e);
	evp_thrift_i32(&e, 1, page_type);
	evp_thrift_i32(&e, 2, encoding);
	evp_thrift_i32(&e, 3, (int64_t)n);
	evp_thrift_stop(&e);
}

/* The chunk is written: its ColumnChunk goes to w->columns. */
static void end_column(struct evp_pq_writer *w, const struct chunk *c)
{
	const struct evp_pq_field *f = &w->opts.fields[w->column++];
	int encoding = c->dictionary ? PQ_RLE_DICTIONARY : PQ_DELTA_BINARY_PACKED;
	struct evp_thrift_out col = { &w->columns, 0 }, m;

	evp_thrift_i64(&col, PQ_CHUNK_FILE_OFFSET,
		       0); /* none of our metadata is outside the footer */
	evp_thrift_struct(&col, PQ_CHUNK_META_DATA, &m);
	evp_thrift_i32(&m, PQ_COLUMN_TYPE, physical_type(f->type));
	evp_thrift_list(&m, PQ_COLUMN_ENCODINGS, EVP_THRIFT_I32, c->dictionary ? 3 : 2);
	evp_thrift_element_i32(&m, encoding);
	evp_thrift_element_i32(&m, PQ_RLE);
	if (c->dictionary)
		evp_thrift_element_i32(&m, PQ_PLAIN);
	evp_thrift_list(&m, PQ_COLUMN_PATH, EVP_THRIFT_BINARY, 1);
	evp_thrift_element_binary(&m, f->name, strlen(f->name));
	evp_thrift_i32(&m, PQ_COLUMN_CODEC, PQ_ZSTD);
	evp_thrift_i64(&m, PQ_COLUMN_NUM_VALUES, (int64_t)w->group_rows);
	evp_thrift_i64(&m, PQ_COLUMN_UNCOMPRESSED_SIZE, (int64_t)c->raw_len);
	evp_thrift_i64(&m, PQ_COLUMN_COMPRESSED_SIZE, (int64_t)(w->offset - c->begin));
	evp_thrift_i64(&m, PQ_COLUMN_DATA_PAGE_OFFSET, (int64_t)c->data_begin);
	if (c->dictionary)
		evp_thrift_i64(&m, PQ_COLUMN_DICTIONARY_PAGE_OFFSET, (int64_t)c->begin);
	put_statistics(&m, c);
	evp_thrift_list(&m, PQ_COLUMN_ENCODING_STATS, EVP_THRIFT_STRUCT, c->dictionary ? 2 : 1);
	if (c->dictionary)
		put_encoding_stat(&m, PQ_DICTIONARY_PAGE, PQ_PLAIN, 1);
	put_encoding_stat(&m, PQ_DATA_PAGE, encoding, c->data_pages);
	evp_thrift_stop(&m);
	evp_thrift_stop(&col);
	w->group_raw_len += c->raw_len;
}

/* The group's last column is written: its RowGroup goes to w->groups. */
static void end_group(struct evp_pq_writer *w)
{
	struct evp_thrift_out g = { &w->groups, 0 }, s;
	size_t i;

	evp_thrift_list(&g, PQ_GROUP_COLUMNS, EVP_THRIFT_STRUCT, w->opts.nfields);
	evp_str_add(&w->groups, w->columns.buf, w->columns.len);
	evp_thrift_i64(&g, PQ_GROUP_TOTAL_BYTE_SIZE, (int64_t)w->group_raw_len);
	evp_thrift_i64(&g, PQ_GROUP_NUM_ROWS, (int64_t)w->group_rows);
	if (w->opts.nsort)
		evp_thrift_list(&g, PQ_GROUP_SORTING_COLUMNS, EVP_THRIFT_STRUCT, w->opts.nsort);
	for (i = 0; i < w->opts.nsort; i++) {
		evp_thrift_element(&g, &s);
		evp_thrift_i32(&s, 1, w->opts.sort[i]);
		evp_thrift_bool(&s, 2, false);
		evp_thrift_bool(&s, 3, false);
		evp_thrift_stop(&s);
	}
	evp_thrift_i64(&g, PQ_GROUP_FILE_OFFSET, (int64_t)w->group_begin);
	evp_thrift_i64(&g, PQ_GROUP_TOTAL_COMPRESSED_SIZE, (int64_t)(w->offset - w->group_begin));
	evp_thrift_i16(&g, PQ_GROUP_ORDINAL, (int64_t)w->ngroups);
	evp_thrift_stop(&g);
	w->groups.oom |= w->columns.oom;
	evp_str_clear(&w->columns);
	w->ngroups++;
	w->in_group = false;
}

int evp_pq_writer_group(struct evp_pq_writer *w, uint64_t nrows, struct evp_err *err)
{
	if (w->in_group || !nrows || nrows > INT32_MAX || w->ngroups >= INT16_MAX)
		return evp_fail(err, EINVAL, "a row group of %llu rows", (unsigned long long)nrows);
	w->in_group = true;
	w->column = 0;
	w->group_rows = nrows;
	w->nrows += nrows;
	w->group_begin = w->offset;
	w->group_raw_len = 0;
	return 0;
}

static int begin_column(struct evp_pq_writer *w, struct chunk *c, bool string, struct evp_err *err)
{
	if (!w->in_group || (w->opts.fields[w->column].type == EVP_PQ_STRING) != string)
		return evp_fail(err, EINVAL, "a Parquet column out of its turn");
	*c = (struct chunk){ .begin = w->offset };
	return 0;
}

static int finish_column(struct evp_pq_writer *w, const struct chunk *c)
{
	end_column(w, c);
	if (w->column == w->opts.nfields)
		end_group(w);
	return 0;
}

static int put_index_pages(struct evp_pq_writer *w, struct chunk *c, const uint32_t *index,
			   size_t ndict, struct evp_err *err)
{
	uint32_t width = evp_bit_width(ndict);
	uint64_t row, n;
	int rc = 0;

	for (row = 0; !rc && row < w->group_rows; row += n) {
		n = w->group_rows - row < EVP_PQ_PAGE_ROWS ? w->group_rows - row : EVP_PQ_PAGE_ROWS;
		evp_str_clear(&w->page);
		evp_str_putc(&w->page, (char)width);
		evp_hybrid_encode(&w->page, index + row, n, width);
		rc = put_page(w, c, PQ_DATA_PAGE, PQ_RLE_DICTIONARY, n, err);
	}
	return rc;
}

int evp_pq_write_strings(struct evp_pq_writer *w, const struct evp_bytes *dict, size_t ndict,
			 const uint32_t *index, bool stats, struct evp_err *err)
{
	struct chunk c;
	uint8_t len[4];
	size_t i;
	int rc = begin_column(w, &c, true, err);

	if (rc)
		return rc;
	c.dictionary = true;
	if (stats && dict[0].len <= LONG_STAT && dict[ndict - 1].len <= LONG_STAT) {
		c.min = dict[0];
		c.max = dict[ndict - 1];
	}
	evp_str_clear(&w->page);
	for (i = 0; i < ndict; i++) {
		evp_put_le32(len, (uint32_t)dict[i].len);
		evp_str_add(&w->page, len, 4);
		evp_str_add(&w->page, dict[i].ptr, dict[i].len);
	}
	rc = put_page(w, &c, PQ_DICTIONARY_PAGE, PQ_PLAIN, ndict, err);
	if (!rc)
		rc = put_index_pages(w, &c, index, ndict, err);
	return rc ? rc : finish_column(w, &c);
}

static int compare_values(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/*
 * The distinct values, sorted, in w->values and each row's index in w->index, unless they are so
 * many that a dictionary is no gain: then *ret_n is 0.
 */
static int build_dictionary(struct evp_pq_writer *w, const int64_t *v, size_t *ret_n)
{
	size_t i, n = 0, limit = w->group_rows / 4 + 16;
	struct evp_map seen = { 0 };
	uint64_t *place;
	int new, rc = -ENOMEM;

	if (evp_grow(&w->index, &w->cindex, w->group_rows, sizeof(*w->index)) ||
	    evp_grow(&w->values, &w->cvalues, limit + 1, sizeof(*w->values)))
		return -ENOMEM;
	for (i = 0; i < w->group_rows && n <= limit; i++) {
		if (i && v[i] == v[i - 1])
			continue;
		place = evp_map_at(&seen, (uint64_t)v[i], &new);
		if (!place)
			goto out;
		if (new)
			w->values[n++] = v[i];
	}
	rc = 0;
	*ret_n = n <= limit ? n : 0;
	if (n > limit)
		goto out;
	qsort(w->values, n, sizeof(*w->values), compare_values);
	for (i = 0; i < n; i++)
		*evp_map_find(&seen, (uint64_t)w->values[i]) = i;
	for (i = 0; i < w->group_rows; i++)
		w->index[i] = i && v[i] == v[i - 1]
				      ? w->index[i - 1]
				      : (uint32_t)*evp_map_find(&seen, (uint64_t)v[i]);
out:
	evp_map_release(&seen);
	return rc;
}

static void plain_int(enum evp_pq_type type, int64_t v, char *to, struct evp_bytes *ret)
{
	evp_put_le64(to, (uint64_t)v);
	*ret = (struct evp_bytes){ to, type == EVP_PQ_INT32 ? 4 : 8 };
}

static void int_statistics(const struct evp_pq_writer *w, struct chunk *c, enum evp_pq_type type,
			   const int64_t *v)
{
	int64_t min = v[0], max = v[0];
	size_t i;

	for (i = 1; i < w->group_rows; i++) {
		min = v[i] < min ? v[i] : min;
		max = v[i] > max ? v[i] : max;
	}
	plain_int(type, min, c->number[0], &c->min);
	plain_int(type, max, c->number[1], &c->max);
}

static int put_delta_pages(struct evp_pq_writer *w, struct chunk *c, bool int32, const int64_t *v,
			   struct evp_err *err)
{
	uint64_t row, n;
	int rc = 0;

	for (row = 0; !rc && row < w->group_rows; row += n) {
		n = w->group_rows - row < EVP_PQ_PAGE_ROWS ? w->group_rows - row : EVP_PQ_PAGE_ROWS;
		evp_str_clear(&w->page);
		evp_delta_encode(&w->page, v + row, n, int32);
		rc = put_page(w, c, PQ_DATA_PAGE, PQ_DELTA_BINARY_PACKED, n, err);
	}
	return rc;
}

int evp_pq_write_ints(struct evp_pq_writer *w, const int64_t *values, struct evp_err *err)
{
	enum evp_pq_type type;
	struct chunk c;
	size_t i, ndict = 0;
	int rc = begin_column(w, &c, false, err);

	if (rc)
		return rc;
	type = w->opts.fields[w->column].type;
	int_statistics(w, &c, type, values);
	if (type != EVP_PQ_TIME_MS && build_dictionary(w, values, &ndict))
		return evp_fail_oom(err);
	if (!ndict) {
		rc = put_delta_pages(w, &c, type == EVP_PQ_INT32, values, err);
		return rc ? rc : finish_column(w, &c);
	}
	c.dictionary = true;
	evp_str_clear(&w->page);
	for (i = 0; i < ndict; i++) {
		char number[8];
		struct evp_bytes b;

		plain_int(type, w->values[i], number, &b);
		evp_str_add(&w->page, b.ptr, b.len);
	}
	rc = put_page(w, &c, PQ_DICTIONARY_PAGE, PQ_PLAIN, ndict, err);
	if (!rc)
		rc = put_index_pages(w, &c, w->index, ndict, err);
	return rc ? rc : finish_column(w, &c);
}

int evp_pq_writer_raw(struct evp_pq_writer *w, const void *bytes, size_t len, uint64_t *ret_offset,
		      struct evp_err *err)
{
	*ret_offset = w->offset;
	return put(w, bytes, len, err);
}

int evp_pq_writer_meta(struct evp_pq_writer *w, const char *key, const char *value)
{
	struct evp_thrift_out pair = { &w->meta, 0 };

	evp_thrift_binary(&pair, 1, key, strlen(key));
	evp_thrift_binary(&pair, 2, value, strlen(value));
	evp_thrift_stop(&pair);
	w->nmeta++;
	return w->meta.oom ? -ENOMEM : 0;
}

static void put_logical_type(struct evp_thrift_out *e, enum evp_pq_type type)
{
	struct evp_thrift_out logical, inner, unit;

	evp_thrift_struct(e, PQ_SCHEMA_LOGICAL_TYPE, &logical);
	if (type == EVP_PQ_STRING) {
		evp_thrift_empty(&logical, PQ_LOGICAL_STRING);
	} else if (type == EVP_PQ_TIME_MS) {
		evp_thrift_struct(&logical, PQ_LOGICAL_TIMESTAMP, &inner);
		evp_thrift_bool(&inner, 1, true); /* isAdjustedToUTC */
		evp_thrift_struct(&inner, 2, &unit);
		evp_thrift_empty(&unit, 1); /* MILLIS */
		evp_thrift_stop(&unit);
		evp_thrift_stop(&inner);
	} else {
		evp_thrift_struct(&logical, PQ_LOGICAL_INTEGER, &inner);
		evp_thrift_byte(&inner, 1, type == EVP_PQ_INT32 ? 32 : 64);
		evp_thrift_bool(&inner, 2, true); /* isSigned */
		evp_thrift_stop(&inner);
	}
	evp_thrift_stop(&logical);
}

static void put_schema(const struct evp_pq_writer *w, struct evp_thrift_out *file)
{
	static const int converted[] = {
		[EVP_PQ_STRING] = PQ_UTF8,
		[EVP_PQ_INT32] = PQ_INT_32,
		[EVP_PQ_INT64] = PQ_INT_64,
		[EVP_PQ_TIME_MS] = PQ_TIMESTAMP_MILLIS,
	};
	struct evp_thrift_out e;
	size_t i;

	evp_thrift_list(file, PQ_FILE_SCHEMA, EVP_THRIFT_STRUCT, w->opts.nfields + 1);
	evp_thrift_element(file, &e);
	evp_thrift_binary(&e, PQ_SCHEMA_NAME, "schema", 6);
	evp_thrift_i32(&e, PQ_SCHEMA_NUM_CHILDREN, (int64_t)w->opts.nfields);
	evp_thrift_stop(&e);
	for (i = 0; i < w->opts.nfields; i++) {
		const struct evp_pq_field *f = &w->opts.fields[i];

		evp_thrift_element(file, &e);
		evp_thrift_i32(&e, PQ_SCHEMA_TYPE, physical_type(f->type));
		evp_thrift_i32(&e, PQ_SCHEMA_REPETITION, PQ_REQUIRED);
		evp_thrift_binary(&e, PQ_SCHEMA_NAME, f->name, strlen(f->name));
		evp_thrift_i32(&e, PQ_SCHEMA_CONVERTED_TYPE, converted[f->type]);
		put_logical_type(&e, f->type);
		evp_thrift_stop(&e);
	}
}

/* parquet-mr ignores the statistics of writers whose name it cannot parse: "x version 1.2.3 (build
 * h)". */
#define CREATED_BY "evprofiler version " EVP_VERSION " (build 0)"

int evp_pq_writer_finish(struct evp_pq_writer *w, uint64_t *ret_size, struct evp_err *err)
{
	struct evp_str footer = { 0 };
	struct evp_thrift_out file = { &footer, 0 }, order;
	uint8_t len[4];
	size_t i;
	int rc;

	if (w->in_group || !w->ngroups)
		return evp_fail(err, EINVAL, "a Parquet file without its rows");
	evp_thrift_i32(&file, PQ_FILE_VERSION, 2);
	put_schema(w, &file);
	evp_thrift_i64(&file, PQ_FILE_NUM_ROWS, (int64_t)w->nrows);
	evp_thrift_list(&file, PQ_FILE_ROW_GROUPS, EVP_THRIFT_STRUCT, w->ngroups);
	evp_str_add(&footer, w->groups.buf, w->groups.len);
	evp_thrift_list(&file, PQ_FILE_KEY_VALUE, EVP_THRIFT_STRUCT, w->nmeta);
	if (w->nmeta)
		evp_str_add(&footer, w->meta.buf, w->meta.len);
	evp_thrift_binary(&file, PQ_FILE_CREATED_BY, CREATED_BY, strlen(CREATED_BY));
	evp_thrift_list(&file, PQ_FILE_COLUMN_ORDERS, EVP_THRIFT_STRUCT, w->opts.nfields);
	for (i = 0; i < w->opts.nfields;
	     i++) { /* without them min_value and max_value are ignored */
		evp_thrift_element(&file, &order);
		evp_thrift_empty(&order, 1);
		evp_thrift_stop(&order);
	}
	evp_thrift_stop(&file);
	evp_put_le32(len, (uint32_t)footer.len);
	evp_str_add(&footer, len, 4);
	evp_str_add(&footer, EVP_PQ_MAGIC, 4);
	if (footer.oom || w->groups.oom || w->meta.oom)
		rc = evp_fail_oom(err);
	else if (footer.len > EVP_PQ_MAX_FOOTER)
		rc = evp_fail(err, EFBIG, "a Parquet footer of %zu bytes", footer.len);
	else
		rc = put(w, footer.buf, footer.len, err);
	evp_str_release(&footer);
	if (!rc)
		rc = drain(w, err);
	if (!rc && ret_size)
		*ret_size = w->offset;
	return rc;
}
