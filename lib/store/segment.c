// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "store/segment.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

const struct evp_pq_field evp_segment_fields[EVP_COLS] = {
	[EVP_COL_TS] = { "ts", EVP_PQ_TIME_MS },
	[EVP_COL_DURATION_MS] = { "duration_ms", EVP_PQ_INT64 },
	[EVP_COL_NODE] = { "node", EVP_PQ_STRING },
	[EVP_COL_SERVICE] = { "service", EVP_PQ_STRING },
	[EVP_COL_NAMESPACE] = { "namespace", EVP_PQ_STRING },
	[EVP_COL_POD] = { "pod", EVP_PQ_STRING },
	[EVP_COL_CONTAINER] = { "container", EVP_PQ_STRING },
	[EVP_COL_UNIT] = { "unit", EVP_PQ_STRING },
	[EVP_COL_CGROUP] = { "cgroup", EVP_PQ_STRING },
	[EVP_COL_EXE] = { "exe", EVP_PQ_STRING },
	[EVP_COL_COMM] = { "comm", EVP_PQ_STRING },
	[EVP_COL_PID] = { "pid", EVP_PQ_INT32 },
	[EVP_COL_TID] = { "tid", EVP_PQ_INT32 },
	[EVP_COL_CPU] = { "cpu", EVP_PQ_INT32 },
	[EVP_COL_LABELS] = { "labels", EVP_PQ_STRING },
	[EVP_COL_SAMPLES] = { "samples", EVP_PQ_INT64 },
	[EVP_COL_VALUE] = { "value", EVP_PQ_INT64 },
	[EVP_COL_STACK] = { "stack", EVP_PQ_STRING },
	[EVP_COL_VARIANT] = { "variant", EVP_PQ_INT32 },
};

enum evp_segment_column evp_segment_label_column(const char *name, size_t len)
{
	int i;

	for (i = EVP_COL_NODE; i <= EVP_COL_CPU; i++)
		if (strlen(evp_segment_fields[i].name) == len &&
		    !memcmp(evp_segment_fields[i].name, name, len))
			return (enum evp_segment_column)i;
	return EVP_COLS;
}

/* ---- the footer's metadata ---- */

static char *meta_text(struct evp_store_segment *s, const char *key)
{
	const struct evp_bytes *b = evp_pq_meta(s->file, key);

	return evp_arena_dup(&s->arena, b ? b->ptr : "", b ? b->len : 0);
}

/* A whole number, or -1 where the key is absent or something else. */
static int meta_int(struct evp_store_segment *s, const char *key, int64_t *ret_v)
{
	char *text = meta_text(s, key);

	return text ? evp_parse_i64(text, ret_v) : -ENOMEM;
}

static struct evp_bytes meta_bytes(const struct evp_store_segment *s, const char *key)
{
	const struct evp_bytes *b = evp_pq_meta(s->file, key);

	return b ? *b : (struct evp_bytes){ "", 0 };
}

/* "offset,length,crc": decimal, decimal, 8 hex digits. */
static bool take_blob(struct evp_store_segment *s)
{
	struct evp_segment_info *i = &s->info;
	char *text = meta_text(s, "evp.blob"), *end;
	uint64_t crc;

	if (!text || !*text)
		return text != NULL;
	i->blob_offset = strtoull(text, &end, 10);
	if (*end++ != ',')
		return false;
	i->blob_len = strtoull(end, &end, 10);
	if (*end++ != ',')
		return false;
	crc = strtoull(end, &end, 16);
	i->blob_crc = (uint32_t)crc;
	return !*end && crc <= UINT32_MAX && i->blob_offset <= s->file->footer_offset &&
	       i->blob_len <= s->file->footer_offset - i->blob_offset;
}

static bool columns_fit(const struct evp_pq_file *f)
{
	size_t i;

	for (i = 0; i < EVP_COLS; i++)
		if (f->nfields != EVP_COLS ||
		    strcmp(f->fields[i].name, evp_segment_fields[i].name) ||
		    f->fields[i].type != evp_segment_fields[i].type)
			return false;
	return true;
}

