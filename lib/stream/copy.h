/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carrying records from a reader to a writer with ids translated, each thing copied on its first
 * use by a sample, so that the output is canonical whatever the input's order was.
 *
 *	evp_copy_new(&c, reader, writer, &err);
 *	evp_copy_location_hook(c, hook, arg);            evp-symbolize hangs itself in here
 *	while (evp_reader_next(r, &rec, &err) > 0)
 *		evp_copy_record(c, &rec);
 *
 * Epochs: a new one in the input voids the memo tables; the output's own are started when due, and
 * where another input goes back behind the watermark of the one before.
 * The copier never writes the input's totals (the writer makes its own) nor its end block.
 */
#ifndef EVP_STREAM_COPY_H
#define EVP_STREAM_COPY_H

#include "stream/reader.h"
#include "stream/writer.h"

struct evp_copy;

int evp_copy_new(struct evp_copy **ret_c, struct evp_reader *r, struct evp_writer *w,
		 struct evp_err *err);
void evp_copy_free(struct evp_copy *c);

/*
 * Called once for each location of an input epoch, at its first use, with `in` of the reader's
 * tables (ids of the reader). It may give other lines, source and text: fill `out` (a copy of `in`
 * whose line, text ids the hook replaces by ids of the WRITER, file and process already
 * translated) and return 1; 0: copy as it is; -errno.
 */
typedef int (*evp_copy_location_fn)(void *arg, const struct evp_tables *tables,
				    const struct evp_location *in, struct evp_location *out);
void evp_copy_location_hook(struct evp_copy *c, evp_copy_location_fn fn, void *arg);

/* Translated ids, for callers that build their own samples. */
int evp_copy_event(struct evp_copy *c, uint32_t event, uint32_t *ret_id);
int evp_copy_process(struct evp_copy *c, uint32_t process, uint32_t *ret_id);
int evp_copy_label_set(struct evp_copy *c, uint32_t labels, uint32_t *ret_id);
int evp_copy_stack(struct evp_copy *c, uint32_t stack, uint32_t *ret_id);

/* Samples, losses, clocks, rates, costs, provenance, watermarks pass; epochs are followed. */
int evp_copy_record(struct evp_copy *c, const struct evp_record *rec);

#endif
