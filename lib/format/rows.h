/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of text - time, labels, folded stack, numbers - in any order, out as a stream in order of
 * time with watermarks that hold.
 *
 *	evp_rows_new(&rows, &opts, &err);
 *	evp_rows_label(rows, "comm", 4, &comm);
 *	evp_rows_pack(&labels, comm, "nginx", 5); ... evp_rows_add(rows, &row, &err);
 *	evp_rows_write(rows, writer, &err);         once, at the end
 *
 * Nothing is written before every row is in, so that a bad row at the end of the input leaves no
 * half of a stream. Texts are kept once; a row costs 48 bytes. Past opts.memory the rows so far
 * are sorted and put into an unlinked file in $TMPDIR (or /tmp); 32 such runs become one.
 * Rows with the same time and duration stay in the order in which they came.
 *
 * comm, pid, node, exe and cgroup become the process record, every other label the label set.
 */
#ifndef EVP_FORMAT_ROWS_H
#define EVP_FORMAT_ROWS_H

#include "stream/writer.h"

struct evp_rows;

struct evp_rows_opts {
	const char *type;	     /* event: [a-z][a-z0-9_]* */
	int64_t period_ns;	     /* value a sample; 0: 10^9/19 ns, only for cpu */
	bool has_samples, has_value; /* one at least */
	size_t memory;		     /* 0: 256 MiB */
};

struct evp_row {
	int64_t ts_ns, len_ns;	/* the window; length 0: at exactly ts_ns */
	int64_t samples, value; /* what opts says there is */
	const char *labels;	/* evp_rows_pack'ed */
	size_t labels_len;
	const char *stack; /* folded, see stacktext.h */
	size_t stack_len;
};

int evp_rows_new(struct evp_rows **ret_rows, const struct evp_rows_opts *opts, struct evp_err *err);
void evp_rows_free(struct evp_rows *rows);

/* A label's number for evp_rows_pack; names are checked by the caller. */
int evp_rows_label(struct evp_rows *rows, const char *name, size_t len, uint32_t *ret_label);
/* Appends one label to the bytes of a row's labels; an empty value adds nothing. */
void evp_rows_pack(struct evp_str *labels, uint32_t label, const char *value, size_t len);

/* EOVERFLOW: the sum of all samples or values passes 2^63; EINVAL: a stack deeper than 2^20. */
int evp_rows_add(struct evp_rows *rows, const struct evp_row *row, struct evp_err *err);
/* Every row and the watermarks, not the end block. Uses the rows up. */
int evp_rows_write(struct evp_rows *rows, struct evp_writer *w, struct evp_err *err);

/* "nanoseconds", "bytes" or "count": the unit of this event's value. */
const char *evp_rows_unit(const char *type);

#endif
