// SPDX-License-Identifier: GPL-2.0-or-later
/* --raw: rows as they lie, with the locations of the precision blob. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "query/filter.h"
#include "query/output.h"
#include "query/scan.h"
#include "stream/copy.h"

/* Labels in the order of the columns; the last is the JSON of all others. */
static const char *const raw_labels[] = { "node", "service", "namespace", "pod",  "container",
					  "unit", "cgroup",  "exe",	  "comm", "pid",
					  "tid",  "cpu",     "" };
#define NLABELS EVP_ARRAY_SIZE(raw_labels)
#define NUMBERS 9 /* pid, tid, cpu: numbers, from this one to the last but one */

/* Which stack of the blob's reader is behind each (dictionary index, variant) of a row group. */
struct precise {
	struct evp_segment_blob *blob;
	struct evp_copy *copy;
	struct evp_segment_blob_entry ahead; /* the first of the next group, when `pending` */
	bool pending;
	uint32_t *first; /* dictionary index -> entry of its variant 0 */
	uint32_t *id;	 /* of each entry */
	size_t n, cid, cfirst, nfirst;
	uint64_t epoch;
};

struct raw {
	const struct evp_query *q;
	struct evp_output out;
	struct evp_interner values;
	struct evp_plan plan;
	struct evp_row_cursor ts, duration, samples, value, stack, variant;
	uint8_t *keep; /* by dictionary index */
	size_t ckeep;
	struct precise precise;
	uint32_t event, labels;
	int64_t period;
	bool have_event, labels_known;
	struct evp_query_info info;
};

static void precise_close(struct precise *p)
{
	evp_copy_free(p->copy);
	evp_segment_blob_close(p->blob);
	p->copy = NULL;
	p->blob = NULL;
	p->n = p->nfirst = 0;
	p->pending = false;
}

static int precise_take(struct precise *p, const struct evp_segment_blob_entry *e)
{
	/* Ids of an earlier epoch are void: those stacks are written by their text. */
	if (e->epoch != p->epoch)
		p->n = p->nfirst = 0;
	p->epoch = e->epoch;
	if (evp_grow(&p->id, &p->cid, p->n + 1, sizeof(*p->id)) ||
	    evp_grow(&p->first, &p->cfirst, (size_t)e->stack + 1, sizeof(*p->first)))
		return -ENOMEM;
	for (; p->nfirst <= e->stack; p->nfirst++)
		p->first[p->nfirst] = e->variant || p->nfirst != e->stack ? UINT32_MAX
									  : (uint32_t)p->n;
	p->id[p->n++] = e->id;
	return 0;
}

/* The entries of this row group. */
static int precise_group(struct precise *p, size_t group, struct evp_err *err)
{
	struct evp_segment_blob_entry e;
	int rc = 1;

	p->n = p->nfirst = 0;
	while (p->blob && rc > 0) {
		if (p->pending)
			e = p->ahead;
		else
			rc = evp_segment_blob_next(p->blob, &e, err);
		if (rc <= 0)
			break;
		p->ahead = e;
		p->pending = e.group > group;
		if (p->pending)
			break;
		if (e.group == group && precise_take(p, &e))
			return evp_fail_oom(err);
	}
	return rc < 0 ? rc : 0;
}

/* The entry of a row's stack, or UINT32_MAX: only its text is known. */
static uint32_t precise_find(const struct precise *p, uint32_t stack, int64_t variant)
{
	uint32_t first = stack < p->nfirst ? p->first[stack] : UINT32_MAX;
	size_t k;

	if (first == UINT32_MAX || variant < 0 || variant >= (int64_t)(p->n - first))
		return UINT32_MAX;
	/* The next stack's entries begin behind this one's. */
	k = (size_t)stack + 1;
	if (k < p->nfirst && p->first[k] != UINT32_MAX && first + variant >= p->first[k])
		return UINT32_MAX;
	return first + (uint32_t)variant;
}

static int new_copy(struct raw *r, struct evp_err *err)
{
	struct precise *p = &r->precise;

	evp_copy_free(p->copy);
	p->copy = NULL;
	if (!p->blob || !evp_segment_blob_reader(p->blob))
		return 0;
	return evp_copy_new(&p->copy, evp_segment_blob_reader(p->blob), r->out.w, err);
}

struct label_list {
	struct raw *r;
	struct evp_label label[EVP_MAX_LABELS];
	size_t n;
};

static int add_label(void *arg, const char *key, size_t key_len, const char *value, size_t len)
{
	struct label_list *l = arg;
	struct evp_bytes b = { value, len };

	if (l->n == EVP_MAX_LABELS)
		return 0;
	return evp_output_label(&l->r->out, key, key_len, &b, &l->label[l->n++]);
}

