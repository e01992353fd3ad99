// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "stream/reader_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/sum.h"

#define READ_CHUNK (256u << 10)
/* Input without a sync mark in its first bytes is given up as no stream at all. */
#define NO_STREAM_AFTER (64u << 20)

static int64_t read_fd(void *arg, void *buf, size_t len)
{
	struct evp_reader *r = arg;

	for (;;) {
		ssize_t n = read(r->fd, buf, len);

		if (n >= 0 || errno != EINTR)
			return n < 0 ? -errno : n;
	}
}

int evp_reader_new(struct evp_reader **ret_r, const struct evp_reader_opts *opts,
		   struct evp_err *err)
{
	struct evp_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return evp_fail_oom(err);
	r->opts = *opts;
	r->name = strdup(opts->name ? opts->name : "input");
	r->raw = malloc(EVP_MAX_BLOCK);
	r->zstd = ZSTD_createDCtx();
	if (!r->name || !r->raw || !r->zstd || evp_tables_begin(&r->tables)) {
		evp_reader_free(r);
		return evp_fail_oom(err);
	}
	*ret_r = r;
	return 0;
}

int evp_reader_open_fd(struct evp_reader **ret_r, int fd, const char *name, struct evp_err *err)
{
	struct evp_reader_opts opts = { .read = read_fd, .name = name };
	struct evp_reader *r;
	int rc = evp_reader_new(&r, &opts, err);

	if (rc)
		return rc;
	r->fd = fd;
	r->opts.arg = r;
	*ret_r = r;
	return 0;
}

void evp_reader_free(struct evp_reader *r)
{
	if (!r)
		return;
	ZSTD_freeDCtx(r->zstd);
	evp_tables_release(&r->tables);
	free(r->buf);
	free(r->raw);
	free(r->name);
	free(r);
}

const struct evp_tables *evp_reader_tables(const struct evp_reader *r)
{
	return &r->tables;
}

const struct evp_reader_status *evp_reader_status(const struct evp_reader *r)
{
	return &r->status;
}

uint64_t evp_reader_offset(const struct evp_reader *r)
{
	return r->base + r->at;
}

/* ---- input ---- */

/* Makes `need` unread bytes available: 1 yes, 0 the input ends before, -errno. */
static int fill(struct evp_reader *r, size_t need, struct evp_err *err)
{
	while (r->len - r->at < need) {
		int64_t n;

		if (r->eof)
			return 0;
		if (r->at) {
			memmove(r->buf, r->buf + r->at, r->len - r->at);
			r->base += r->at;
			r->len -= r->at;
			r->at = 0;
		}
		if (evp_grow(&r->buf, &r->cap, r->len + (need > READ_CHUNK ? need : READ_CHUNK), 1))
			return evp_fail_oom(err);
		n = r->opts.read(r->opts.arg, r->buf + r->len, r->cap - r->len);
		if (n < 0)
			return evp_fail_errno(err, (int)-n, "cannot read '%s'", r->name);
		if (!n)
			r->eof = true;
		r->len += (size_t)n;
	}
	return 1;
}

/* ---- damage ---- */

/* Notes the first trouble of all; later ones only count. */
static void note(struct evp_reader *r, uint64_t offset, const char *what)
{
	if (r->status.what[0])
		return;
	r->status.offset = offset;
	snprintf(r->status.what, sizeof(r->status.what), "%s", what);
}

/* A stream that began ends here without its end record. */
static void cut_short(struct evp_reader *r)
{
	if (r->open_stream || !r->status.streams) {
		note(r, evp_reader_offset(r),
		     r->status.streams ? "the stream ends without an end record"
				       : "the input is empty");
		r->status.cut = true;
	}
	/* Samples promised since the last watermark can no longer come. */
	evp_reader_settle(r);
	r->status.missing_samples = evp_sum(r->status.missing_samples, r->missing_here);
	r->missing_here = 0;
	r->open_stream = false;
}

void evp_reader_damaged(struct evp_reader *r, uint64_t offset, const char *what)
{
	note(r, offset, what);
	r->status.damaged++;
	r->lost = true;
	r->in_epoch = false;
	r->cursor = (struct evp_cursor){ 0 };
}

