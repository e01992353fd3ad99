// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE /* memmem */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "flame_html.h"
#include "flame_js.h"
#include "view/flame.h"
#include "base/table.h"

#define TABLE_ROWS 100

struct page {
	const struct evp_origin *s;
	const struct evp_profile *p;
	size_t type;
	int64_t total, samples;
	struct evp_str title, about, table, data;
};

static void add_html(struct evp_str *out, const char *bytes, size_t len)
{
	struct evp_str plain = { 0 };

	evp_plain_text(&plain, bytes, len);
	for (size_t i = 0; i < plain.len; i++) {
		switch (plain.buf[i]) {
		case '<':
			evp_str_puts(out, "&lt;");
			break;
		case '>':
			evp_str_puts(out, "&gt;");
			break;
		case '&':
			evp_str_puts(out, "&amp;");
			break;
		case '"':
			evp_str_puts(out, "&quot;");
			break;
		default:
			evp_str_putc(out, plain.buf[i]);
		}
	}
	out->oom |= plain.oom;
	evp_str_release(&plain);
}

static void add_html_string(struct evp_str *out, const struct evp_profile *p, uint32_t id)
{
	const struct evp_bytes *b = evp_profile_text(p, id);

	add_html(out, b->ptr, b->len);
}

static int64_t sum_of(const struct evp_profile *p, size_t type)
{
	int64_t sum = 0;

	for (size_t v = 0; type < p->ntypes && v < p->nnodes; v++)
		sum += p->self[v * p->ntypes + type];
	return sum;
}

static void add_warnings(struct page *g)
{
	const struct evp_profile *p = g->p;
	double due = (double)g->samples + (double)p->lost_samples;

	if (p->lost_samples)
		evp_str_printf(&g->about,
			       " · <span class=\"warn\">%lld samples lost (%.2f %%)</span>",
			       (long long)p->lost_samples, 100 * (double)p->lost_samples / due);
	if (p->cut_samples && g->samples)
		evp_str_printf(&g->about, " · <span class=\"warn\">%.2f %% of stacks cut</span>",
			       100 * (double)p->cut_samples / (double)g->samples);
	if (p->other_events)
		evp_str_printf(&g->about, " · %llu records of other events left out",
			       (unsigned long long)p->other_events);
}

/* "cpu · 4012 samples · 10 s from 2026-11-21T11:30:00Z · host1", and what is missing. */
static void make_about(struct page *g)
{
	const struct evp_profile *p = g->p;
	struct evp_str part = { 0 };

	if (p->event)
		add_html(&g->about, p->event, strlen(p->event));
	evp_str_puts(&g->about, p->event ? " · " : "no samples");
	if (g->type != p->samples_type && g->type < p->ntypes) {
		evp_format_value(&g->about, g->total, p->types[g->type].unit);
		evp_str_putc(&g->about, ' ');
		add_html(&g->about, p->types[g->type].type, strlen(p->types[g->type].type));
		evp_str_puts(&g->about, " in ");
	}
	if (p->event)
		evp_str_printf(&g->about, "%lld samples", (long long)g->samples);
	if (p->from_ns <= p->to_ns && p->to_ns != 0) {
		evp_str_puts(&g->about, " · ");
		evp_format_duration(&g->about, p->from_ns, p->to_ns);
		evp_str_puts(&g->about, " from ");
		evp_format_time(&g->about, evp_whole_second(p->from_ns));
	}
	evp_origin_nodes(g->s, &part);
	if (part.len) {
		evp_str_puts(&g->about, " · ");
		add_html(&g->about, part.buf, part.len);
	}
	g->about.oom |= part.oom;
	evp_str_release(&part);
	add_warnings(g);
}

static void add_row(struct page *g, const struct evp_profile_row *row)
{
	const struct evp_frame *f = &g->p->frames[row->frame];
	const char *unit = g->p->types[g->type].unit;
	double whole = g->total ? (double)g->total : 1;

	evp_str_puts(&g->table, "<tr><td>");
	evp_format_value(&g->table, row->flat, unit);
	evp_str_printf(&g->table, "<td>%.2f %%<td>", 100 * (double)row->flat / whole);
	evp_format_value(&g->table, row->cum, unit);
	evp_str_printf(&g->table, "<td>%.2f %%<td>", 100 * (double)row->cum / whole);
	add_html_string(&g->table, g->p, f->name);
	evp_str_puts(&g->table, "<td>");
	add_html_string(&g->table, g->p, f->module);
	evp_str_putc(&g->table, '\n');
}

