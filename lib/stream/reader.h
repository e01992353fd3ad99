/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a stream, evp-stream(5), from anything that gives bytes, without seeking.
 *
 *	while ((rc = evp_reader_next(r, &rec, &err)) > 0)
 *		switch (rec.type) { case EVP_REC_SAMPLE: ... rec.sample ... }
 *	rc 0: the end (look at evp_reader_status), rc < 0: nothing more can be had
 *
 * Definitions are taken into evp_reader_tables() and not returned; ids in a record are checked, so
 * that a caller may index the tables without a look. After EVP_REC_EPOCH every earlier id is void.
 *
 * Damage does not end a stream: the reader skips to the next epoch's sync mark, counts what that
 * cost and goes on. Only three things end it early with rc < 0: a read error, a first epoch
 * that is no evp stream at all (EBADMSG), and a newer major version (EPROTONOSUPPORT).
 */
#ifndef EVP_STREAM_READER_H
#define EVP_STREAM_READER_H

#include "stream/stream.h"

struct evp_reader;

enum evp_record_type {
	EVP_REC_EPOCH, /* a new epoch: the tables are empty again */
	EVP_REC_SAMPLE,
	EVP_REC_LOSS,
	EVP_REC_DROPPED, /* in `loss` too */
	EVP_REC_TOTALS,
	EVP_REC_WATERMARK,
	EVP_REC_CLOCK,
	EVP_REC_RATE,
	EVP_REC_COST,
	EVP_REC_PROVENANCE,
	EVP_REC_END, /* this stream is whole; another may follow (cat a b) */
};

struct evp_record {
	enum evp_record_type type;
	union {
		struct evp_sample sample;
		struct evp_loss loss;
		struct evp_totals totals;
		int64_t watermark_ns;
		struct evp_clock clock;
		struct evp_rate rate;
		struct evp_cost cost;
		struct evp_provenance provenance;
		struct {
			const uint8_t *stream_id; /* 16 bytes */
			uint64_t number;	  /* 0, 1, ... within the stream */
		} epoch;
	};
};

/* How the input was, so far; final once evp_reader_next returned 0. */
struct evp_reader_status {
	bool cut;	  /* it ended without an end block (or was empty) */
	uint64_t damaged; /* places where bytes were skipped */
	uint64_t skipped_bytes;
	uint64_t offset; /* of the first damage or the cut */
	char what[160];	 /* the first damage in words: "crc mismatch in block 7" */
	uint64_t streams, epochs, samples;
	uint64_t unknown_records; /* optional ones that this version does not know */
	int64_t lost_samples;	  /* loss that the stream itself reports, all reasons */
	int64_t dropped_samples;  /* that it reports as dropped: no loss */
	int64_t missing_samples;  /* promised by totals or the end block but not delivered, if known
				   */
};

/* read(): up to len bytes; the count, 0 at the end, -errno. */
struct evp_reader_opts {
	int64_t (*read)(void *arg, void *buf, size_t len);
	void *arg;
	const char *name; /* for messages */
};

int evp_reader_new(struct evp_reader **ret_r, const struct evp_reader_opts *opts,
		   struct evp_err *err);
int evp_reader_open_fd(struct evp_reader **ret_r, int fd, const char *name,
		       struct evp_err *err); /* fd stays the caller's */
void evp_reader_free(struct evp_reader *r);

int evp_reader_next(struct evp_reader *r, struct evp_record *rec, struct evp_err *err);
const struct evp_tables *evp_reader_tables(const struct evp_reader *r);
const struct evp_reader_status *evp_reader_status(const struct evp_reader *r);
/* Reader's place in the input, for messages. */
uint64_t evp_reader_offset(const struct evp_reader *r);
/* Whole and undamaged? Otherwise false and the sentence a user should see, without name. */
bool evp_reader_whole(const struct evp_reader *r, struct evp_str *ret_sentence);

#endif
