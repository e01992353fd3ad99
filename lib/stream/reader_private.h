/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader's inside, shared by reader.c (input, damage, epochs, blocks) and records.c (what stands
 * in a block). Not for anybody else.
 */
#ifndef EVP_STREAM_READER_PRIVATE_H
#define EVP_STREAM_READER_PRIVATE_H

#include <zstd.h>

#include "stream/format.h"
#include "stream/reader.h"

struct evp_reader {
	struct evp_reader_opts opts;
	char *name;
	int fd;
	bool eof;

	/* Input: bytes [at, len) of buf are unread; buf[0] is input byte `base`. */
	uint8_t *buf;
	size_t at, len, cap;
	uint64_t base;

	ZSTD_DCtx *zstd;
	uint8_t *raw;		  /* the decompressed block */
	struct evp_cursor cursor; /* in the current block's records */
	uint64_t block_offset;	  /* of the current block, for messages */

	struct evp_tables tables;
	bool in_epoch; /* a valid header was seen and nothing after it is damaged yet */
	bool seen_mark;
	bool lost; /* damage was met and no valid epoch header since */
	uint16_t block;
	uint64_t next_epoch;
	uint8_t stream_id[16];
	bool open_stream; /* a stream began and did not end */
	int64_t window_ns, window_len_ns;
	int64_t values[EVP_MAX_TYPES];

	/* Conservation: what was read and promised, for the stream and since its last watermark. */
	int64_t since_read, since_promised, read_all, missing_here;

	struct evp_reader_status status;
};

/* Notes the place and gives up the rest of the epoch. */
void evp_reader_damaged(struct evp_reader *r, uint64_t offset, const char *what);
/* What was promised but not read counts as missing. */
void evp_reader_settle(struct evp_reader *r);
/* The next record of the block. 1: for the caller; 0: it was a definition or damage; -errno. */
int evp_reader_record(struct evp_reader *r, struct evp_record *rec, struct evp_err *err);

#endif
