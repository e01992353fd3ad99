/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writer's inside, shared by writer.c (blocks, epochs, data records) and define.c (definition
 * records). Not for anybody else.
 */
#ifndef EVP_STREAM_WRITER_PRIVATE_H
#define EVP_STREAM_WRITER_PRIVATE_H

#include <zstd.h>

#include "stream/format.h"
#include "stream/writer.h"

struct total_key {
	int64_t window_ns, window_len_ns;
	uint32_t event, reason; /* a reason: this is a loss ... */
	uint64_t dropped;	/* ... or not even that */
};

struct total {
	int64_t samples, value;
};

struct event_sum {
	struct evp_event event; /* strings as ids of `texts` */
	int64_t samples;
};

struct evp_writer {
	struct evp_writer_opts opts;
	int error;
	ZSTD_CCtx *zstd;
	uint8_t stream_id[16];
	uint64_t epoch;
	bool begun; /* the current epoch's header is written */
	bool provenance_done;
	uint64_t truncated;

	uint8_t *raw, *stored; /* the block being filled; where it is compressed to */
	size_t raw_len, stored_cap;
	uint16_t block;

	struct evp_tables tables;
	struct evp_interner
		known[EVP_TAG_LABELS + 1]; /* payloads of processes, files, ... -> id - 1 */
	/* Stacks by (parent, location): open addressing over ids of tables.stacks, 0 = free. */
	uint32_t *stack_slot;
	size_t nstack_slots; /* power of two */
	size_t slotted;	     /* ids below this one are in it */
	struct evp_str payload;

	/* Of the whole stream: strings that outlive epochs, events, sums for the end record. */
	struct evp_interner texts;
	struct event_sum *events;
	size_t nevents, events_cap;
	int64_t lost;

	/* Since the last watermark, keyed by struct total_key. */
	struct evp_interner total_keys;
	struct total *totals;
	size_t totals_cap;
	uint32_t last_total;

	int64_t window_ns, window_len_ns;
	bool window_known;
	int64_t epoch_first_ns, epoch_last_ns;
	int64_t watermark_ns; /* of this epoch */
};

/* The first error sticks; returns it. */
int evp_writer_fail(struct evp_writer *w, int rc);
/* One record into the current block, which is written when it is full. */
int evp_writer_record(struct evp_writer *w, enum evp_tag tag, const void *payload, size_t len);
/* w->payload, emptied, to build a record in. */
struct evp_str *evp_writer_payload(struct evp_writer *w);
void evp_writer_put(struct evp_str *s, uint64_t v);
void evp_writer_put_signed(struct evp_str *s, int64_t v);

/* The definition record of an event in the current epoch. */
int evp_writer_define_event(struct evp_writer *w, const struct event_sum *sum);
/* String ids between the epoch's table and w->texts, which outlives it. 0 or -errno. */
int evp_writer_to_texts(struct evp_writer *w, uint32_t *id);
int evp_writer_from_texts(struct evp_writer *w, uint32_t *id);

#endif
