/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing a stream, evp-stream(5).
 *
 * The writer interns: naming the same thing twice gives the same id and writes it once. Ids are
 * those of the current epoch; they die when the writer starts a new one, which happens only inside
 * evp_writer_epoch() (never behind the caller's back). Call that whenever evp_writer_epoch_due()
 * says so - at flushes, or between any two samples - and forget every id.
 *
 *	struct evp_writer_opts opts = { .tool = "evp-x", .sink = f, .sink_arg = a };
 *
 *	evp_writer_new(&w, &opts, &err);
 *	evp_writer_event(w, &event, &id); ... evp_writer_stack(w, parent, location, &stack);
 *	evp_writer_sample(w, &sample);
 *	evp_writer_watermark(w, t_ns);   totals, losses, the watermark, then everything goes out
 *	evp_writer_end(w);               the end record: "whole"
 *	evp_writer_free(w);
 *
 * Every function returns 0 or -errno; errors are sticky (evp_writer_error). Definitions are
 * written before their first use in the order in which they were made, so output depends only on
 * the calls, not on hash order. What breaks a limit of one thing is cut as evp-stream(5) says and
 * counted (evp_writer_truncated). Refused are ids that are not defined, windows that end behind
 * 2^63 and negative losses (-EINVAL), and definitions that a single sample needs and an epoch of
 * 64 MiB cannot hold (-EFBIG).
 */
#ifndef EVP_STREAM_WRITER_H
#define EVP_STREAM_WRITER_H

#include "stream/stream.h"

struct evp_writer;

struct evp_writer_opts {
	/* Where bytes go: 0 or -errno, all or nothing. `flush` (may be NULL) is called at
	 * watermarks. */
	int (*sink)(void *arg, const void *bytes, size_t len);
	int (*flush)(void *arg);
	void *sink_arg;
	const char *tool, *options; /* provenance; tool NULL: none is appended */
	int level;		    /* zstd level; 0: the default (3); -1: plain blocks */
	const uint8_t *stream_id;   /* 16 bytes; NULL: random */
};

int evp_writer_new(struct evp_writer **ret_w, const struct evp_writer_opts *opts,
		   struct evp_err *err);
void evp_writer_free(struct evp_writer *w); /* writes nothing */
int evp_writer_error(const struct evp_writer *w);
const struct evp_tables *evp_writer_tables(const struct evp_writer *w);
const uint8_t *evp_writer_stream_id(const struct evp_writer *w); /* 16 bytes */
uint64_t evp_writer_truncated(const struct evp_writer *w); /* names, labels, sets cut by a limit */

/* Tables near 64 MiB or the epoch older (by sample time) than an hour. */
bool evp_writer_epoch_due(const struct evp_writer *w);
/* Something of a window that begins then would break the watermark of this epoch. */
bool evp_writer_late(const struct evp_writer *w, int64_t window_ns);
/* Starts a new epoch: all ids are forgotten, except that totals and losses carry on. */
int evp_writer_epoch(struct evp_writer *w);

int evp_writer_string(struct evp_writer *w, const void *bytes, size_t len, uint32_t *ret_id);
int evp_writer_cstring(struct evp_writer *w, const char *text, uint32_t *ret_id); /* NULL: id 0 */
/*
 * Events live as long as the writer, not the epoch: an id stays good across epochs. The strings in
 * `e` are ids of the current epoch.
 */
int evp_writer_event(struct evp_writer *w, const struct evp_event *e, uint32_t *ret_id);
int evp_writer_process(struct evp_writer *w, const struct evp_process *p, uint32_t *ret_id);
int evp_writer_file(struct evp_writer *w, const struct evp_file *f, uint32_t *ret_id);
int evp_writer_function(struct evp_writer *w, const struct evp_function *f, uint32_t *ret_id);
int evp_writer_location(struct evp_writer *w, const struct evp_location *l, uint32_t *ret_id);
/* A stack = its parent (0: none) and one more frame at the leaf end. */
int evp_writer_stack(struct evp_writer *w, uint32_t parent, uint32_t location, uint32_t *ret_id);
/*
 * The same where the caller knows that this epoch has no such stack yet (it walks a tree of its
 * own): nothing is looked up.
 */
int evp_writer_stack_new(struct evp_writer *w, uint32_t parent, uint32_t location,
			 uint32_t *ret_id);
/* Labels in any order; empty values are dropped; a key given twice keeps the last. */
int evp_writer_label_set(struct evp_writer *w, const struct evp_label *labels, size_t n,
			 uint32_t *ret_id);

int evp_writer_sample(struct evp_writer *w, const struct evp_sample *s);
int evp_writer_loss(struct evp_writer *w,
		    const struct evp_loss *l); /* added up; out at the watermark */
int evp_writer_dropped(struct evp_writer *w, const struct evp_loss *l); /* likewise; no loss */
int evp_writer_clock(struct evp_writer *w, const struct evp_clock *c);
int evp_writer_rate(struct evp_writer *w, const struct evp_rate *r);
int evp_writer_cost(struct evp_writer *w, const struct evp_cost *c);
/* Copies another program's record; the writer's own comes last, at the end of the first batch. */
int evp_writer_provenance(struct evp_writer *w, const struct evp_provenance *p);

/* Nothing with a window or time older than t_ns follows. Writes totals and losses, flushes. */
int evp_writer_watermark(struct evp_writer *w, int64_t t_ns);
/* Writes open totals and losses, flushes: all that can be had, but not all there was. */
int evp_writer_stop(struct evp_writer *w);
/* The same, and the end block: this is all. */
int evp_writer_end(struct evp_writer *w);

/* A sink over struct evp_out: sink_arg is the struct evp_out *. */
int evp_writer_out_sink(void *out, const void *bytes, size_t len);
int evp_writer_out_flush(void *out);

#endif
