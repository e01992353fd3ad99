// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/verify.h"

static void put_time(struct evp_table *t, int64_t ms)
{
	struct evp_str text = { 0 };
	int64_t ns;

	if (__builtin_mul_overflow(ms, (int64_t)1000000, &ns))
		ns = ms < 0 ? INT64_MIN : INT64_MAX;
	evp_format_time(&text, ns);
	evp_table_text(t, text.buf ? text.buf : "", text.len);
	t->oom |= text.oom;
	evp_str_release(&text);
}

static void put_ratio(struct evp_table *t, int64_t a, int64_t b)
{
	struct evp_str text = { 0 };

	if (b > 0)
		evp_str_printf(&text, "%.2f", (double)a / (double)b);
	evp_table_text(t, text.buf ? text.buf : "", text.len);
	t->oom |= text.oom;
	evp_str_release(&text);
}

/* Calls fn for every segment that opens; the others, and those it fails on, are bad ones. */
static int each_segment(struct evp_catalog *c,
			int (*fn)(void *arg, const struct evp_catalog_item *item,
				  const struct evp_store_segment *s, struct evp_err *err),
			void *arg, struct evp_err *err)
{
	struct evp_store_segment *s;
	struct evp_err why = { 0 };
	size_t i;
	int rc;

	for (i = 0; i < c->n; i++) {
		rc = evp_segment_open(&s, c->dirfd, c->item[i].path, &why);
		if (!rc) {
			rc = fn(arg, &c->item[i], s, &why);
			evp_segment_close(s);
		}
		if (rc == -ENOMEM || (rc && evp_catalog_bad(c, c->item[i].path, why.msg)))
			return evp_fail_oom(err);
	}
	return 0;
}

/* ---- one line a segment ---- */

static int put_segment(void *arg, const struct evp_catalog_item *item,
		       const struct evp_store_segment *s, struct evp_err *err)
{
	struct evp_table *t = arg;

	evp_table_cstring(t, item->path);
	evp_table_cstring(t, item->type);
	put_time(t, s->info.from_ms);
	put_time(t, s->info.to_ms);
	evp_table_number(t, (int64_t)s->info.rows);
	evp_table_number(t, s->info.samples);
	evp_table_number(t, (int64_t)item->size);
	return 0;
}

int evp_report_segments(struct evp_catalog *c, struct evp_table *t, struct evp_err *err)
{
	static const struct evp_column column[] = {
		{ "segment", "SEGMENT", EVP_COL_TEXT, NULL },
		{ "type", "TYPE", EVP_COL_TEXT, NULL },
		{ "from", "FROM", EVP_COL_TEXT, NULL },
		{ "to", "TO", EVP_COL_TEXT, NULL },
		{ "rows", "ROWS", EVP_COL_NUMBER, NULL },
		{ "samples", "SAMPLES", EVP_COL_NUMBER, NULL },
		{ "bytes", "SIZE", EVP_COL_NUMBER, "bytes" },
	};

	t->column = column;
	t->ncolumns = EVP_ARRAY_SIZE(column);
	return each_segment(c, put_segment, t, err);
}

/* ---- one line a type ---- */

struct totals {
	const char *type;
	int64_t segments, rows, samples, bytes, blob_bytes, from_ms, to_ms;
};

struct by_type {
	struct totals *item;
	size_t n, cap;
};

/* Segments come sorted by type. */
static int count_segment(void *arg, const struct evp_catalog_item *item,
			 const struct evp_store_segment *s, struct evp_err *err)
{
	const struct evp_segment_info *info = &s->info;
	struct by_type *by = arg;
	struct totals *v;

	if (!by->n || strcmp(by->item[by->n - 1].type, item->type) != 0) {
		if (evp_grow(&by->item, &by->cap, by->n + 1, sizeof(*by->item)))
			return -ENOMEM;
		by->item[by->n++] = (struct totals){ .type = item->type,
						     .from_ms = info->from_ms,
						     .to_ms = info->to_ms };
	}
	v = &by->item[by->n - 1];
	v->segments++;
	v->from_ms = info->from_ms < v->from_ms ? info->from_ms : v->from_ms;
	v->to_ms = info->to_ms > v->to_ms ? info->to_ms : v->to_ms;
	v->rows += (int64_t)info->rows;
	v->samples = evp_segment_clamp((__int128)v->samples + info->samples);
	v->bytes += (int64_t)item->size;
	v->blob_bytes += (int64_t)info->blob_len;
	return 0;
}