static int write_labels(struct raw *r)
{
	struct label_list l = { .r = r };
	size_t i;
	int rc = 0;

	for (i = 0; i < NLABELS && !rc; i++) {
		const struct evp_bytes *v = &r->values.item[r->plan.value[i]];
		int64_t number;

		if (i == NLABELS - 1) {
			rc = evp_segment_labels_each(v, add_label, &l);
			continue;
		}
		if (v->len)
			rc = add_label(&l, raw_labels[i], strlen(raw_labels[i]), v->ptr, v->len);
		if (v->len && !rc && i >= NUMBERS && !evp_parse_i64(v->ptr, &number)) {
			l.label[l.n - 1].is_number = true;
			l.label[l.n - 1].number = number;
		}
	}
	r->labels_known = true;
	return rc ? rc : evp_writer_label_set(r->out.w, l.label, l.n, &r->labels);
}

/* Numbers of consecutive rows, as far as all the columns have them in their present pages. */
struct batch {
	const int64_t *ts, *duration, *samples, *value, *variant;
	const uint32_t *stack;
	size_t n;
};

static int next_batch(struct raw *r, uint64_t row, uint64_t end, struct batch *b,
		      struct evp_err *err)
{
	struct {
		struct evp_row_cursor *cursor;
		const int64_t **v;
	} ints[] = { { &r->ts, &b->ts },
		     { &r->duration, &b->duration },
		     { &r->samples, &b->samples },
		     { &r->value, &b->value },
		     { &r->variant, &b->variant } };
	size_t i, n;
	int rc = evp_cursor_indexes(&r->stack, row, &b->stack, &b->n, err);

	for (i = 0; i < EVP_ARRAY_SIZE(ints) && !rc; i++) {
		rc = evp_cursor_ints(ints[i].cursor, row, ints[i].v, &n, err);
		if (n < b->n)
			b->n = n;
	}
	if (b->n > end - row)
		b->n = (size_t)(end - row);
	return rc;
}

static int write_row(struct raw *r, const struct batch *b, size_t i, struct evp_err *err)
{
	int64_t values[2] = { b->samples[i], b->value[i] };
	struct evp_sample s = { .event = r->event, .values = values };
	uint32_t entry = precise_find(&r->precise, b->stack[i], b->variant[i]);
	bool anew;
	int rc;

	if (__builtin_mul_overflow(b->ts[i], 1000000, &s.window_ns) || b->duration[i] < 0 ||
	    __builtin_mul_overflow(b->duration[i], 1000000, &s.window_len_ns))
		return evp_fail(err, EBADMSG, "a row's time is out of range");
	rc = r->labels_known ? 0 : write_labels(r);
	if (!rc && entry != UINT32_MAX)
		rc = evp_copy_stack(r->precise.copy, r->precise.id[entry], &s.stack);
	else if (!rc)
		rc = evp_output_stack(&r->out, &r->stack.pq.dict[b->stack[i]], &s.stack);
	s.labels = r->labels;
	if (!rc)
		rc = evp_writer_sample(r->out.w, &s);
	if (!rc)
		rc = evp_output_epoch(&r->out, &anew);
	if (!rc && anew) {
		r->labels_known = false;
		rc = new_copy(r, err);
	}
	r->info.rows++;
	return rc ? evp_fail_errno(err, -rc, "cannot write a row") : 0;
}

static int write_rows(struct raw *r, uint64_t row, uint64_t end, struct evp_err *err)
{
	int64_t from = evp_scan_ms(r->q->from_ns), to = evp_scan_ms(r->q->to_ns);
	struct batch b;
	size_t i;
	int rc = 0;

	for (; row < end && !rc; row += b.n) {
		rc = next_batch(r, row, end, &b, err);
		for (i = 0; !rc && i < b.n; i++)
			if (r->keep[b.stack[i]] && b.ts[i] >= from && b.ts[i] < to)
				rc = write_row(r, &b, i, err);
	}
	return rc;
}

static int open_group(struct raw *r, const struct evp_store_segment *s, size_t group,
		      struct evp_err *err)
{
	struct {
		struct evp_row_cursor *cursor;
		enum evp_segment_column col;
	} columns[] = { { &r->ts, EVP_COL_TS },		  { &r->duration, EVP_COL_DURATION_MS },
			{ &r->samples, EVP_COL_SAMPLES }, { &r->value, EVP_COL_VALUE },
			{ &r->variant, EVP_COL_VARIANT }, { &r->stack, EVP_COL_STACK } };
	size_t i, n;
	int rc = 0;

	for (i = 0; i < EVP_ARRAY_SIZE(columns) && !rc; i++)
		rc = evp_cursor_open(columns[i].cursor, s, group, columns[i].col, err);
	if (rc)
		return rc;
	n = r->stack.pq.ndict;
	if (!n)
		return evp_fail(err, EBADMSG, "column stack has no dictionary");
	if (evp_grow(&r->keep, &r->ckeep, n, 1))
		return evp_fail_oom(err);
	memset(r->keep, 1, n);
	rc = evp_filter_stacks(r->q, r->stack.pq.dict, n, r->keep, err);
	return rc ? rc : precise_group(&r->precise, group, err);
}

