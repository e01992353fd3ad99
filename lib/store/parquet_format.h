/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbers of the Parquet format that its writer and reader share. The names are those of
 * parquet.thrift in https://github.com/apache/parquet-format. Private to lib/store.
 */
#ifndef EVP_STORE_PARQUET_FORMAT_H
#define EVP_STORE_PARQUET_FORMAT_H

#define EVP_PQ_MAGIC "PAR1"

enum { PQ_INT32 = 1, PQ_INT64 = 2, PQ_BYTE_ARRAY = 6 };			       /* Type */
enum { PQ_UTF8 = 0, PQ_TIMESTAMP_MILLIS = 9, PQ_INT_32 = 17, PQ_INT_64 = 18 }; /* ConvertedType */
enum { PQ_LOGICAL_STRING = 1, PQ_LOGICAL_TIMESTAMP = 8, PQ_LOGICAL_INTEGER = 10 };
enum { PQ_REQUIRED = 0 };
enum {
	PQ_PLAIN = 0,
	PQ_PLAIN_DICTIONARY = 2,
	PQ_RLE = 3,
	PQ_DELTA_BINARY_PACKED = 5,
	PQ_RLE_DICTIONARY = 8
};
enum { PQ_UNCOMPRESSED = 0, PQ_ZSTD = 6 };
enum { PQ_DATA_PAGE = 0, PQ_DICTIONARY_PAGE = 2 };

/* Field numbers. */
enum {
	PQ_FILE_VERSION = 1,
	PQ_FILE_SCHEMA,
	PQ_FILE_NUM_ROWS,
	PQ_FILE_ROW_GROUPS,
	PQ_FILE_KEY_VALUE,
	PQ_FILE_CREATED_BY,
	PQ_FILE_COLUMN_ORDERS,
};

enum {
	PQ_SCHEMA_TYPE = 1,
	PQ_SCHEMA_REPETITION = 3,
	PQ_SCHEMA_NAME = 4,
	PQ_SCHEMA_NUM_CHILDREN = 5,
	PQ_SCHEMA_CONVERTED_TYPE = 6,
	PQ_SCHEMA_LOGICAL_TYPE = 10,
};

enum {
	PQ_GROUP_COLUMNS = 1,
	PQ_GROUP_TOTAL_BYTE_SIZE,
	PQ_GROUP_NUM_ROWS,
	PQ_GROUP_SORTING_COLUMNS,
	PQ_GROUP_FILE_OFFSET,
	PQ_GROUP_TOTAL_COMPRESSED_SIZE,
	PQ_GROUP_ORDINAL,
};

enum { PQ_CHUNK_FILE_PATH = 1, PQ_CHUNK_FILE_OFFSET, PQ_CHUNK_META_DATA };

enum {
	PQ_COLUMN_TYPE = 1,
	PQ_COLUMN_ENCODINGS,
	PQ_COLUMN_PATH,
	PQ_COLUMN_CODEC,
	PQ_COLUMN_NUM_VALUES,
	PQ_COLUMN_UNCOMPRESSED_SIZE,
	PQ_COLUMN_COMPRESSED_SIZE,
	PQ_COLUMN_DATA_PAGE_OFFSET = 9,
	PQ_COLUMN_DICTIONARY_PAGE_OFFSET = 11,
	PQ_COLUMN_STATISTICS = 12,
	PQ_COLUMN_ENCODING_STATS = 13,
};

enum {
	PQ_STATS_NULL_COUNT = 3,
	PQ_STATS_MAX_VALUE = 5,
	PQ_STATS_MIN_VALUE = 6,
	PQ_STATS_MAX_EXACT,
	PQ_STATS_MIN_EXACT
};

enum {
	PQ_PAGE_TYPE = 1,
	PQ_PAGE_UNCOMPRESSED_SIZE,
	PQ_PAGE_COMPRESSED_SIZE,
	PQ_PAGE_CRC,
	PQ_PAGE_DATA,
	PQ_PAGE_DICTIONARY = 7
};

/* DataPageHeader, DictionaryPageHeader (its is_sorted has the number of definition_levels). */
enum {
	PQ_VALUES_NUM = 1,
	PQ_VALUES_ENCODING,
	PQ_VALUES_DEFINITION,
	PQ_VALUES_REPETITION,
	PQ_DICTIONARY_IS_SORTED = 3
};

/* A page header, as far as flat REQUIRED columns have one. */
struct pq_page {
	int type, encoding;
	uint64_t raw_len, stored_len, nvalues;
	bool has_crc;
	uint32_t crc;
};

#endif
