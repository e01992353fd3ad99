// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "base/text.h"
#include "profile/sums.h"
#include "view/top.h"

int evp_top_compare(const struct evp_profile *p, uint32_t a, uint32_t b)
{
	return evp_bytes_compare(evp_profile_text(p, a), evp_profile_text(p, b));
}

void evp_top_column(struct evp_top *t, const char *key, const char *head, enum evp_column_kind kind)
{
	t->column[t->table.ncolumns++] = (struct evp_column){ key, head, kind, t->unit };
}

void evp_top_name(struct evp_top *t, uint32_t frame, size_t indent)
{
	const struct evp_frame *f = &t->p->frames[frame];
	const struct evp_bytes *name = evp_profile_text(t->p, f->name);
	const struct evp_bytes *module = evp_profile_text(t->p, f->module);

	evp_table_text(&t->table, module->ptr, module->len);
	evp_table_indented(&t->table, name->ptr, name->len, indent);
}

void evp_top_amount(struct evp_top *t, int64_t v, int64_t of)
{
	evp_table_number(&t->table, v);
	evp_table_share(&t->table, of ? (double)v / (double)of : 0);
}

static int64_t grand_total(const struct evp_profile *p, size_t type)
{
	int64_t sum = 0;

	for (size_t v = 0; v < p->nnodes; v++)
		sum += p->self[v * p->ntypes + type];
	return sum;
}

/* Share of the total whose leaf has no symbol. */
static double nameless_share(const struct evp_top *t)
{
	int64_t sum = 0;

	for (size_t v = 1; v < t->p->nnodes; v++)
		if (t->p->frames[t->p->frame[v]].nameless)
			sum += t->p->self[v * t->p->ntypes + t->type];
	return t->total ? (double)sum / (double)t->total : 0;
}

static double ratio(int64_t part, int64_t whole)
{
	return whole > 0 ? (double)part / (double)whole : 0;
}

static int64_t samples_of(const struct evp_profile *p)
{
	return p->samples_type < p->ntypes ? grand_total(p, p->samples_type) : 0;
}

/* Imported text has no time: all of it is at 0. */
static bool has_time(const struct evp_profile *p)
{
	return p->from_ns <= p->to_ns && p->to_ns != 0;
}

static void describe(const struct evp_origin *s, const struct evp_top *t, struct evp_str *out)
{
	const struct evp_profile *p = t->p;
	int64_t samples = samples_of(p);
	double nameless = nameless_share(t);
	struct evp_str nodes = { 0 };

	if (p->event) {
		evp_str_printf(out, "%s: ", p->event);
		evp_format_value(out, t->total, t->unit);
		if (t->type != p->samples_type)
			evp_str_printf(out, " %s in %lld", p->types[t->type].type,
				       (long long)samples);
	}
	evp_str_puts(out, p->event ? " samples" : "no samples");
	if (has_time(p)) {
		evp_str_puts(out, " over ");
		evp_format_duration(out, p->from_ns, p->to_ns);
		evp_str_puts(out, " from ");
		evp_format_time(out, evp_whole_second(p->from_ns));
	}
	evp_origin_nodes(s, &nodes);
	if (nodes.len) {
		evp_str_puts(out, " on ");
		evp_escape(out, nodes.buf, nodes.len);
	}
	evp_str_release(&nodes);
	evp_str_printf(out, "\nlost %lld (%.2f%%), cut stacks %.2f%%, no symbol %.2f%%%s\n",
		       (long long)p->lost_samples,
		       100 * ratio(p->lost_samples, evp_sum(p->lost_samples, samples)),
		       100 * ratio(p->cut_samples, samples), 100 * nameless,
		       nameless > 0.2 && !s->symbolized ? " (evp-symbolize may help)" : "");
	if (p->other_events)
		evp_str_printf(out, "%llu records of other events left out (--type)\n",
			       (unsigned long long)p->other_events);
}

static void describe_focus(const struct evp_top *t, struct evp_str *out)
{
	if (!t->o->function)
		return;
	evp_str_puts(out, t->o->mode == EVP_TOP_CALLERS ? "callers of " : "callees of ");
	evp_escape(out, t->o->function, strlen(t->o->function));
	evp_str_puts(out, ": flat ");
	evp_format_value(out, t->focus_flat, t->unit);
	evp_str_puts(out, ", cum ");
	evp_format_value(out, t->focus_cum, t->unit);
	evp_str_printf(out, " (%.2f%%)\n", 100 * ratio(t->focus_cum, t->total));
}

