/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments: the files of a store, evp-store(5). This header is the reading side; build.h has the
 * writing side.
 *
 * A segment is a Parquet file with the columns of enum evp_segment_column, in this order, in every
 * segment of schema 1. It never changes once it has its name. Rows are sorted by service, node,
 * container, pod, namespace, unit, comm, pid, tid, cpu, labels, ts, stack, variant; dictionaries
 * are sorted too (strings by bytes, stacks by evp_stack_compare). Everything that
 * evp_segment_info tells comes from the footer: opening reads no page.
 *
 * To read rows, walk columns with evp_pq_column_* (parquet.h):
 *
 *	evp_segment_open(&s, AT_FDCWD, path, &err);
 *	for (g = 0; g < s->file->ngroups; g++) {
 *		evp_segment_column(s, g, EVP_COL_STACK, &c, &err);	opened, dictionary loaded
 *		evp_pq_column_indexes(&c, row, &index, &n, &err); ...
 *	}
 *	evp_segment_close(s);
 */
#ifndef EVP_STORE_SEGMENT_H
#define EVP_STORE_SEGMENT_H

#include "store/parquet.h"
#include "stream/reader.h"

#define EVP_SEGMENT_SCHEMA 1

enum evp_segment_column {
	EVP_COL_TS,	     /* TIME_MS: the window's start */
	EVP_COL_DURATION_MS, /* INT64: the window's length, 0: the sample's exact time */
	EVP_COL_NODE,
	EVP_COL_SERVICE,
	EVP_COL_NAMESPACE,
	EVP_COL_POD,
	EVP_COL_CONTAINER,
	EVP_COL_UNIT,
	EVP_COL_CGROUP,
	EVP_COL_EXE,
	EVP_COL_COMM, /* NODE..COMM: strings, "" = absent */
	EVP_COL_PID,
	EVP_COL_TID,
	EVP_COL_CPU,	/* PID..CPU: INT32, EVP_SEGMENT_ABSENT = absent */
	EVP_COL_LABELS, /* JSON text of every other label, keys sorted, "{}" */
	EVP_COL_SAMPLES,
	EVP_COL_VALUE,	 /* INT64 */
	EVP_COL_STACK,	 /* "root;...;leaf", each frame escaped (evp_escape) */
	EVP_COL_VARIANT, /* INT32: which address stack of this text, 0 = the row group's most common
			  */
	EVP_COLS
};

#define EVP_SEGMENT_ABSENT (-1) /* of pid, tid, cpu (CPU 0 exists) */

extern const struct evp_pq_field evp_segment_fields[EVP_COLS];
/* The column that label `name` is kept in (node ... cpu), or EVP_COLS: in EVP_COL_LABELS. */
enum evp_segment_column evp_segment_label_column(const char *name, size_t len);

struct evp_segment_info {
	int schema;
	char *type;	/* "cpu" */
	char *unit;	/* of value: "nanoseconds", "bytes", "count" */
	int64_t period; /* of the event, in the period's unit; 0 unknown */
	char *period_type, *period_unit;
	int64_t from_ms,
		to_ms; /* [from, to): earliest ts, latest ts + duration (+1 where that is 0) */
	uint64_t rows;
	int64_t samples, value;	   /* sums of these columns, clamped */
	int64_t lost_samples;	   /* that the streams reported lost in this time */
	int level;		   /* 0 as added; 1 hour, 2 day */
	struct evp_bytes streams;  /* ids of the streams, hex, ',' between */
	struct evp_bytes replaces; /* names (without directory) of segments this one stands for, ','
				      between */
	uint64_t blob_offset, blob_len; /* the precision blob; len 0: none */
	uint32_t blob_crc;
};

struct evp_store_segment {
	struct evp_pq_file *file;
	struct evp_segment_info info;
	struct evp_arena arena;
};

/*
 * EBADMSG: damaged, or no segment; EPROTONOSUPPORT: a later schema. The message names the file.
 */
int evp_segment_open(struct evp_store_segment **ret_s, int dirfd, const char *path,
		     struct evp_err *err);
void evp_segment_close(struct evp_store_segment *s);

/* A sum as the metadata has it. */
static inline int64_t evp_segment_clamp(__int128 sum)
{
	return sum > INT64_MAX ? INT64_MAX : sum < INT64_MIN ? INT64_MIN : (int64_t)sum;
}

/* Opens a column of one row group and loads its dictionary if it has one. `c` is reused. */
int evp_segment_column(const struct evp_store_segment *s, size_t group, enum evp_segment_column col,
		       struct evp_pq_column *c, struct evp_err *err);

/*
 * The value of label column `col` (NODE..CPU) at dictionary index `i` as text: what matchers see.
 * Integers come as decimal, absent ones empty. `out` is appended to.
 */
void evp_segment_label_text(const struct evp_pq_column *c, size_t i, struct evp_str *out);

/* One value of the JSON in EVP_COL_LABELS, appended to `out`; false: absent. */
bool evp_segment_label_json(const struct evp_bytes *json, const char *key, size_t key_len,
			    struct evp_str *out);
/* Calls fn for each pair of that JSON, keys rising. -EBADMSG: no such JSON; fn's non-zero ends it.
 */
int evp_segment_labels_each(const struct evp_bytes *json,
			    int (*fn)(void *arg, const char *key, size_t key_len, const char *value,
				      size_t value_len),
			    void *arg);

/*
 * The order of stacks: component by component, each by its bytes as written (escaped), fewer
 * frames first. As memcmp where every unescaped ';' counts as the lowest byte.
 */
int evp_stack_compare(const struct evp_bytes *a, const struct evp_bytes *b);

/*
 * The precision blob: which locations are behind each (row group, stack, variant). It is an evp
 * stream with one sample for each of them, in that order:
 *
 *	evp_segment_blob_open(&b, s, &err);
 *	while ((rc = evp_segment_blob_next(b, &e, &err)) > 0)
 *		... index e.stack of row group e.group's stack dictionary, variant e.variant:
 *		    stack e.id of e.tables ...
 *	evp_segment_blob_close(b);
 *
 * `epoch` changes when the ids of earlier entries are void; evp_segment_blob_reader gives the
 * reader, for evp_copy_new(). A segment without a blob yields no entry. rc < 0: damaged; what came
 * before it is good.
 */
struct evp_segment_blob;

struct evp_segment_blob_entry {
	size_t group;
	uint32_t stack, variant;
	uint32_t id; /* stack id in `tables` */
	const struct evp_tables *tables;
	uint64_t epoch;
};

int evp_segment_blob_open(struct evp_segment_blob **ret_b, const struct evp_store_segment *s,
			  struct evp_err *err);
int evp_segment_blob_next(struct evp_segment_blob *b, struct evp_segment_blob_entry *e,
			  struct evp_err *err);
struct evp_reader *evp_segment_blob_reader(struct evp_segment_blob *b);
void evp_segment_blob_close(struct evp_segment_blob *b);

#endif
