/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other people's formats in, a stream out.
 *
 *	evp_import_new(&im, &opts, &err);
 *	evp_import_fd(im, fd, "a.tsv", &err);         once an input, all of one format
 *	evp_import_id(im, id);                        for evp_writer_opts.stream_id
 *	evp_import_write(im, writer, &err);           samples and watermarks, not the end block
 *
 * Nothing is written before every input was read and found good. The id is a hash of the inputs
 * and of the options that change the result: the same import gives the same stream.
 *
 * A format is one row of the table in import.c: a name, a guess from the first bytes, and what to
 * do with an input. Formats: evp-import(1).
 */
#ifndef EVP_FORMAT_IMPORT_H
#define EVP_FORMAT_IMPORT_H

#include "format/rows.h"
#include "format/source.h"
#include "stream/writer.h"

struct evp_import_opts {
	const char *format; /* NULL: by the first input's first bytes */
	const char *type;   /* event name; NULL: cpu, or what the format says */
	int64_t period_ns;  /* value a sample where a text gives only counts; 0: default */
	int64_t time_ns, duration_ns; /* for formats without time: their window */
	const char *const *by;	      /* folded: the first frames are the values of these labels */
	size_t nby;
	size_t memory; /* before rows go to disk; 0: 256 MiB */
};

struct evp_import {
	struct evp_import_opts opts;
	const struct evp_import_format *format; /* NULL before the first input */
	struct XXH3_state_s *hash;
	struct evp_rows *rows; /* tsv, folded */
	bool has_samples, has_value;
	struct evp_pprofs *pprofs;
	struct evp_str notes; /* things a user should know, each ends with "\n" */
};

int evp_import_new(struct evp_import **ret_im, const struct evp_import_opts *opts,
		   struct evp_err *err);
void evp_import_free(struct evp_import *im);
int evp_import_fd(struct evp_import *im, int fd, const char *name, struct evp_err *err);
void evp_import_id(const struct evp_import *im, uint8_t ret_id[16]);
int evp_import_write(struct evp_import *im, struct evp_writer *w, struct evp_err *err);

/* "pprof, tsv, folded" */
const char *evp_import_formats(void);

/* ---- between the formats: each takes one input ---- */

/* Adds a note, once; it ends with "\n". */
void evp_import_note(struct evp_import *im, const char *text);

/* Opens im->rows, or checks that this input has the same numbers as those before. */
int evp_import_rows(struct evp_import *im, const char *name, bool has_samples, bool has_value,
		    struct evp_err *err);

bool evp_tsv_guess(const char *bytes, size_t len);
int evp_tsv_import(struct evp_import *im, struct evp_source *s, struct evp_err *err);
bool evp_folded_guess(const char *bytes, size_t len);
int evp_folded_import(struct evp_import *im, struct evp_source *s, struct evp_err *err);

bool evp_pprof_guess(const char *bytes, size_t len);
int evp_pprof_import(struct evp_import *im, struct evp_source *s, struct evp_err *err);
int evp_pprofs_write(struct evp_pprofs *p, struct evp_writer *w, struct evp_err *err);
void evp_pprofs_free(struct evp_pprofs *p);

/* Decimal digits only; false: anything else, or past INT64_MAX (then *ret_big is set). */
bool evp_import_count(const char *text, size_t len, int64_t *ret_v, bool *ret_big);

#endif