static int write_text(const struct evp_origin *s, const struct evp_top *t, struct evp_out *out)
{
	size_t shown = t->table.ncells / t->table.ncolumns;
	struct evp_str head = { 0 }, foot = { 0 };
	int rc;

	describe(s, t, &head);
	describe_focus(t, &head);
	evp_str_putc(&head, '\n');
	if (shown < t->rows)
		evp_str_printf(&foot, "... %zu of %zu rows shown, -n 0 for all\n", shown, t->rows);
	rc = head.oom || foot.oom ? -ENOMEM : evp_out_write(out, head.buf, head.len);
	if (!rc)
		rc = evp_table_print(&t->table, out, &t->o->style);
	if (!rc && foot.len)
		rc = evp_out_write(out, foot.buf, foot.len);
	evp_str_release(&head);
	evp_str_release(&foot);
	return rc;
}

static json_t *time_json(int64_t ns)
{
	struct evp_str s = { 0 };
	json_t *j;

	evp_format_time(&s, ns);
	j = s.oom ? NULL : json_stringn(s.buf, s.len);
	evp_str_release(&s);
	return j;
}

static json_t *nodes_json(const struct evp_origin *s)
{
	json_t *a = json_array();

	for (size_t i = 0; a && i < s->nodes.n; i++)
		json_array_append_new(a, evp_json_text(s->nodes.item[i].ptr, s->nodes.item[i].len));
	return a;
}

static int write_json(const struct evp_origin *s, const struct evp_top *t, struct evp_out *out)
{
	const struct evp_profile *p = t->p;
	json_t *j = json_object(), *rows = evp_table_json(&t->table);
	int bad = !j || !rows;

	bad |= json_object_set_new(j, "event", p->event ? json_string(p->event) : json_null());
	bad |= json_object_set_new(j, "type",
				   json_string(t->type < p->ntypes ? p->types[t->type].type : ""));
	bad |= json_object_set_new(j, "unit", json_string(t->unit ? t->unit : ""));
	bad |= json_object_set_new(j, "total", json_integer(t->total));
	bad |= json_object_set_new(j, "samples", json_integer(samples_of(p)));
	if (has_time(p)) {
		bad |= json_object_set_new(j, "from", time_json(p->from_ns));
		bad |= json_object_set_new(j, "to", time_json(p->to_ns));
	}
	bad |= json_object_set_new(j, "nodes", nodes_json(s));
	bad |= json_object_set_new(j, "lost_samples", json_integer(p->lost_samples));
	bad |= json_object_set_new(j, "cut_samples", json_integer(p->cut_samples));
	bad |= json_object_set_new(j, "no_symbol_share", json_real(nameless_share(t)));
	if (t->o->function) {
		bad |= json_object_set_new(j, "flat", json_integer(t->focus_flat));
		bad |= json_object_set_new(j, "cum", json_integer(t->focus_cum));
	}
	bad |= json_object_set_new(j, "rows", rows);
	if (bad) {
		json_decref(j);
		return -ENOMEM;
	}
	return evp_json_print(j, out);
}

static int build(struct evp_top *t, struct evp_err *err)
{
	switch (t->o->mode) {
	case EVP_TOP_CALLERS:
	case EVP_TOP_CALLEES:
		return evp_top_edges(t, err);
	case EVP_TOP_TREE:
		return evp_top_tree(t, err);
	default:
		return evp_top_functions(t, err);
	}
}

int evp_top(const struct evp_origin *s, const struct evp_top_opts *o, struct evp_out *out,
	    struct evp_err *err)
{
	struct evp_top t = { .p = s->profile, .o = o };
	int rc;

	t.type = o->value ? evp_profile_type_index(t.p, o->value) : evp_profile_default_type(t.p);
	if (o->value && t.p->event && t.type >= t.p->ntypes)
		return evp_fail(err, EINVAL, "no value '%s' in event '%s'", o->value, t.p->event);
	if (t.type < t.p->ntypes) {
		t.unit = t.p->types[t.type].unit;
		t.total = grand_total(t.p, t.type);
	}
	t.column = calloc(o->nby + 8, sizeof(*t.column));
	if (!t.column)
		return evp_fail_oom(err);
	t.table.column = t.column;
	rc = build(&t, err);
	if (rc == 0) {
		if (o->format == EVP_TABLE_JSON)
			rc = write_json(s, &t, out);
		else if (o->format == EVP_TABLE_TSV)
			rc = evp_table_tsv(&t.table, out);
		else
			rc = write_text(s, &t, out);
		if (rc)
			rc = evp_fail_errno(err, -rc, "cannot write");
	}
	evp_table_release(&t.table);
	free(t.column);
	return rc;
}
