// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <isa-l/crc.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/build.h"

struct writer {
	struct evp_build *b;
	const struct evp_build_group *g;
	struct evp_pq_writer *pq;
	struct evp_err *err;
	uint32_t *index; /* by row of the group */
	int64_t *ints;
	uint32_t *place; /* pool string -> dictionary index */
	uint32_t *list;
	struct evp_bytes *dict;
	size_t nrows;
};

static const struct evp_pool_row *row_of(const struct writer *w, size_t i)
{
	return &w->b->rows[w->g->begin + i];
}

static uint32_t string_of(const struct evp_pool *p, const struct evp_pool_row *r, int col)
{
	struct evp_pool_labels set;

	memcpy(&set, evp_pool_item(&p->labels, r->labels), sizeof(set));
	return col == EVP_COL_LABELS ? set.json : set.text[col - EVP_COL_NODE];
}

static int compare_strings(const void *a, const void *b, void *arg)
{
	const struct evp_pool *p = arg;
	const struct evp_bytes *x = evp_pool_text(p, *(const uint32_t *)a);
	const struct evp_bytes *y = evp_pool_text(p, *(const uint32_t *)b);
	int c = memcmp(x->ptr, y->ptr, x->len < y->len ? x->len : y->len);

	return c ? c : (x->len > y->len) - (x->len < y->len);
}

static int write_label(struct writer *w, int col)
{
	const struct evp_pool *p = w->b->pool;
	size_t i, n = 0;

	for (i = 0; i < w->nrows; i++) {
		/* Rows are sorted by labels: most often the set is the last row's. */
		if (i && row_of(w, i)->labels == row_of(w, i - 1)->labels) {
			w->index[i] = w->index[i - 1];
			continue;
		}
		w->index[i] = string_of(p, row_of(w, i), col);
		if (w->place[w->index[i]] == UINT32_MAX) {
			w->place[w->index[i]] = 0;
			w->list[n++] = w->index[i];
		}
	}
	qsort_r(w->list, n, sizeof(*w->list), compare_strings, (void *)(uintptr_t)p);
	for (i = 0; i < n; i++) {
		w->place[w->list[i]] = (uint32_t)i;
		w->dict[i] = *evp_pool_text(p, w->list[i]);
	}
	for (i = 0; i < w->nrows; i++)
		w->index[i] = w->place[w->index[i]];
	for (i = 0; i < n; i++) /* as it was for the next column */
		w->place[w->list[i]] = UINT32_MAX;
	return evp_pq_write_strings(w->pq, w->dict, n, w->index, true, w->err);
}

static int write_stack(struct writer *w)
{
	size_t i;

	for (i = 0; i < w->g->ntexts; i++)
		w->dict[i] = w->b->text[w->g->texts[i]];
	for (i = 0; i < w->nrows; i++)
		w->index[i] = w->g->entries[w->b->place[row_of(w, i)->stack]].text;
	return evp_pq_write_strings(w->pq, w->dict, w->g->ntexts, w->index, false, w->err);
}

static int64_t int_of(const struct writer *w, const struct evp_pool_row *r, int col)
{
	const struct evp_pool *p = w->b->pool;
	struct evp_pool_labels set;

	switch (col) {
	case EVP_COL_TS:
		return evp_pool_window(p, r->window).ts_ms;
	case EVP_COL_DURATION_MS:
		return evp_pool_window(p, r->window).duration_ms;
	case EVP_COL_SAMPLES:
		return r->samples;
	case EVP_COL_VALUE:
		return r->value;
	case EVP_COL_VARIANT:
		return w->g->entries[w->b->place[r->stack]].variant;
	default:
		memcpy(&set, evp_pool_item(&p->labels, r->labels), sizeof(set));
		return set.number[col - EVP_COL_PID];
	}
}

static int write_column(struct writer *w, int col)
{
	size_t i;

	if (col == EVP_COL_STACK)
		return write_stack(w);
	if (evp_segment_fields[col].type == EVP_PQ_STRING)
		return write_label(w, col);
	for (i = 0; i < w->nrows; i++)
		w->ints[i] = int_of(w, row_of(w, i), col);
	return evp_pq_write_ints(w->pq, w->ints, w->err);
}

static int write_group(struct writer *w, const struct evp_build_group *g)
{
	size_t i;
	int col, rc;

	w->g = g;
	w->nrows = g->end - g->begin;
	for (i = 0; i < g->nentries; i++) /* with several groups it is the last one's by now */
		w->b->place[g->entries[i].stack] = (uint32_t)i;
	rc = evp_pq_writer_group(w->pq, w->nrows, w->err);
	for (col = 0; !rc && col < EVP_COLS; col++)
		rc = write_column(w, col);
	return rc;
}

static int meta_int(struct evp_pq_writer *pq, const char *key, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, v);
	return evp_pq_writer_meta(pq, key, text);
}

static int meta_text(struct evp_pq_writer *pq, const struct evp_pool *p, const char *key,
		     uint32_t string)
{
	struct evp_str escaped = { 0 };
	int rc;

	evp_escape(&escaped, evp_pool_text(p, string)->ptr, evp_pool_text(p, string)->len);
	rc = escaped.oom ? -ENOMEM : evp_pq_writer_meta(pq, key, escaped.len ? escaped.buf : "");
	evp_str_release(&escaped);
	return rc;
}