static int take_info(struct evp_store_segment *s, const char *path, struct evp_err *err)
{
	struct evp_segment_info *i = &s->info;
	int64_t schema, level = 0;

	if (!evp_pq_meta(s->file, "evp.schema") || meta_int(s, "evp.schema", &schema))
		return evp_fail(err, EBADMSG, "'%s': a Parquet file, but no segment", path);
	if (schema != EVP_SEGMENT_SCHEMA)
		return evp_fail(err, EPROTONOSUPPORT, "'%s': schema %lld, this program reads %d",
				path, (long long)schema, EVP_SEGMENT_SCHEMA);
	i->schema = (int)schema;
	i->rows = s->file->nrows;
	i->type = meta_text(s, "evp.type");
	i->unit = meta_text(s, "evp.unit");
	i->period_type = meta_text(s, "evp.period.type");
	i->period_unit = meta_text(s, "evp.period.unit");
	i->streams = meta_bytes(s, "evp.streams");
	i->replaces = meta_bytes(s, "evp.replaces");
	if (!i->type || !i->unit || !i->period_type || !i->period_unit)
		return evp_fail_oom(err);
	if (meta_int(s, "evp.period", &i->period))
		i->period = 0;
	if (meta_int(s, "evp.lost", &i->lost_samples))
		i->lost_samples = 0;
	if (!*i->type || meta_int(s, "evp.from", &i->from_ms) || meta_int(s, "evp.to", &i->to_ms) ||
	    meta_int(s, "evp.samples", &i->samples) || meta_int(s, "evp.value", &i->value) ||
	    meta_int(s, "evp.level", &level) || level < 0 || level > 9 || !take_blob(s) ||
	    !columns_fit(s->file))
		return evp_fail(err, EBADMSG, "'%s': metadata or columns that no segment has",
				path);
	i->level = (int)level;
	return 0;
}

int evp_segment_open(struct evp_store_segment **ret_s, int dirfd, const char *path,
		     struct evp_err *err)
{
	struct evp_store_segment *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return evp_fail_oom(err);
	rc = evp_pq_open(&s->file, dirfd, path, err);
	if (!rc)
		rc = take_info(s, path, err);
	if (rc) {
		evp_segment_close(s);
		return rc;
	}
	*ret_s = s;
	return 0;
}

void evp_segment_close(struct evp_store_segment *s)
{
	if (!s)
		return;
	evp_pq_close(s->file);
	evp_arena_release(&s->arena);
	free(s);
}

int evp_segment_column(const struct evp_store_segment *s, size_t group, enum evp_segment_column col,
		       struct evp_pq_column *c, struct evp_err *err)
{
	int rc = evp_pq_column_open(c, s->file, group, col, err);

	return rc ? rc : evp_pq_column_dictionary(c, err);
}

/* ---- labels ---- */

void evp_segment_label_text(const struct evp_pq_column *c, size_t i, struct evp_str *out)
{
	if (c->dict)
		evp_unescape(out, c->dict[i].ptr, c->dict[i].len);
	else if (c->dict_ints && c->dict_ints[i] != EVP_SEGMENT_ABSENT)
		evp_str_i64(out, c->dict_ints[i]);
}

int evp_segment_labels_each(const struct evp_bytes *json,
			    int (*fn)(void *arg, const char *key, size_t key_len, const char *value,
				      size_t value_len),
			    void *arg)
{
	json_t *root, *value;
	struct evp_str text = { 0 };
	const char *key;
	int rc = 0;

	if (json->len == 2 && !memcmp(json->ptr, "{}", 2))
		return 0;
	root = json_loadb(json->ptr, json->len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(root)) {
		json_decref(root);
		return -EBADMSG;
	}
	json_object_foreach(root, key, value)
	{
		evp_str_clear(&text);
		if (json_is_string(value))
			evp_unescape(&text, json_string_value(value), json_string_length(value));
		else if (json_is_integer(value))
			evp_str_i64(&text, json_integer_value(value));
		else
			rc = -EBADMSG;
		if (text.oom)
			rc = -ENOMEM;
		if (!rc)
			rc = fn(arg, key, strlen(key), text.len ? text.buf : "", text.len);
		if (rc)
			break;
	}
	evp_str_release(&text);
	json_decref(root);
	return rc;
}

struct wanted {
	const char *key;
	size_t key_len;
	struct evp_str *out;
};

static int take_wanted(void *arg, const char *key, size_t key_len, const char *value,
		       size_t value_len)
{
	struct wanted *w = arg;

	if (key_len != w->key_len || memcmp(key, w->key, key_len))
		return 0;
	evp_str_add(w->out, value, value_len);
	return 1;
}

bool evp_segment_label_json(const struct evp_bytes *json, const char *key, size_t key_len,
			    struct evp_str *out)
{
	struct wanted w = { key, key_len, out };

	return evp_segment_labels_each(json, take_wanted, &w) == 1;
}

/* ---- the order of stacks ---- */

static size_t common_prefix(const char *a, const char *b, size_t n)
{
	size_t i = 0;
	uint64_t x, y;

	for (; i + 8 <= n; i += 8) {
		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		if (x != y)
			break;
	}
	while (i < n && a[i] == b[i])
		i++;
	return i;
}

int evp_stack_compare(const struct evp_bytes *a, const struct evp_bytes *b)
{
	size_t n = a->len < b->len ? a->len : b->len, i = common_prefix(a->ptr, b->ptr, n),
	       back = i;
	unsigned char x, y;

	if (i == n)
		return (a->len > b->len) - (a->len < b->len);
	x = (unsigned char)a->ptr[i];
	y = (unsigned char)b->ptr[i];
	if (x == ';' || y == ';') {
		while (back > 0 && a->ptr[back - 1] == '\\')
			back--;
		if ((i - back) % 2 == 0)
			return x == ';' ? -1 : 1;
	}
	return x < y ? -1 : 1;
}
