// SPDX-License-Identifier: GPL-2.0-or-later
#include "query/query.h"

#include <string.h>

#include "base/varint.h"

int evp_query_open(struct evp_catalog **ret_c, const char *dir, const struct evp_query *q,
		   const char *type, struct evp_err *err)
{
	bool named = q->selector && q->selector->type;
	struct evp_catalog_filter f = { .type = named ? q->selector->type : type,
					.from_ns = q->from_ns,
					.to_ns = q->to_ns };

	return evp_catalog_open(ret_c, dir, &f, err);
}

/* ---- the id ---- */

static void add_number(struct evp_str *s, int64_t v)
{
	evp_str_i64(s, v);
	evp_str_putc(s, ';');
}

/* With its length, so that no two questions have the same bytes. */
static void add_text(struct evp_str *s, const char *bytes, size_t len)
{
	add_number(s, (int64_t)len);
	evp_str_add(s, bytes, len);
}

static void add_selector(struct evp_str *s, const struct evp_selector *sel)
{
	size_t i;

	add_number(s, sel ? (int64_t)sel->n : 0);
	for (i = 0; sel && i < sel->n; i++) {
		add_text(s, sel->matchers[i].label, strlen(sel->matchers[i].label));
		add_number(s, sel->matchers[i].op);
		add_text(s, sel->matchers[i].value, sel->matchers[i].value_len);
	}
}

void evp_query_id(const struct evp_query *q, const struct evp_catalog *c, bool raw,
		  uint8_t ret_id[16])
{
	struct evp_str s = { 0 };
	size_t i;

	add_selector(&s, q->selector);
	add_number(&s, q->from_ns);
	add_number(&s, q->to_ns);
	add_number(&s, raw ? -1 : q->step_ns);
	for (i = 0; i < q->nby; i++)
		add_text(&s, q->by[i], strlen(q->by[i]));
	for (i = 0; i < q->nfilters; i++) {
		const char *pattern = evp_regex_pattern(q->filters[i].regex);

		add_number(&s, q->filters[i].frames * 2 + q->filters[i].negate);
		add_text(&s, pattern, strlen(pattern));
	}
	for (i = 0; i < c->n; i++)
		add_text(&s, c->item[i].path, strlen(c->item[i].path));
	evp_put_le64(ret_id, evp_hash_bytes(s.buf, s.len));
	add_text(&s, "second half", 11);
	evp_put_le64(ret_id + 8, evp_hash_bytes(s.buf, s.len));
	evp_str_release(&s);
}
