// SPDX-License-Identifier: GPL-2.0-or-later
#include "query/plan.h"

#include <stdlib.h>
#include <string.h>

static struct evp_plan_column *column_of(struct evp_plan *p, const char *label)
{
	enum evp_segment_column col = evp_segment_label_column(label, strlen(label));
	size_t i;

	if (col == EVP_COLS)
		col = EVP_COL_LABELS;
	for (i = 0; i < p->ncolumns; i++)
		if (p->columns[i].col == col)
			return &p->columns[i];
	p->columns[p->ncolumns].col = col;
	return &p->columns[p->ncolumns++];
}

static int add_label(struct evp_plan *p, size_t label)
{
	struct evp_plan_column *c = column_of(p, p->labels[label]);

	if (!c->labels && !(c->labels = calloc(p->nlabels, sizeof(*c->labels))))
		return -ENOMEM;
	c->labels[c->nlabels++] = label;
	return 0;
}

static int add_matcher(struct evp_plan *p, const struct evp_matcher *m)
{
	struct evp_plan_column *c = column_of(p, m->label);

	if (!c->matchers && !(c->matchers = calloc(p->selector->n, sizeof(*c->matchers))))
		return -ENOMEM;
	c->matchers[c->nmatchers++] = m;
	return 0;
}

int evp_plan_init(struct evp_plan *p, const struct evp_selector *s, const char *const *labels,
		  size_t nlabels, struct evp_interner *values, struct evp_err *err)
{
	size_t i;
	int rc = 0;

	p->selector = s;
	p->labels = labels;
	p->nlabels = nlabels;
	p->values = values;
	p->value = calloc(nlabels + 1, sizeof(*p->value));
	if (!p->value)
		return evp_fail_oom(err);
	for (i = 0; s && !rc && i < s->n; i++)
		rc = add_matcher(p, &s->matchers[i]);
	for (i = 0; !rc && i < nlabels; i++)
		rc = add_label(p, i);
	return rc ? evp_fail_oom(err) : 0;
}

void evp_plan_release(struct evp_plan *p)
{
	size_t i;

	for (i = 0; i < p->ncolumns; i++) {
		struct evp_plan_column *c = &p->columns[i];

		evp_pq_column_release(&c->pq);
		evp_map_release(&c->numbers);
		free(c->matchers);
		free(c->labels);
		free(c->pass);
		free(c->value);
	}
	free(p->value);
	evp_str_release(&p->text);
	*p = (struct evp_plan){ 0 };
}

/* The value of `label` where column `c` has dictionary entry i, or number v. */
static void label_text(struct evp_plan *p, struct evp_plan_column *c, size_t i, int64_t v,
		       const char *label)
{
	evp_str_clear(&p->text);
	if (!*label)
		evp_str_add(&p->text, c->pq.dict[i].ptr, c->pq.dict[i].len);
	else if (c->col == EVP_COL_LABELS)
		evp_segment_label_json(&c->pq.dict[i], label, strlen(label), &p->text);
	else if (c->pq.ndict)
		evp_segment_label_text(&c->pq, i, &p->text);
	else if (v != EVP_SEGMENT_ABSENT)
		evp_str_i64(&p->text, v);
}

/* Takes dictionary entry `i` (or number v as entry i) in: does it pass, what are its labels? */
static int learn(struct evp_plan *p, struct evp_plan_column *c, size_t i, int64_t v,
		 struct evp_err *err)
{
	int rc = 1;
	size_t k;

	if (evp_grow(&c->pass, &c->cpass, i + 1, sizeof(*c->pass)) ||
	    evp_grow(&c->value, &c->cvalue, (i + 1) * c->nlabels, sizeof(*c->value)))
		return evp_fail_oom(err);
	for (k = 0; k < c->nmatchers && rc == 1; k++) {
		label_text(p, c, i, v, c->matchers[k]->label);
		rc = p->text.oom ? evp_fail_oom(err)
				 : evp_matcher_test(c->matchers[k], p->text.buf, p->text.len, err);
	}
	c->pass[i] = rc == 1;
	for (k = 0; k < c->nlabels && rc == 1; k++) {
		label_text(p, c, i, v, p->labels[c->labels[k]]);
		if (p->text.oom ||
		    evp_intern(p->values, p->text.buf, p->text.len, &c->value[i * c->nlabels + k]))
			return evp_fail_oom(err);
	}
	c->nknown = i + 1;
	return rc < 0 ? rc : 0;
}

