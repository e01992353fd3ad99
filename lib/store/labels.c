// SPDX-License-Identifier: GPL-2.0-or-later
/* From a sample's process and label set to the label columns of its row. */
#define _GNU_SOURCE
#include <string.h>
#include <xxhash.h>

#include "base/text.h"
#include "store/pool.h"

/* Raw (unescaped) values of the columns NODE..COMM while a set is put together. */
struct values {
	struct evp_str of[EVP_POOL_STRINGS];
};

#define VALUE(v, col) (&(v)->of[(col)-EVP_COL_NODE])

static size_t base_name(const struct evp_str *path)
{
	size_t i = path->len;

	while (i > 0 && path->buf[i - 1] != '/')
		i--;
	return i;
}

/* "nginx@1.service" -> "nginx" */
static size_t unit_stem(const char *unit, size_t len)
{
	const char *dot = memrchr(unit, '.', len), *at;

	if (dot && dot > unit)
		len = (size_t)(dot - unit);
	at = memchr(unit, '@', len);
	return at && at > unit ? (size_t)(at - unit) : len;
}

static bool is_container_id(const struct evp_str *s)
{
	return s->len >= 12 && strspn(s->buf, "0123456789abcdef") == s->len;
}

/* A pod name's last component, where it looks made up: "-7b8dc", "-3cd120b5", "-0". */
static size_t strip_component(const char *pod, size_t len)
{
	size_t i = len, digits = 0;

	for (; i > 0 && pod[i - 1] != '-'; i--) {
		bool digit = pod[i - 1] >= '0' && pod[i - 1] <= '9';

		if (!digit && !(pod[i - 1] >= 'a' && pod[i - 1] <= 'z'))
			return len;
		digits += digit;
	}
	if (i < 2 || (digits != len - i && (len - i < 5 || len - i > 10 || !digits)))
		return len;
	return i - 1;
}

static size_t pod_stem(const struct evp_str *pod)
{
	size_t len = strip_component(pod->buf, pod->len);

	return len == pod->len ? len : strip_component(pod->buf, len);
}

/* evp-store(5), "LABELS": what `service` is where no label says it. */
static void derive_service(struct values *v)
{
	struct evp_str *service = VALUE(v, EVP_COL_SERVICE);
	const struct evp_str *unit = VALUE(v, EVP_COL_UNIT), *pod = VALUE(v, EVP_COL_POD);
	const struct evp_str *container = VALUE(v, EVP_COL_CONTAINER), *exe = VALUE(v, EVP_COL_EXE);
	const struct evp_str *comm = VALUE(v, EVP_COL_COMM);

	if (service->len)
		return;
	if (unit->len)
		evp_str_add(service, unit->buf, unit_stem(unit->buf, unit->len));
	else if (container->len && !is_container_id(container))
		evp_str_add(service, container->buf, container->len);
	else if (pod->len)
		evp_str_add(service, pod->buf, pod_stem(pod));
	else if (exe->len && base_name(exe) < exe->len)
		evp_str_add(service, exe->buf + base_name(exe), exe->len - base_name(exe));
	else if (comm->len)
		evp_str_add(service, comm->buf, comm->len);
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