/* Moves to the next sync mark, counting what is skipped. 1 found, 0 the input ends, -errno. */
static int seek_mark(struct evp_reader *r, struct evp_err *err)
{
	for (;;) {
		uint8_t *from = r->buf + r->at, *hit;
		size_t have = r->len - r->at, skip;
		int rc;

		hit = have ? memmem(from, have, evp_sync_mark, EVP_MARK_LEN) : NULL;
		skip = hit		      ? (size_t)(hit - from)
		       : have >= EVP_MARK_LEN ? have - EVP_MARK_LEN + 1
					      : 0;
		if (!hit && r->eof)
			skip = have;
		r->status.skipped_bytes += skip;
		r->at += skip;
		if (hit)
			return 1;
		if (!r->seen_mark && r->status.skipped_bytes > NO_STREAM_AFTER)
			return 0;
		rc = fill(r, EVP_MARK_LEN, err);
		if (rc < 0 || (!rc && r->len == r->at))
			return rc;
	}
}

/* ---- epochs and blocks ---- */

/* At a sync mark. 1: an epoch began; 0: it was damaged (one byte skipped) or the end; -errno. */
static int read_epoch_header(struct evp_reader *r, struct evp_err *err)
{
	uint64_t offset = evp_reader_offset(r), number;
	const uint8_t *h;
	uint32_t len = EVP_EPOCH_HEADER;
	int rc = fill(r, len, err);

	if (rc > 0) {
		len = evp_le32(r->buf + r->at + 20);
		if (len < EVP_EPOCH_HEADER || len > EVP_EPOCH_HEADER_MAX)
			rc = 0;
		else
			rc = fill(r, len, err);
	}
	if (rc < 0)
		return rc;
	h = r->buf + r->at;
	r->seen_mark = true;
	if (!rc || evp_le32(h + len - 4) != evp_crc32c(0, h, len - 4)) {
		evp_reader_damaged(r, offset, "a damaged epoch header");
		r->status.skipped_bytes++;
		r->at++;
		return 0;
	}
	if (evp_le16(h + 16) != EVP_FORMAT_MAJOR)
		return evp_fail(err, EPROTONOSUPPORT,
				"'%s' at byte %llu: stream version %u.%u, this program reads 1.x",
				r->name, (unsigned long long)offset, evp_le16(h + 16),
				evp_le16(h + 18));
	number = evp_le64(h + 40);
	/* An id that begins again is that of a stream sent once more after a cut. */
	if (!r->open_stream || memcmp(r->stream_id, h + 24, 16) || number < r->next_epoch) {
		if (r->open_stream)
			cut_short(r);
		r->status.streams++;
		r->next_epoch = 0;
		r->open_stream = true;
		r->read_all = r->missing_here = 0;
		memcpy(r->stream_id, h + 24, 16);
	}
	if (number != r->next_epoch) {
		note(r, offset, "epochs are missing before this one");
		r->status.damaged++;
	}
	r->next_epoch = number + 1;
	r->at += len;
	r->block = 0;
	r->window_ns = 0;
	r->window_len_ns = 0;
	r->in_epoch = true;
	r->lost = false;
	r->status.epochs++;
	if (evp_tables_begin(&r->tables))
		return evp_fail_oom(err);
	return 1;
}

static const char *block_problem(const struct evp_reader *r, const uint8_t *h)
{
	if (h[0] != EVP_BLOCK_PLAIN && h[0] != EVP_BLOCK_ZSTD)
		return "no block where one should begin";
	if (!evp_le32(h + 4) || evp_le32(h + 4) > EVP_MAX_BLOCK || !evp_le32(h + 8) ||
	    evp_le32(h + 8) > EVP_MAX_BLOCK)
		return "a block of impossible length";
	if (evp_le16(h + 2) != r->block)
		return "blocks are missing";
	return NULL;
}

static const char *unpack_block(struct evp_reader *r, const uint8_t *h)
{
	uint32_t stored = evp_le32(h + 4), raw = evp_le32(h + 8);
	const uint8_t *bytes = h + EVP_BLOCK_HEADER;

	if (evp_crc32c(evp_crc32c(0, h, 12), bytes, stored) != evp_le32(h + 12))
		return "a block with a wrong checksum";
	if (h[1] >= 0x80) {
		r->cursor = (struct evp_cursor){ 0 };
		return NULL;
	}
	if (h[1])
		return "a block of unknown content";
	if (h[0] == EVP_BLOCK_PLAIN) {
		if (stored != raw)
			return "a plain block of two lengths";
		memcpy(r->raw, bytes, raw);
	} else if (ZSTD_decompressDCtx(r->zstd, r->raw, EVP_MAX_BLOCK, bytes, stored) != raw)
		return "a block that does not decompress";
	r->cursor = (struct evp_cursor){ r->raw, r->raw + raw, 0 };
	return NULL;
}