/* 1: some row may pass, 0: none can. */
static int open_column(struct evp_plan *p, struct evp_plan_column *c,
		       const struct evp_store_segment *s, size_t group, struct evp_err *err)
{
	int rc = evp_segment_column(s, group, c->col, &c->pq, err);
	size_t i, passing = 0;

	c->nknown = 0;
	c->end = 0;
	c->ints_row = c->ints_end = 0;
	c->walked = true;
	evp_map_clear(&c->numbers);
	if (rc)
		return rc;
	if (!c->pq.ndict)
		return c->col == EVP_COL_LABELS || c->col <= EVP_COL_COMM
			       ? evp_fail(err, EBADMSG, "'%s': column %s has no dictionary",
					  s->file->path, evp_segment_fields[c->col].name)
			       : 1;
	for (i = 0; i < c->pq.ndict && !rc; i++) {
		rc = learn(p, c, i, 0, err);
		passing += !rc && c->pass[i];
	}
	if (rc)
		return rc;
	/* One value, or all pass and none is asked for: the same for every row. */
	if (c->pq.ndict == 1 || (passing == c->pq.ndict && !c->nlabels)) {
		c->walked = false;
		c->index = 0;
	}
	return passing > 0;
}

int evp_plan_open(struct evp_plan *p, const struct evp_store_segment *s, size_t group,
		  struct evp_err *err)
{
	size_t i, k;
	int rc = 1;

	p->nrows = s->file->groups[group].nrows;
	p->first = true;
	for (i = 0; i < p->ncolumns && rc == 1; i++) {
		struct evp_plan_column *c = &p->columns[i];

		rc = open_column(p, c, s, group, err);
		for (k = 0; rc == 1 && !c->walked && k < c->nlabels; k++)
			p->value[c->labels[k]] = c->value[k];
	}
	return rc;
}

/* A run of equal numbers in a column without a dictionary. */
static int number_run(struct evp_plan *p, struct evp_plan_column *c, uint64_t row,
		      struct evp_err *err)
{
	const int64_t *v;
	uint64_t *index;
	int rc, fresh;
	size_t n;

	if (row < c->ints_row || row >= c->ints_end) {
		rc = evp_pq_column_ints(&c->pq, row, &c->ints, &n, err);
		if (rc)
			return rc;
		c->ints_row = row;
		c->ints_end = row + n;
	}
	v = c->ints + (row - c->ints_row);
	for (n = 1; row + n < c->ints_end && v[n] == v[0];)
		n++;
	c->end = row + n;
	index = evp_map_at(&c->numbers, (uint64_t)v[0], &fresh);
	if (!index)
		return evp_fail_oom(err);
	if (fresh)
		*index = c->nknown;
	c->index = (uint32_t)*index;
	return fresh ? learn(p, c, c->nknown, v[0], err) : 0;
}

static int run_at(struct evp_plan *p, struct evp_plan_column *c, uint64_t row, struct evp_err *err)
{
	uint64_t n = 0;
	int rc;

	if (!c->pq.ndict)
		return number_run(p, c, row, err);
	rc = evp_pq_column_run(&c->pq, row, &c->index, &n, err);
	c->end = row + n;
	return rc;
}

int evp_plan_next(struct evp_plan *p, uint64_t row, struct evp_plan_run *ret_run,
		  struct evp_err *err)
{
	struct evp_plan_column *c;
	bool same = !p->first;
	uint64_t end;
	size_t i, k;
	int rc;

again:
	if (row >= p->nrows)
		return 0;
	end = p->nrows;
	for (i = 0; i < p->ncolumns; i++) {
		c = &p->columns[i];
		if (!c->walked)
			continue;
		if (row >= c->end) {
			rc = run_at(p, c, row, err);
			if (rc)
				return rc;
		}
		if (!c->pass[c->index]) {
			row = c->end;
			goto again;
		}
		if (c->end < end)
			end = c->end;
	}
	for (i = 0; i < p->ncolumns; i++) {
		c = &p->columns[i];
		for (k = 0; c->walked && k < c->nlabels; k++) {
			uint32_t v = c->value[c->index * c->nlabels + k];

			same = same && p->value[c->labels[k]] == v;
			p->value[c->labels[k]] = v;
		}
	}
	p->first = false;
	*ret_run = (struct evp_plan_run){ row, end, same };
	return 1;
}
