// SPDX-License-Identifier: GPL-2.0-or-later
/* From a sample's process and label set to the label columns of its row. */
#define _GNU_SOURCE
#include <string.h>
#include <xxhash.h>

#include "base/text.h"
#include "store/pool.h"
#include "stream/service.h"

/* Raw (unescaped) values of the columns NODE..COMM while a set is put together. */
struct values {
	struct evp_str of[EVP_POOL_STRINGS];
};

#define VALUE(v, col) (&(v)->of[(col)-EVP_COL_NODE])

static struct evp_bytes bytes_of(const struct evp_str *s)
{
	return (struct evp_bytes){ s->buf, s->len };
}

/* evp-store(5), "LABELS": what `service` is where no label says it. */
static void derive_service(struct values *v)
{
	struct evp_str *service = VALUE(v, EVP_COL_SERVICE);
	struct evp_bytes name;

	if (service->len)
		return;
	name = evp_service_name(
		&(struct evp_service_from){ .unit = bytes_of(VALUE(v, EVP_COL_UNIT)),
					    .container = bytes_of(VALUE(v, EVP_COL_CONTAINER)),
					    .pod = bytes_of(VALUE(v, EVP_COL_POD)),
					    .exe = bytes_of(VALUE(v, EVP_COL_EXE)),
					    .comm = bytes_of(VALUE(v, EVP_COL_COMM)) });
	if (name.len)
		evp_str_add(service, name.ptr, name.len);
}

static bool small_number(const struct evp_str *text, int32_t *ret_v)
{
	uint64_t v;

	if (!text->len || (text->buf[0] == '0' && text->len > 1) || evp_parse_u64(text->buf, &v) ||
	    v > INT32_MAX)
		return false;
	*ret_v = (int32_t)v;
	return true;
}

static void add_json_text(struct evp_str *json, struct evp_str *escaped,
			  const struct evp_bytes *value)
{
	size_t i;

	evp_str_clear(escaped);
	evp_escape(escaped, value->ptr, value->len);
	evp_str_putc(json, '"');
	for (i = 0; i < escaped->len; i++) { /* evp_escape left no control byte */
		if (escaped->buf[i] == '"' || escaped->buf[i] == '\\')
			evp_str_putc(json, '\\');
		evp_str_putc(json, escaped->buf[i]);
	}
	evp_str_putc(json, '"');
	json->oom |= escaped->oom;
}

/* The labels that have no column of their own, or do not fit the one they have. */
static void add_json(struct evp_pool *p, const struct evp_tables *t, uint32_t labels,
		     uint32_t unfit, struct evp_str *json)
{
	const struct evp_label_set *set = &t->label_sets[labels];
	uint32_t i;

	evp_str_putc(json, '{');
	for (i = 0; i < set->n; i++) {
		const struct evp_label *l = &set->labels[i];
		const struct evp_bytes *key = evp_string(t, l->key);
		enum evp_segment_column col = evp_segment_label_column(key->ptr, key->len);

		if (col != EVP_COLS && !(unfit >> col & 1))
			continue;
		if (json->len > 1)
			evp_str_putc(json, ',');
		evp_str_putc(json, '"');
		evp_str_add(json, key->ptr, key->len);
		evp_str_puts(json, "\":");
		if (l->is_number)
			evp_str_i64(json, l->number);
		else
			add_json_text(json, &p->scratch, evp_string(t, l->text));
	}
	evp_str_putc(json, '}');
}

static int intern_set(struct evp_pool *p, const struct evp_pool_labels *set, uint32_t *ret_id)
{
	uint64_t h[EVP_POOL_STRINGS + 3];
	size_t i;

	for (i = 0; i < EVP_POOL_STRINGS; i++)
		h[i] = p->strings.hash[set->text[i]];
	h[i++] = p->strings.hash[set->json];
	h[i++] = (uint64_t)(uint32_t)set->number[0] << 32 | (uint32_t)set->number[1];
	h[i++] = (uint32_t)set->number[2];
	return evp_pool_intern(&p->labels, set, sizeof(*set), XXH3_64bits(h, sizeof(h)), ret_id);
}

int evp_pool_label_set(struct evp_pool *p, const struct evp_tables *t, uint32_t process,
		       uint32_t labels, uint32_t *ret_id)
{
	struct evp_pool_labels set = { .number = { -1, -1, -1 } };
	struct values v = { 0 };
	struct evp_str text = { 0 };
	uint32_t unfit = 0;
	int col, rc = 0;

	for (col = EVP_COL_NODE; col <= EVP_COL_COMM; col++)
		evp_label_value(t, process, labels, evp_segment_fields[col].name,
				strlen(evp_segment_fields[col].name), VALUE(&v, col));
	derive_service(&v);
	for (col = EVP_COL_NODE; !rc && col <= EVP_COL_COMM; col++) {
		evp_str_clear(&text);
		if (VALUE(&v, col)->len)
			evp_escape(&text, VALUE(&v, col)->buf, VALUE(&v, col)->len);
		rc = text.oom || VALUE(&v, col)->oom
			     ? -ENOMEM
			     : evp_pool_string(p, text.len ? text.buf : "", text.len,
					       &set.text[col - EVP_COL_NODE]);
	}
	for (col = EVP_COL_PID; !rc && col <= EVP_COL_CPU; col++) {
		evp_str_clear(&text);
		if (evp_label_value(t, process, labels, evp_segment_fields[col].name, 3, &text) &&
		    !small_number(&text, &set.number[col - EVP_COL_PID]))
			unfit |= 1u << col;
	}
	evp_str_clear(&text);
	if (!rc)
		add_json(p, t, labels, unfit, &text);
	if (!rc)
		rc = text.oom ? -ENOMEM : evp_pool_string(p, text.buf, text.len, &set.json);
	if (!rc)
		rc = intern_set(p, &set, ret_id);
	for (col = 0; col < (int)EVP_POOL_STRINGS; col++)
		evp_str_release(&v.of[col]);
	evp_str_release(&text);
	return rc;
}
