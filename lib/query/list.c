// SPDX-License-Identifier: GPL-2.0-or-later
#include "query/list.h"

#include <stdlib.h>
#include <string.h>

#include "query/quote.h"
#include "query/scan.h"

#define MAX_KEYS 1024 /* names of labels without a column of their own */

static const char *const columns[] = {
	"node",	  "service", "namespace", "pod", "container", "unit",
	"cgroup", "exe",     "comm",	  "pid", "tid",	      "cpu"
};

struct list {
	struct evp_list *l;
	enum evp_list_what what;
	const struct evp_query *q;
	const char **labels; /* whose values are looked at, sorted by name */
	size_t nlabels;
	struct evp_interner values; /* id 0 is "" */
	struct evp_interner tuples; /* series: value ids of each label */
	uint8_t *seen;		    /* values, or labels */
	size_t cseen;
	struct evp_plan plan;
	struct evp_row_cursor ts;
	struct evp_str text;
};

static int see(struct list *l, size_t i)
{
	size_t before = l->cseen;

	if (evp_grow(&l->seen, &l->cseen, i + 1, 1))
		return -ENOMEM;
	memset(l->seen + before, 0, l->cseen - before);
	l->seen[i] = 1;
	return 0;
}

/* The labels of the current run are those of a selected row. */
static int take_run(struct list *l)
{
	uint32_t id;
	size_t i;
	int rc = 0;

	if (l->what == EVP_LIST_SERIES)
		return evp_intern(&l->tuples, l->plan.value, l->nlabels * sizeof(*l->plan.value),
				  &id);
	for (i = 0; i < l->nlabels && !rc; i++)
		if (l->plan.value[i])
			rc = see(l, l->what == EVP_LIST_VALUES ? l->plan.value[i] : i);
	return rc;
}

/* Does a row of [row, end) start within the range? 1, 0, -errno. */
static int any_in_range(struct list *l, uint64_t row, uint64_t end, struct evp_err *err)
{
	int64_t from = evp_scan_ms(l->q->from_ns), to = evp_scan_ms(l->q->to_ns);
	const int64_t *ts;
	size_t n, i;
	int rc;

	for (; row < end; row += n) {
		rc = evp_cursor_ints(&l->ts, row, &ts, &n, err);
		if (rc)
			return rc;
		if (n > end - row)
			n = (size_t)(end - row);
		for (i = 0; i < n; i++)
			if (ts[i] >= from && ts[i] < to)
				return 1;
	}
	return 0;
}

static int walk_group(struct list *l, const struct evp_store_segment *s, size_t group, bool cut,
		      struct evp_err *err)
{
	struct evp_plan_run run = { 0 };
	int rc = evp_plan_open(&l->plan, s, group, err), in = 1;

	if (rc > 0 && cut)
		rc = evp_cursor_open(&l->ts, s, group, EVP_COL_TS, err) ?: 1;
	if (rc <= 0)
		return rc;
	while ((rc = evp_plan_next(&l->plan, run.end, &run, err)) > 0) {
		if (run.same && !cut)
			continue;
		if (cut)
			in = any_in_range(l, run.begin, run.end, err);
		if (in < 0)
			return in;
		if (in && take_run(l))
			return evp_fail_oom(err);
	}
	return rc;
}

/* Everything is selected: what stands in a dictionary is used by some row. */
static int take_dictionaries(struct list *l, const struct evp_store_segment *s, size_t group,
			     struct evp_err *err)
{
	int rc = evp_plan_open(&l->plan, s, group, err);
	size_t i, k, v;

	for (i = 0; rc > 0 && i < l->plan.ncolumns; i++) {
		const struct evp_plan_column *c = &l->plan.columns[i];

		if (!c->pq.ndict)
			return walk_group(l, s, group, false, err);
		for (k = 0; k < c->nlabels; k++)
			for (v = 0; v < c->nknown; v++) {
				l->plan.value[c->labels[k]] = c->value[v * c->nlabels + k];
				if (take_run(l))
					return evp_fail_oom(err);
			}
	}
	return rc < 0 ? rc : 0;
}

static int list_segment(struct list *l, struct evp_catalog *c, size_t item, struct evp_err *err)
{
	struct evp_store_segment *s;
	int rc = evp_segment_open(&s, c->dirfd, c->item[item].path, err);
	bool cut, all;
	size_t g;

	if (rc)
		return rc;
	cut = !evp_scan_covers(l->q, s);
	all = !cut && l->what != EVP_LIST_SERIES && (!l->q->selector || !l->q->selector->n);
	for (g = 0; !rc && g < s->file->ngroups && evp_scan_meets(l->q, s); g++)
		rc = all ? take_dictionaries(l, s, g, err) : walk_group(l, s, g, cut, err);
	evp_segment_close(s);
	return rc;
}

/* ---- which labels there are beside the columns ---- */

struct keys {
	struct evp_interner names;
	struct evp_pq_column column;
};

static int add_key(void *arg, const char *key, size_t key_len, const char *value, size_t len)
{
	struct keys *k = arg;
	uint32_t id;

	return k->names.n < MAX_KEYS ? evp_intern(&k->names, key, key_len, &id) : 0;
}