int evp_report_types(struct evp_catalog *c, struct evp_table *t, struct evp_err *err)
{
	static const struct evp_column column[] = {
		{ "type", "TYPE", EVP_COL_TEXT, NULL },
		{ "segments", "SEGMENTS", EVP_COL_NUMBER, NULL },
		{ "from", "FROM", EVP_COL_TEXT, NULL },
		{ "to", "TO", EVP_COL_TEXT, NULL },
		{ "rows", "ROWS", EVP_COL_NUMBER, NULL },
		{ "samples", "SAMPLES", EVP_COL_NUMBER, NULL },
		{ "bytes", "SIZE", EVP_COL_NUMBER, "bytes" },
		{ "blob_bytes", "BLOBS", EVP_COL_NUMBER, "bytes" },
		{ "bytes_per_row", "B/ROW", EVP_COL_TEXT, NULL },
		{ "bytes_per_sample", "B/SAMPLE", EVP_COL_TEXT, NULL },
	};
	struct by_type by = { 0 };
	int rc = each_segment(c, count_segment, &by, err);
	size_t i;

	t->column = column;
	t->ncolumns = EVP_ARRAY_SIZE(column);
	for (i = 0; !rc && i < by.n; i++) {
		const struct totals *v = &by.item[i];

		evp_table_cstring(t, v->type);
		evp_table_number(t, v->segments);
		put_time(t, v->from_ms);
		put_time(t, v->to_ms);
		evp_table_number(t, v->rows);
		evp_table_number(t, v->samples);
		evp_table_number(t, v->bytes);
		evp_table_number(t, v->blob_bytes);
		put_ratio(t, v->bytes, v->rows);
		put_ratio(t, v->bytes, v->samples);
	}
	free(by.item);
	return rc;
}

/* ---- one line a label ---- */

static int cost_segment(void *arg, const struct evp_catalog_item *item,
			const struct evp_store_segment *s, struct evp_err *err)
{
	return evp_label_costs_add(arg, s, err);
}

int evp_report_labels(struct evp_catalog *c, struct evp_table *t, struct evp_err *err)
{
	static const struct evp_column column[] = {
		{ "label", "LABEL", EVP_COL_TEXT, NULL },
		{ "values", "VALUES", EVP_COL_NUMBER, NULL },
		{ "rows_added", "ROWS ADDED", EVP_COL_NUMBER, NULL },
		{ "rows_added_share", "ROWS%", EVP_COL_PERCENT, NULL },
		{ "bytes", "COLUMN", EVP_COL_NUMBER, "bytes" },
	};
	struct evp_label_costs costs = { 0 };
	int rc = each_segment(c, cost_segment, &costs, err);
	size_t i;

	t->column = column;
	t->ncolumns = EVP_ARRAY_SIZE(column);
	evp_label_costs_finish(&costs);
	for (i = 0; !rc && i < costs.n; i++) {
		const struct evp_label_cost *k = &costs.item[i];

		if (!k->values)
			continue;
		evp_table_cstring(t, k->name);
		evp_table_number(t, (int64_t)k->values);
		evp_table_number(t, (int64_t)k->rows_added);
		evp_table_share(t, costs.rows ? (double)k->rows_added / (double)costs.rows : 0);
		evp_table_number(t, (int64_t)k->bytes);
	}
	evp_label_costs_release(&costs);
	return rc;
}