static int make_table(struct page *g, struct evp_err *err)
{
	struct evp_profile_row *row = NULL;
	size_t n = 0, shown;
	int64_t total;
	int rc = 0;

	if (g->type < g->p->ntypes)
		rc = evp_profile_rows(g->p, g->type, &row, &n, &total, err);
	if (rc)
		return rc;
	shown = n < TABLE_ROWS ? n : TABLE_ROWS;
	evp_str_printf(&g->table,
		       "<table><caption>The %zu functions with the most of their own, of "
		       "%zu</caption>\n<thead><tr><th scope=\"col\">self<th scope=\"col\">%%"
		       "<th scope=\"col\">total<th scope=\"col\">%%<th scope=\"col\">function"
		       "<th scope=\"col\">module</thead>\n<tbody>\n",
		       shown, n);
	for (size_t i = 0; i < shown; i++)
		add_row(g, &row[i]);
	evp_str_puts(&g->table, "</tbody></table>");
	free(row);
	return 0;
}

static const struct evp_str *place(const struct page *g, const char *name, size_t len)
{
	static const struct {
		const char *name;
		size_t at;
	} places[] = {
		{ "TITLE", offsetof(struct page, title) },
		{ "ABOUT", offsetof(struct page, about) },
		{ "TABLE", offsetof(struct page, table) },
		{ "DATA", offsetof(struct page, data) },
	};

	for (size_t i = 0; i < EVP_ARRAY_SIZE(places); i++)
		if (strlen(places[i].name) == len && memcmp(places[i].name, name, len) == 0)
			return (const struct evp_str *)((const char *)g + places[i].at);
	return NULL;
}

/* The template with its {{PLACES}} filled; whatever is filled in is not looked at again. */
static int write_page(const struct page *g, struct evp_out *out)
{
	const char *at = (const char *)flame_html, *end = at + sizeof(flame_html), *open;
	int rc = 0;

	while (!rc && (open = memmem(at, (size_t)(end - at), "{{", 2))) {
		const char *close = memmem(open, (size_t)(end - open), "}}", 2);
		const struct evp_str *text = place(g, open + 2, (size_t)(close - open - 2));

		rc = evp_out_write(out, at, (size_t)(open - at));
		if (!rc && text)
			rc = evp_out_write(out, text->buf ? text->buf : "", text->len);
		else if (!rc)
			rc = evp_out_write(out, flame_js, sizeof(flame_js));
		at = close + 2;
	}
	return rc ? rc : evp_out_write(out, at, (size_t)(end - at));
}

int evp_flame(const struct evp_origin *s, const struct evp_flame_opts *o, struct evp_out *out,
	      struct evp_err *err)
{
	struct page g = { .s = s, .p = s->profile };
	const char *event = g.p->event ? g.p->event : "no";
	int rc;

	g.type = o->value ? evp_profile_type_index(g.p, o->value) : evp_profile_default_type(g.p);
	if (o->value && g.p->event && g.type >= g.p->ntypes)
		return evp_fail(err, EINVAL, "no value '%s' in event '%s'", o->value, event);
	g.total = sum_of(g.p, g.type);
	g.samples = sum_of(g.p, g.p->samples_type);
	if (o->title) {
		add_html(&g.title, o->title, strlen(o->title));
	} else {
		add_html(&g.title, event, strlen(event));
		evp_str_puts(&g.title, " profile");
	}
	make_about(&g);
	rc = make_table(&g, err);
	if (!rc)
		rc = evp_flame_pack(g.p, g.type, &g.data, err);
	if (!rc && (g.title.oom || g.about.oom || g.table.oom))
		rc = evp_fail_oom(err);
	if (!rc && (rc = write_page(&g, out)))
		evp_fail_errno(err, -rc, "cannot write");
	evp_str_release(&g.title);
	evp_str_release(&g.about);
	evp_str_release(&g.table);
	evp_str_release(&g.data);
	return rc;
}