/* At the end of a block. 1: the next is loaded; 0: none (damage, a new epoch, the end); -errno. */
static int read_block(struct evp_reader *r, struct evp_err *err)
{
	const char *what;
	uint8_t *h;
	int rc = fill(r, EVP_BLOCK_HEADER, err);

	r->block_offset = evp_reader_offset(r);
	if (rc < 0)
		return rc;
	h = r->buf + r->at;
	if (r->len == r->at || (rc && !memcmp(h, evp_sync_mark, EVP_MARK_LEN))) {
		r->in_epoch = false;
		return 0;
	}
	what = rc ? block_problem(r, h) : NULL;
	if (rc && !what) {
		rc = fill(r, EVP_BLOCK_HEADER + evp_le32(h + 4), err);
		if (rc < 0)
			return rc;
		h = r->buf + r->at;
		what = rc ? unpack_block(r, h) : NULL;
	}
	if (rc && !what) {
		r->at += EVP_BLOCK_HEADER + evp_le32(h + 4);
		r->block++;
		return 1;
	}
	if (!rc) {
		/* The end came inside a block; a mark may still hide in what was taken for it. */
		note(r, r->block_offset, "the stream ends inside a block");
		r->status.cut = true;
		r->lost = true;
		r->in_epoch = false;
	} else
		evp_reader_damaged(r, r->block_offset, what);
	r->status.skipped_bytes++;
	r->at++;
	return 0;
}

/* Nothing follows. rc 0, or the error that this was no stream at all. */
static int at_end(struct evp_reader *r, struct evp_err *err)
{
	if (!r->seen_mark && r->status.skipped_bytes)
		return evp_fail(err, EBADMSG,
				"'%s' is no evp stream (evp-import reads other formats)", r->name);
	cut_short(r);
	return 0;
}

int evp_reader_next(struct evp_reader *r, struct evp_record *rec, struct evp_err *err)
{
	int rc;

	for (;;) {
		if (r->cursor.p != r->cursor.end) {
			rc = evp_reader_record(r, rec, err);
			if (rc)
				return rc;
			continue;
		}
		if (r->in_epoch) {
			rc = read_block(r, err);
			if (rc < 0)
				return rc;
			continue;
		}
		rc = fill(r, EVP_MARK_LEN, err);
		if (rc < 0)
			return rc;
		if (r->len == r->at)
			return at_end(r, err);
		if (!rc || memcmp(r->buf + r->at, evp_sync_mark, EVP_MARK_LEN)) {
			/* What a damaged place left over is part of that damage. */
			if (!r->lost)
				evp_reader_damaged(r, evp_reader_offset(r),
						   "bytes that belong to no epoch");
			rc = seek_mark(r, err);
			if (rc < 0)
				return rc;
			if (!rc)
				return at_end(r, err);
		}
		rc = read_epoch_header(r, err);
		if (rc < 0)
			return rc;
		if (!rc)
			continue;
		rec->type = EVP_REC_EPOCH;
		rec->epoch.stream_id = r->stream_id;
		rec->epoch.number = r->next_epoch - 1;
		return 1;
	}
}

bool evp_reader_whole(const struct evp_reader *r, struct evp_str *ret_sentence)
{
	const struct evp_reader_status *s = &r->status;

	if (!s->cut && !s->damaged && !s->missing_samples)
		return true;
	if (!ret_sentence)
		return false;
	if (s->damaged)
		evp_str_printf(ret_sentence,
			       "damaged at byte %llu: %s; %llu bytes skipped in %llu place%s%s",
			       (unsigned long long)s->offset, s->what,
			       (unsigned long long)s->skipped_bytes, (unsigned long long)s->damaged,
			       s->damaged == 1 ? "" : "s", s->cut ? ", and cut short" : "");
	else if (s->cut)
		evp_str_printf(ret_sentence, "cut short at byte %llu: %s",
			       (unsigned long long)s->offset, s->what);
	if (s->missing_samples)
		evp_str_printf(ret_sentence, "%s%lld samples are missing",
			       s->damaged || s->cut ? "; " : "", (long long)s->missing_samples);
	return false;
}
