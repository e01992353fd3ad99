// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/runs.h"
#include "format/stacktext.h"

#define MEMORY	     (256u << 20)
#define NODE_BYTES   (128u << 20) /* of the parsed texts, dropped and made anew past that */
#define WATERMARK_NS (60 * EVP_NSEC)

struct rec {
	int64_t ts_ns, len_ns, samples, value;
	uint32_t labels, stack; /* ids of the interners */
	uint64_t seq;
};

struct who { /* what a packed label text is in the writer's current epoch */
	uint32_t process, labels, epoch;
};

struct evp_rows {
	struct evp_rows_opts opts;
	struct evp_interner names, labels, stacks;
	struct rec *rec;
	size_t n, cap;
	bool unsorted;
	bool with_value; /* given or computed; otherwise only samples are written */
	int64_t total_samples, total_value;
	struct evp_runs runs;

	/* while writing */
	struct evp_writer *w;
	struct evp_event event;
	uint32_t event_id, epoch;
	int64_t watermark_ns;
	bool started;
	struct who *who; /* by label text */
	uint32_t *node;	 /* + 1, by stack text */
	size_t cwho, cnode;
	struct evp_stacktext tree;
};

static const struct {
	const char *type, *unit;
} units[] = {
	{ "cpu", "nanoseconds" }, { "offcpu", "nanoseconds" }, { "lock", "nanoseconds" },
	{ "io", "nanoseconds" },  { "alloc", "bytes" },
};

const char *evp_rows_unit(const char *type)
{
	size_t i;

	for (i = 0; i < EVP_ARRAY_SIZE(units); i++)
		if (!strcmp(units[i].type, type))
			return units[i].unit;
	return "count";
}

int evp_rows_new(struct evp_rows **ret_rows, const struct evp_rows_opts *opts, struct evp_err *err)
{
	struct evp_rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return evp_fail_oom(err);
	rows->opts = *opts;
	if (!rows->opts.memory)
		rows->opts.memory = MEMORY;
	rows->with_value = opts->has_value || opts->period_ns ||
			   strcmp(evp_rows_unit(opts->type), "count");
	*ret_rows = rows;
	return 0;
}

void evp_rows_free(struct evp_rows *rows)
{
	if (!rows)
		return;
	evp_runs_release(&rows->runs);
	evp_interner_release(&rows->names);
	evp_interner_release(&rows->labels);
	evp_interner_release(&rows->stacks);
	evp_stacktext_reset(&rows->tree);
	free(rows->rec);
	free(rows->who);
	free(rows->node);
	free(rows);
}

int evp_rows_label(struct evp_rows *rows, const char *name, size_t len, uint32_t *ret_label)
{
	return evp_intern(&rows->names, name, len, ret_label);
}

void evp_rows_pack(struct evp_str *labels, uint32_t label, const char *value, size_t len)
{
	uint32_t head[2] = { label, (uint32_t)len };

	if (!len)
		return;
	evp_str_add(labels, head, sizeof(head));
	evp_str_add(labels, value, len);
}

