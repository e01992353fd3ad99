// SPDX-License-Identifier: GPL-2.0-or-later
/* Row cursors, and what scans share about ranges and footers. */
#include <stdio.h>
#include <string.h>

#include "query/scan.h"

#define MS 1000000

int evp_cursor_open(struct evp_row_cursor *c, const struct evp_store_segment *s, size_t group,
		    enum evp_segment_column col, struct evp_err *err)
{
	c->row = c->end = 0;
	return evp_segment_column(s, group, col, &c->pq, err);
}

/* Lets the rows at hand, `ints` or else indexes, be ones with this one among them. */
static int reach(struct evp_row_cursor *c, uint64_t row, bool ints, size_t *ret_n,
		 struct evp_err *err)
{
	size_t n;
	int rc;

	if (row < c->row || row >= c->end) {
		rc = ints ? evp_pq_column_ints(&c->pq, row, &c->ints, &n, err)
			  : evp_pq_column_indexes(&c->pq, row, &c->index, &n, err);
		if (rc)
			return rc;
		c->row = row;
		c->end = row + n;
	}
	*ret_n = (size_t)(c->end - row);
	return 0;
}

int evp_cursor_ints(struct evp_row_cursor *c, uint64_t row, const int64_t **ret_v, size_t *ret_n,
		    struct evp_err *err)
{
	int rc = reach(c, row, true, ret_n, err);

	if (!rc)
		*ret_v = c->ints + (row - c->row);
	return rc;
}

int evp_cursor_indexes(struct evp_row_cursor *c, uint64_t row, const uint32_t **ret_v,
		       size_t *ret_n, struct evp_err *err)
{
	int rc = reach(c, row, false, ret_n, err);

	if (!rc)
		*ret_v = c->index + (row - c->row);
	return rc;
}

int64_t evp_scan_ms(int64_t ns)
{
	if (ns == INT64_MIN || ns == INT64_MAX)
		return ns;
	return ns / MS + (ns % MS > 0);
}

bool evp_scan_covers(const struct evp_query *q, const struct evp_store_segment *s)
{
	return s->info.from_ms >= evp_scan_ms(q->from_ns) && s->info.to_ms <= evp_scan_ms(q->to_ns);
}

bool evp_scan_meets(const struct evp_query *q, const struct evp_store_segment *s)
{
	return s->info.from_ms < evp_scan_ms(q->to_ns) && s->info.to_ms > evp_scan_ms(q->from_ns);
}

bool evp_scan_skippable(int rc)
{
	return rc != 0 && rc != -ENOMEM && rc != -E2BIG;
}

static int64_t ns_of(int64_t ms)
{
	return ms > INT64_MAX / MS ? INT64_MAX : ms < INT64_MIN / MS ? INT64_MIN : ms * MS;
}

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

int evp_scan_describe(struct evp_query_info *info, const struct evp_query *q,
		      const struct evp_store_segment *s, struct evp_err *err)
{
	const struct evp_segment_info *i = &s->info;
	int64_t from = ns_of(i->from_ms), to = ns_of(i->to_ms);

	if (!info->segments) {
		copy_text(info->type, sizeof(info->type), i->type);
		copy_text(info->unit, sizeof(info->unit), i->unit);
		copy_text(info->period_type, sizeof(info->period_type), i->period_type);
		copy_text(info->period_unit, sizeof(info->period_unit), i->period_unit);
		info->period = i->period;
	}
	if (strcmp(info->type, i->type ? i->type : "") ||
	    strcmp(info->unit, i->unit ? i->unit : ""))
		return evp_fail(err, EBADMSG, "it holds %s in '%s', the others %s in '%s'",
				i->type ? i->type : "", i->unit ? i->unit : "", info->type,
				info->unit);
	if (info->period != i->period)
		info->period = 0;
	if (from < q->from_ns)
		from = q->from_ns;
	if (to > q->to_ns)
		to = q->to_ns;
	if (!info->segments || from < info->from_ns)
		info->from_ns = from;
	if (!info->segments || to > info->to_ns)
		info->to_ns = to;
	if (i->lost_samples > 0) /* any file may be in the directory: the sum has an end */
		info->lost_samples = evp_segment_clamp((__int128)info->lost_samples +
						       i->lost_samples);
	info->segments++;
	return 0;
}