static int raw_group(struct raw *r, const struct evp_store_segment *s, size_t group,
		     struct evp_err *err)
{
	struct evp_plan_run run = { 0 };
	bool opened = false;
	int rc = evp_plan_open(&r->plan, s, group, err);

	if (rc <= 0)
		return rc;
	while ((rc = evp_plan_next(&r->plan, run.end, &run, err)) > 0) {
		rc = opened ? 0 : open_group(r, s, group, err);
		if (!opened || !run.same)
			r->labels_known = false;
		opened = true;
		if (!rc)
			rc = write_rows(r, run.begin, run.end, err);
		if (rc)
			break;
	}
	return rc;
}

/* The event is the first segment's; another period later on is a change of rate. */
static int declare(struct raw *r, const struct evp_store_segment *s)
{
	struct evp_query_info one = r->info;
	struct evp_rate rate = { .from_ns = s->info.from_ms * 1000000, .period = s->info.period };
	int rc = 0;

	one.period = s->info.period;
	if (!r->have_event)
		rc = evp_output_event(&r->out, &one, &r->event);
	else if (r->period != s->info.period) {
		rate.event = r->event;
		rc = evp_writer_rate(r->out.w, &rate);
	}
	r->have_event = true;
	r->period = s->info.period;
	return rc;
}

static int raw_segment(struct raw *r, struct evp_catalog *c, size_t item, struct evp_err *err)
{
	struct evp_store_segment *s;
	int rc = evp_segment_open(&s, c->dirfd, c->item[item].path, err);
	size_t g;

	if (rc)
		return rc;
	if (!evp_scan_meets(r->q, s))
		goto out;
	rc = evp_scan_describe(&r->info, r->q, s, err);
	if (!rc)
		rc = declare(r, s);
	if (!rc)
		rc = evp_segment_blob_open(&r->precise.blob, s, err);
	if (!rc)
		rc = new_copy(r, err);
	for (g = 0; !rc && g < s->file->ngroups; g++)
		rc = raw_group(r, s, g, err);
	precise_close(&r->precise);
out:
	evp_segment_close(s);
	return rc;
}

/* The earliest time that segments behind `item` may hold. */
static int64_t rest_from(const struct evp_catalog *c, size_t item)
{
	int64_t from = INT64_MAX;

	for (item++; item < c->n; item++)
		if (c->item[item].from_ns < from)
			from = c->item[item].from_ns;
	return from;
}

static int raw_segments(struct raw *r, struct evp_catalog *c, struct evp_err *err)
{
	int64_t mark = INT64_MIN, next;
	size_t i;
	int rc = 0;

	for (i = 0; i < c->n && !rc; i++) {
		struct evp_err own = { 0 };

		rc = raw_segment(r, c, i, &own);
		if (evp_writer_error(r->out.w))
			return evp_fail_errno(err, -evp_writer_error(r->out.w),
					      "cannot write the stream");
		if (evp_scan_skippable(rc))
			rc = evp_catalog_bad(c, c->item[i].path, own.msg);
		if (rc)
			return evp_fail(err, -rc, "%s", own.msg);
		next = rest_from(c, i);
		if (next > mark && next < INT64_MAX && r->info.rows) {
			rc = evp_writer_watermark(r->out.w, next);
			mark = next;
		}
	}
	if (!rc && r->have_event)
		rc = evp_output_loss(&r->out, &r->info, r->event);
	return rc ? evp_fail_errno(err, -rc, "cannot write the stream") : 0;
}

static void raw_release(struct raw *r)
{
	struct evp_row_cursor *cursors[] = { &r->ts,	&r->duration, &r->samples,
					     &r->value, &r->stack,    &r->variant };
	size_t i;

	for (i = 0; i < EVP_ARRAY_SIZE(cursors); i++)
		evp_pq_column_release(&cursors[i]->pq);
	evp_output_release(&r->out);
	evp_interner_release(&r->values);
	evp_plan_release(&r->plan);
	free(r->keep);
	free(r->precise.id);
	free(r->precise.first);
}

int evp_query_raw(struct evp_writer *w, const struct evp_query *q, struct evp_catalog *c,
		  struct evp_query_info *ret_info, struct evp_err *err)
{
	struct raw r = { .q = q, .out.w = w };
	uint32_t none;
	int rc;

	if (evp_intern(&r.values, "", 0, &none))
		return evp_fail_oom(err);
	rc = evp_plan_init(&r.plan, q->selector, raw_labels, NLABELS, &r.values, err);
	if (!rc)
		rc = raw_segments(&r, c, err);
	r.info.found = r.info.rows;
	if (!rc)
		*ret_info = r.info;
	raw_release(&r);
	return rc;
}