static int segment_keys(struct keys *k, struct evp_catalog *c, size_t item, struct evp_err *err)
{
	struct evp_store_segment *s;
	int rc = evp_segment_open(&s, c->dirfd, c->item[item].path, err);
	size_t g, i;

	if (rc)
		return rc;
	for (g = 0; !rc && g < s->file->ngroups; g++) {
		rc = evp_segment_column(s, g, EVP_COL_LABELS, &k->column, err);
		for (i = 0; !rc && i < k->column.ndict; i++)
			rc = evp_segment_labels_each(&k->column.dict[i], add_key, k);
		if (rc == -EBADMSG && err && !err->msg[0])
			evp_fail(err, EBADMSG, "column labels does not hold JSON");
	}
	evp_segment_close(s);
	return rc;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int all_labels(struct list *l, struct keys *k, struct evp_catalog *c, struct evp_err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < c->n; i++) {
		struct evp_err ignored = { 0 };

		/* Damage is met again, and said, when its rows are walked. */
		rc = segment_keys(k, c, i, &ignored);
		if (rc == -ENOMEM)
			return evp_fail_oom(err);
	}
	l->labels = calloc(EVP_ARRAY_SIZE(columns) + k->names.n, sizeof(*l->labels));
	if (!l->labels)
		return evp_fail_oom(err);
	for (i = 0; i < EVP_ARRAY_SIZE(columns); i++)
		l->labels[l->nlabels++] = columns[i];
	for (i = 0; i < k->names.n; i++)
		l->labels[l->nlabels++] = k->names.item[i].ptr;
	qsort(l->labels, l->nlabels, sizeof(*l->labels), compare_names);
	return 0;
}

/* ---- results ---- */

static void series_text(struct list *l, size_t i, const char *type)
{
	uint32_t value;
	size_t k;
	bool any = false;

	evp_str_clear(&l->text);
	evp_str_puts(&l->text, type);
	for (k = 0; k < l->nlabels; k++) {
		memcpy(&value, l->tuples.item[i].ptr + k * sizeof(value), sizeof(value));
		if (!value)
			continue;
		evp_str_puts(&l->text, any ? "," : "{");
		evp_str_puts(&l->text, l->labels[k]);
		evp_str_putc(&l->text, '=');
		evp_quote(&l->text, l->values.item[value].ptr, l->values.item[value].len);
		any = true;
	}
	if (any)
		evp_str_putc(&l->text, '}');
}

static int compare_items(const void *va, const void *vb)
{
	const struct evp_bytes *a = va, *b = vb;
	int c = memcmp(a->ptr, b->ptr, a->len < b->len ? a->len : b->len);

	return c ? c : (a->len > b->len) - (a->len < b->len);
}

static int collect(struct list *l, const char *type)
{
	struct evp_interner *texts = &l->l->texts;
	uint32_t id;
	size_t i;
	int rc = 0;

	for (i = 0; i < l->tuples.n && !rc; i++) {
		series_text(l, i, type);
		rc = l->text.oom ? -ENOMEM : evp_intern(texts, l->text.buf, l->text.len, &id);
	}
	for (i = 0; i < l->cseen && !rc; i++) {
		const struct evp_bytes *v = &l->values.item[i];

		if (!l->seen[i])
			continue;
		rc = l->what == EVP_LIST_VALUES
			     ? evp_intern(texts, v->ptr, v->len, &id)
			     : evp_intern(texts, l->labels[i], strlen(l->labels[i]), &id);
	}
	return rc;
}

static int sort(struct evp_list *l)
{
	l->item = calloc(l->texts.n + 1, sizeof(*l->item));
	if (!l->item)
		return -ENOMEM;
	l->n = l->texts.n;
	if (l->n)
		memcpy(l->item, l->texts.item, l->n * sizeof(*l->item));
	qsort(l->item, l->n, sizeof(*l->item), compare_items);
	return 0;
}

static int walk(struct list *l, struct evp_catalog *c, struct evp_err *err)
{
	uint32_t none;
	size_t i;
	int rc;

	if (evp_intern(&l->values, "", 0, &none))
		return evp_fail_oom(err);
	rc = evp_plan_init(&l->plan, l->q->selector, l->labels, l->nlabels, &l->values, err);
	for (i = 0; i < c->n && !rc; i++) {
		struct evp_err own = { 0 };

		rc = list_segment(l, c, i, &own);
		if (evp_scan_skippable(rc))
			rc = evp_catalog_bad(c, c->item[i].path, own.msg);
		if (rc)
			return evp_fail(err, -rc, "%s", own.msg);
	}
	return rc;
}

static int list_types(struct evp_list *l, const struct evp_catalog *c, struct evp_err *err)
{
	uint32_t id;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (evp_intern(&l->texts, c->item[i].type, strlen(c->item[i].type), &id))
			return evp_fail_oom(err);
	return sort(l) ? evp_fail_oom(err) : 0;
}

int evp_query_list(struct evp_list *ret_l, enum evp_list_what what, const char *label,
		   const struct evp_query *q, struct evp_catalog *c, struct evp_err *err)
{
	struct list l = { .l = ret_l, .what = what, .q = q };
	struct keys keys = { 0 };
	int rc = 0;

	if (what == EVP_LIST_TYPES)
		return list_types(ret_l, c, err);
	if (what != EVP_LIST_VALUES)
		rc = all_labels(&l, &keys, c, err);
	else if (!(l.labels = calloc(1, sizeof(*l.labels))))
		rc = evp_fail_oom(err);
	else
		l.labels[l.nlabels++] = label;
	if (!rc)
		rc = walk(&l, c, err);
	if (!rc && (collect(&l, c->n ? c->item[0].type : "") || sort(ret_l)))
		rc = evp_fail_oom(err);
	free(l.labels);
	free(l.seen);
	evp_interner_release(&l.values);
	evp_interner_release(&l.tuples);
	evp_plan_release(&l.plan);
	evp_pq_column_release(&l.ts.pq);
	evp_str_release(&l.text);
	evp_interner_release(&keys.names);
	evp_pq_column_release(&keys.column);
	return rc;
}

void evp_list_release(struct evp_list *l)
{
	free(l->item);
	evp_interner_release(&l->texts);
	*l = (struct evp_list){ 0 };
}