static int cmp_rec(const void *va, const void *vb)
{
	const struct rec *a = va, *b = vb;

	if (a->ts_ns != b->ts_ns)
		return a->ts_ns < b->ts_ns ? -1 : 1;
	if (a->len_ns != b->len_ns)
		return a->len_ns < b->len_ns ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static void sort(struct evp_rows *rows)
{
	if (rows->unsorted)
		qsort(rows->rec, rows->n, sizeof(*rows->rec), cmp_rec);
	rows->unsorted = false;
}

static void row_of(const struct evp_rows *rows, const struct rec *r, struct evp_row *row)
{
	const struct evp_bytes *l = &rows->labels.item[r->labels],
			       *s = &rows->stacks.item[r->stack];

	*row = (struct evp_row){ r->ts_ns, r->len_ns, r->samples, r->value,
				 l->ptr,   l->len,    s->ptr,	  s->len };
}

/* The rows so far into a file; all of their memory is free again. */
static int spill(struct evp_rows *rows, struct evp_err *err)
{
	struct evp_row row;
	size_t i;
	int rc = evp_runs_begin(&rows->runs, err);

	sort(rows);
	for (i = 0; !rc && i < rows->n; i++) {
		row_of(rows, &rows->rec[i], &row);
		rc = evp_runs_put(&rows->runs, &row, err);
	}
	if (!rc)
		rc = evp_runs_end(&rows->runs, err);
	rows->n = 0;
	evp_interner_release(&rows->labels);
	evp_interner_release(&rows->stacks);
	return rc;
}

static size_t bytes_of(const struct evp_interner *t)
{
	return t->arena.bytes + t->cap * sizeof(*t->item) + t->nslots * 8;
}

static size_t memory(const struct evp_rows *rows)
{
	return rows->n * sizeof(*rows->rec) + bytes_of(&rows->labels) + bytes_of(&rows->stacks);
}

/* samples x the period, which 10^9/19 ns is as a fraction. */
static int64_t value_of(const struct evp_rows *rows, int64_t samples, bool *overflow)
{
	__int128 v = rows->opts.period_ns ? (__int128)samples * rows->opts.period_ns
					  : ((__int128)samples * EVP_NSEC + 9) / 19;

	*overflow |= v > INT64_MAX || v < INT64_MIN;
	return (int64_t)v;
}

static int take(struct evp_rows *rows, struct rec *r, struct evp_err *err)
{
	bool overflow = false;

	if (rows->with_value && !rows->opts.has_value)
		r->value = value_of(rows, r->samples, &overflow);
	if (overflow ||
	    __builtin_add_overflow(rows->total_samples, r->samples, &rows->total_samples) ||
	    __builtin_add_overflow(rows->total_value, r->value, &rows->total_value))
		return evp_fail(err, EOVERFLOW, "the sum of all samples or values passes 2^63");
	if (evp_grow(&rows->rec, &rows->cap, rows->n + 1, sizeof(*rows->rec)))
		return evp_fail_oom(err);
	r->seq = rows->n;
	if (rows->n && cmp_rec(&rows->rec[rows->n - 1], r) > 0)
		rows->unsorted = true;
	rows->rec[rows->n++] = *r;
	return 0;
}

int evp_rows_add(struct evp_rows *rows, const struct evp_row *row, struct evp_err *err)
{
	struct rec r = { row->ts_ns, row->len_ns, row->samples, row->value, 0, 0, 0 };
	int rc;

	if (row->stack_len > EVP_MAX_DEPTH &&
	    evp_stacktext_depth(row->stack, row->stack_len) > EVP_MAX_DEPTH)
		return evp_fail(err, EINVAL, "the stack is deeper than %u frames", EVP_MAX_DEPTH);
	if (evp_intern(&rows->labels, row->labels, row->labels_len, &r.labels) ||
	    evp_intern(&rows->stacks, row->stack, row->stack_len, &r.stack))
		return evp_fail_oom(err);
	rc = take(rows, &r, err);
	if (!rc && memory(rows) > rows->opts.memory)
		rc = spill(rows, err);
	return rc;
}

/* ---- writing ---- */

static int declare_type(struct evp_rows *rows, const char *type, const char *unit, uint32_t *ret_at)
{
	struct evp_value_type *t = &rows->event.types[rows->event.ntypes];
	int rc = evp_writer_cstring(rows->w, type, &t->type);

	if (!rc)
		rc = evp_writer_cstring(rows->w, unit, &t->unit);
	*ret_at = ++rows->event.ntypes;
	return rc;
}

static int declare(struct evp_rows *rows)
{
	const char *type = rows->opts.type;
	struct evp_event *e = &rows->event;
	int rc = evp_writer_cstring(rows->w, type, &e->name);

	if (!rc && rows->opts.has_samples)
		rc = declare_type(rows, "samples", "count", &e->samples_type);
	e->value_type = e->samples_type;
	if (!rc && rows->with_value)
		rc = declare_type(rows, type, evp_rows_unit(type), &e->value_type);
	if (!rc && rows->with_value && (rows->opts.period_ns || !rows->opts.has_value)) {
		e->period_type = e->types[e->value_type - 1];
		e->period = rows->opts.period_ns ? rows->opts.period_ns : (EVP_NSEC + 9) / 19;
	}
	return rc ? rc : evp_writer_event(rows->w, e, &rows->event_id);
}

/* A label that the process record has a place for: put there, or false. */
static bool to_process(struct evp_rows *rows, struct evp_process *p, const struct evp_bytes *name,
		       const char *value, size_t len, int *rc)
{
	const struct {
		const char *name;
		uint32_t *id;
	} places[] = { { "comm", &p->comm },
		       { "node", &p->node },
		       { "exe", &p->exe },
		       { "cgroup", &p->cgroup } };
	char number[24];
	size_t i;

	for (i = 0; i < EVP_ARRAY_SIZE(places); i++) {
		if (strcmp(name->ptr, places[i].name))
			continue;
		*rc = evp_writer_string(rows->w, value, len, places[i].id);
		return true;
	}
	if (strcmp(name->ptr, "pid") || len >= sizeof(number) || *value == '0')
		return false;
	memcpy(number, value, len);
	number[len] = '\0';
	return !evp_parse_i64(number, &p->pid);
}

static int make_who(struct evp_rows *rows, const char *bytes, size_t len, struct who *who)
{
	struct evp_label labels[EVP_MAX_LABELS + 5];
	struct evp_process p = { 0 };
	const char *end = bytes + len;
	uint32_t head[2];
	size_t n = 0;
	int rc = 0;

	for (; !rc && bytes < end && n < EVP_ARRAY_SIZE(labels); bytes += head[1]) {
		const struct evp_bytes *name;

		memcpy(head, bytes, sizeof(head));
		bytes += sizeof(head);
		name = &rows->names.item[head[0]];
		if (to_process(rows, &p, name, bytes, head[1], &rc))
			continue;
		labels[n] = (struct evp_label){ 0 };
		rc = evp_writer_string(rows->w, name->ptr, name->len, &labels[n].key);
		if (!rc)
			rc = evp_writer_string(rows->w, bytes, head[1], &labels[n].text);
		n++;
	}
	if (!rc && (p.comm || p.node || p.exe || p.cgroup || p.pid))
		rc = evp_writer_process(rows->w, &p, &who->process);
	return rc ? rc : evp_writer_label_set(rows->w, labels, n, &who->labels);
}

/* memo arrays are as long as their interner: zeroed when they grow. */
static int memo_room(void *array, size_t *cap, size_t need, size_t elem)
{
	size_t had = *cap;

	if (evp_grow_(array, cap, need, elem))
		return -ENOMEM;
	memset(*(char **)array + had * elem, 0, (*cap - had) * elem);
	return 0;
}

static int who_of(struct evp_rows *rows, const struct rec *r, struct evp_sample *s)
{
	const struct evp_bytes *b = &rows->labels.item[r->labels];
	struct who *who;
	int rc;

	if (memo_room(&rows->who, &rows->cwho, rows->labels.n, sizeof(*rows->who)))
		return -ENOMEM;
	who = &rows->who[r->labels];
	if (who->epoch != rows->epoch + 1) {
		*who = (struct who){ .epoch = rows->epoch + 1 };
		rc = make_who(rows, b->ptr, b->len, who);
		if (rc)
			return rc;
	}
	s->process = who->process;
	s->labels = who->labels;
	return 0;
}

static int stack_of(struct evp_rows *rows, const struct rec *r, struct evp_sample *s)
{
	const struct evp_bytes *b = &rows->stacks.item[r->stack];
	uint32_t node;
	int rc;

	if (memo_room(&rows->node, &rows->cnode, rows->stacks.n, sizeof(*rows->node)))
		return -ENOMEM;
	if (!rows->node[r->stack]) {
		if (evp_stacktext_bytes(&rows->tree) > NODE_BYTES) {
			evp_stacktext_reset(&rows->tree);
			memset(rows->node, 0, rows->cnode * sizeof(*rows->node));
		}
		rc = evp_stacktext_node(&rows->tree, b->ptr, b->len, &node);
		if (rc)
			return rc;
		rows->node[r->stack] = node + 1;
	}
	return evp_stacktext_stack(&rows->tree, rows->w, rows->node[r->stack] - 1, &s->stack);
}

static int keep_time(struct evp_rows *rows, int64_t ts_ns)
{
	int rc = 0;

	if (!rows->started)
		rows->watermark_ns = ts_ns;
	rows->started = true;
	if (ts_ns - rows->watermark_ns >= WATERMARK_NS) {
		rc = evp_writer_watermark(rows->w, ts_ns);
		rows->watermark_ns = ts_ns;
	}
	if (!rc && evp_writer_epoch_due(rows->w)) {
		rc = evp_writer_epoch(rows->w);
		rows->epoch++;
		evp_stacktext_epoch(&rows->tree);
	}
	return rc;
}

static int write_rec(struct evp_rows *rows, const struct rec *r)
{
	int64_t values[2] = { r->samples, r->value };
	struct evp_sample s = {
		.event = rows->event_id,
		.window_ns = r->ts_ns,
		.window_len_ns = r->len_ns,
		.values = values + !rows->opts.has_samples,
	};
	int rc = keep_time(rows, r->ts_ns);

	if (!rc)
		rc = who_of(rows, r, &s);
	if (!rc)
		rc = stack_of(rows, r, &s);
	return rc ? rc : evp_writer_sample(rows->w, &s);
}

/* A row of a run: its texts are known again, for as long as there is room for them. */
static int write_row(void *arg, const struct evp_row *row, struct evp_err *err)
{
	struct evp_rows *rows = arg;
	struct rec r = { row->ts_ns, row->len_ns, row->samples, row->value, 0, 0, 0 };
	int rc;

	if (memory(rows) > rows->opts.memory) {
		evp_interner_release(&rows->labels);
		evp_interner_release(&rows->stacks);
		evp_stacktext_reset(&rows->tree);
		memset(rows->node, 0, rows->cnode * sizeof(*rows->node));
		memset(rows->who, 0, rows->cwho * sizeof(*rows->who));
	}
	if (evp_intern(&rows->labels, row->labels, row->labels_len, &r.labels) ||
	    evp_intern(&rows->stacks, row->stack, row->stack_len, &r.stack))
		return evp_fail_oom(err);
	rc = write_rec(rows, &r);
	return rc ? evp_fail_errno(err, -rc, "cannot write the stream") : 0;
}

int evp_rows_write(struct evp_rows *rows, struct evp_writer *w, struct evp_err *err)
{
	size_t i;
	int rc;

	rows->w = w;
	rc = declare(rows);
	if (rc)
		return evp_fail_errno(err, -rc, "cannot write the stream");
	if (rows->runs.n) {
		rc = rows->n ? spill(rows, err) : 0;
		free(rows->rec);
		rows->rec = NULL;
		rows->cap = 0;
		return rc ? rc : evp_runs_merge(&rows->runs, write_row, rows, err);
	}
	sort(rows);
	for (i = 0; !rc && i < rows->n; i++)
		rc = write_rec(rows, &rows->rec[i]);
	return rc ? evp_fail_errno(err, -rc, "cannot write the stream") : 0;
}
