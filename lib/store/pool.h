/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The content of streams on its way into segments: rows, and everything that they name, each thing
 * once, whatever epoch it came from.
 *
 * Ids are dense and, strings to stacks, start at 1; 0 is the empty one. Besides its locations every
 * stack has its text as the store shows it; texts are a tree of frames of their own, because many
 * stacks share one. Content hashes depend on content alone, not on ids or the order of arrival: what
 * is sorted or named by them comes out the same whenever the same stream is added.
 *
 * Life: zero it, evp_pool_init, any number of evp_pool_add_sample, look at the arrays, then
 * evp_pool_release (and init again). Errors are -ENOMEM, or -E2BIG at 2^32 ids.
 */
#ifndef EVP_STORE_POOL_H
#define EVP_STORE_POOL_H

#include <string.h>

#include "store/segment.h"

#define EVP_POOL_TEXT_MAX (1u << 20) /* bytes of one stack's text */

/* Things told apart by their bytes; the structs below are the bytes, ids in them this pool's. */
struct evp_pool_table {
	struct evp_interner of;
	uint64_t *hash; /* by id, of the content */
	size_t chash;
};

struct evp_pool_process {
	uint32_t node, boot_id, comm, exe, cgroup, exec_generation;
	int64_t pid, ns_pid, start_ns;
};

struct evp_pool_file { /* followed by nsegments struct evp_segment */
	uint32_t path, build_id_len, nsegments, zero;
	uint8_t build_id[EVP_MAX_BUILD_ID];
};

struct evp_pool_function {
	uint32_t name, system_name, filename, zero;
	int64_t start_line;
};

struct evp_pool_location { /* followed by nlines struct evp_pool_line */
	uint32_t kind, source, file, process, text, nlines;
	uint64_t offset;
};

struct evp_pool_line {
	uint32_t function, zero;
	int64_t line, column;
};

#define EVP_POOL_STRINGS (EVP_COL_COMM - EVP_COL_NODE + 1)

/* One row's labels. Strings are escaped as the store has them. */
struct evp_pool_labels {
	uint32_t text[EVP_POOL_STRINGS]; /* by column - EVP_COL_NODE */
	uint32_t json;
	int32_t number[3]; /* pid, tid, cpu */
	uint32_t zero;
};

struct evp_pool_window {
	int64_t ts_ms, duration_ms;
};

struct evp_pool_event {
	uint32_t type, unit; /* strings */
	uint32_t period_type, period_unit;
	int64_t period;
};

struct evp_pool_row {
	uint32_t event, window, labels, stack;
	int64_t samples, value;
};

struct evp_pool {
	struct evp_pool_table strings, processes, files, functions, locations, labels;
	struct evp_interner windows; /* struct evp_pool_window */
	struct evp_interner frames;  /* escaped text of one frame */
	struct evp_interner events;  /* struct evp_pool_event */

	/* location -> its frames, outermost first: frame_list[frame_begin[l] .. frame_begin[l + 1]) */
	uint32_t *frame_list, *frame_begin;
	size_t nframe_list, cframe_list, cframe_begin;

	struct evp_map text_ids, stack_ids;	       /* parent << 32 | frame or location */
	uint32_t *text_parent, *text_frame, *text_len; /* text 0: the empty text */
	size_t ntexts, ctext_parent, ctext_frame, ctext_len;
	uint32_t *stack_parent, *stack_location, *stack_text;
	uint64_t *stack_hash;
	size_t nstacks, cstack_parent, cstack_location, cstack_text, cstack_hash;

	struct evp_pool_row *rows;
	size_t nrows, crows;
	uint64_t text_bytes; /* of all texts, written out */

	/* Ids of the tables that samples come from -> ours + 1; void with their epoch. */
	struct {
		uint32_t *strings, *events, *processes, *files, *functions, *locations, *stacks;
		size_t cstrings, cevents, cprocesses, cfiles, cfunctions, clocations, cstacks;
		struct evp_map labels; /* process << 32 | labels */
	} memo;
	struct evp_str key, scratch;
	uint32_t *chain;
	size_t cchain;
	uint64_t dropped_types; /* values of samples that neither column has */
};

int evp_pool_init(struct evp_pool *p);
void evp_pool_release(struct evp_pool *p);
/* Another epoch, or other tables: what the memo knows of their ids is void. */
void evp_pool_forget(struct evp_pool *p);
int evp_pool_add_sample(struct evp_pool *p, const struct evp_tables *t, const struct evp_sample *s);
/* The row labels of a sample, evp-store(5), "LABELS" (labels.c). */
int evp_pool_label_set(struct evp_pool *p, const struct evp_tables *t, uint32_t process,
		       uint32_t labels, uint32_t *ret_id);
size_t evp_pool_bytes(const struct evp_pool *p); /* rough */

/* An escaped copy of bytes, or plain ones, as a string of the pool. */
int evp_pool_string(struct evp_pool *p, const void *bytes, size_t len, uint32_t *ret_id);
int evp_pool_intern(struct evp_pool_table *table, const void *bytes, size_t len, uint64_t hash,
		    uint32_t *ret_id);

static inline const struct evp_bytes *evp_pool_text(const struct evp_pool *p, uint32_t string)
{
	return &p->strings.of.item[string];
}

/* The bytes behind an id; aligned for no type, so copy the struct out. */
static inline const void *evp_pool_item(const struct evp_pool_table *table, uint32_t id)
{
	return table->of.item[id].ptr;
}

static inline struct evp_pool_window evp_pool_window(const struct evp_pool *p, uint32_t id)
{
	struct evp_pool_window w;

	memcpy(&w, p->windows.item[id].ptr, sizeof(w));
	return w;
}

#endif