static int write_meta(struct writer *w, const struct evp_build_opts *o)
{
	const struct evp_build *b = w->b;
	struct evp_pool_event e;
	int rc;

	memcpy(&e, b->pool->events.item[b->rows[0].event].ptr, sizeof(e));
	if ((rc = meta_int(w->pq, "evp.schema", EVP_SEGMENT_SCHEMA)) ||
	    (rc = meta_text(w->pq, b->pool, "evp.type", e.type)) ||
	    (rc = meta_text(w->pq, b->pool, "evp.unit", e.unit)) ||
	    (rc = meta_int(w->pq, "evp.level", o->level)) ||
	    (rc = meta_int(w->pq, "evp.from", b->info.from_ms)) ||
	    (rc = meta_int(w->pq, "evp.to", b->info.to_ms)) ||
	    (rc = meta_int(w->pq, "evp.samples", b->info.samples)) ||
	    (rc = meta_int(w->pq, "evp.value", b->info.value)) ||
	    (rc = meta_int(w->pq, "evp.lost", o->lost_samples)) ||
	    (rc = meta_int(w->pq, "evp.period", e.period)) ||
	    (rc = meta_text(w->pq, b->pool, "evp.period.type", e.period_type)) ||
	    (rc = meta_text(w->pq, b->pool, "evp.period.unit", e.period_unit)) ||
	    (rc = evp_pq_writer_meta(
		     w->pq, "evp.sort",
		     "service,node,container,pod,namespace,unit,comm,pid,tid,cpu,labels,ts,"
		     "stack,variant")) ||
	    (rc = evp_pq_writer_meta(w->pq, "evp.streams", o->streams ? o->streams : "")))
		return rc;
	if (o->slot)
		rc = evp_pq_writer_meta(w->pq, "evp.slot", o->slot);
	if (!rc && o->partial)
		rc = evp_pq_writer_meta(w->pq, "evp.partial", "1");
	if (!rc && o->replaces)
		rc = evp_pq_writer_meta(w->pq, "evp.replaces", o->replaces);
	return rc;
}

static int write_blob(struct writer *w)
{
	struct evp_str blob = { 0 };
	uint64_t offset;
	char text[64];
	int rc = evp_build_blob(w->b, &blob, w->err);

	if (!rc)
		rc = evp_pq_writer_raw(w->pq, blob.buf, blob.len, &offset, w->err);
	if (!rc) {
		snprintf(text, sizeof(text), "%" PRIu64 ",%zu,%08x", offset, blob.len,
			 crc32_gzip_refl(0, (unsigned char *)blob.buf, blob.len));
		rc = evp_pq_writer_meta(w->pq, "evp.blob", text);
	}
	evp_str_release(&blob);
	return rc;
}

int evp_build_write(struct evp_build *b, int fd, const struct evp_build_opts *o, uint64_t *ret_size,
		    struct evp_err *err)
{
	/* Up to ts only: Parquet orders strings by plain bytes, stacks are ordered by component. */
	static const uint16_t sort[] = { EVP_COL_SERVICE, EVP_COL_NODE,	     EVP_COL_CONTAINER,
					 EVP_COL_POD,	  EVP_COL_NAMESPACE, EVP_COL_UNIT,
					 EVP_COL_COMM,	  EVP_COL_PID,	     EVP_COL_TID,
					 EVP_COL_CPU,	  EVP_COL_LABELS,    EVP_COL_TS };
	const struct evp_pq_writer_opts pq = { .fd = fd,
					       .fields = evp_segment_fields,
					       .nfields = EVP_COLS,
					       .sort = sort,
					       .nsort = EVP_ARRAY_SIZE(sort),
					       .level = o->zstd_level };
	size_t nstrings = b->pool->strings.of.n, most = 0, i;
	struct writer w = { .b = b, .err = err };
	int rc = evp_pq_writer_new(&w.pq, &pq, err);

	if (rc)
		return rc;
	for (i = 0; i < b->ngroups; i++) {
		const struct evp_build_group *g = &b->groups[i];

		most = g->end - g->begin > most ? g->end - g->begin : most;
	}
	w.index = malloc(most * sizeof(*w.index));
	w.ints = malloc(most * sizeof(*w.ints));
	w.place = malloc(nstrings * sizeof(*w.place));
	w.list = malloc(nstrings * sizeof(*w.list));
	w.dict = malloc((nstrings > most ? nstrings : most) * sizeof(*w.dict));
	if (!w.index || !w.ints || !w.place || !w.list || !w.dict)
		rc = evp_fail_oom(err);
	if (!rc)
		memset(w.place, 0xff, nstrings * sizeof(*w.place));
	for (i = 0; !rc && i < b->ngroups; i++)
		rc = write_group(&w, &b->groups[i]);
	if (!rc && !o->no_blob)
		rc = write_blob(&w);
	if (!rc && write_meta(&w, o))
		rc = evp_fail_oom(err);
	if (!rc)
		rc = evp_pq_writer_finish(w.pq, ret_size, err);
	free(w.index);
	free(w.ints);
	free(w.place);
	free(w.list);
	free(w.dict);
	evp_pq_writer_free(w.pq);
	return rc;
}
