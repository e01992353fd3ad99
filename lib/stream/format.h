/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bytes of evp-stream(5) that reader and writer share: marks, record types, and the one
 * function that turns a definition record into a table entry. The writer runs its own records
 * through it too, so what it writes is what a reader accepts.
 */
#ifndef EVP_STREAM_FORMAT_H
#define EVP_STREAM_FORMAT_H

#include "base/varint.h"
#include "stream/stream.h"

#define EVP_FORMAT_MAJOR 1
#define EVP_FORMAT_MINOR 0

#define EVP_MARK_LEN	     16
#define EVP_EPOCH_HEADER     64
#define EVP_EPOCH_HEADER_MAX 4096
#define EVP_BLOCK_HEADER     16
#define EVP_BLOCK_PLAIN	     0xb0
#define EVP_BLOCK_ZSTD	     0xb1

extern const uint8_t evp_sync_mark[EVP_MARK_LEN];

enum evp_tag {
	EVP_TAG_STRING = 1,
	EVP_TAG_EVENT,
	EVP_TAG_PROCESS,
	EVP_TAG_FILE,
	EVP_TAG_FUNCTION,
	EVP_TAG_LOCATION,
	EVP_TAG_STACK,
	EVP_TAG_LABELS,
	EVP_TAG_WINDOW,
	EVP_TAG_SAMPLE,
	EVP_TAG_SAMPLE_AT,
	EVP_TAG_LOSS,
	EVP_TAG_TOTALS,
	EVP_TAG_WATERMARK,
	EVP_TAG_CLOCK,
	EVP_TAG_RATE,
	EVP_TAG_END,
	EVP_TAG_OPTIONAL = 64, /* from here on readers skip what they do not know */
	EVP_TAG_PROVENANCE = 64,
	EVP_TAG_COST = 65,
	EVP_TAG_DROPPED = 66,
};

/* CRC-32C, continued: crc is 0 at first, then the previous result. */
uint32_t evp_crc32c(uint32_t crc, const void *bytes, size_t len);

/* Empty tables: id 0 of everything but events is the empty one. 0 or -ENOMEM. */
int evp_tables_begin(struct evp_tables *t);

/* Whether an epoch may hold one more definition of `len` bytes. */
static inline bool evp_tables_fit(const struct evp_tables *t, size_t len)
{
	return t->bytes + len + 16 <= EVP_EPOCH_BYTES;
}

/*
 * Adds the definition in `payload` under the next id of its table. 0; -ENOMEM; -EBADMSG with
 * *ret_what saying what is wrong with it, the tables unchanged. Only definition tags (1 to 8).
 */
int evp_tables_define(struct evp_tables *t, enum evp_tag tag, const uint8_t *payload, size_t len,
		      const char **ret_what);

#endif
