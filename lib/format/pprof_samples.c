// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/pprof_samples.h"

#include <stdlib.h>
#include <string.h>

#include "format/pprof_proto.h"
#include "format/protobuf.h"

int evp_pprof_samples_init(struct evp_pprof_samples *p, struct evp_pprof_tables *tables,
			   const struct evp_pprof_opts *opts)
{
	*p = (struct evp_pprof_samples){ .tables = tables, .opts = opts };
	if (evp_grow(&p->node, &p->cnodes, 1, sizeof(*p->node)))
		return -ENOMEM;
	p->node[p->nnodes++] = (struct evp_pprof_node){ 0 };
	return 0;
}

void evp_pprof_samples_release(struct evp_pprof_samples *p)
{
	evp_interner_release(&p->label_sets);
	evp_map_release(&p->stacks);
	evp_map_release(&p->index);
	evp_map_release(&p->label_memo);
	evp_str_release(&p->labels);
	evp_str_release(&p->label);
	evp_str_release(&p->text);
	free(p->location_memo.id);
	free(p->stack_memo.id);
	free(p->node);
	free(p->sample);
	free(p->values);
	*p = (struct evp_pprof_samples){ 0 };
}

static void forget(struct evp_pprof_memo *m)
{
	if (m->id)
		memset(m->id, 0, m->cap * sizeof(*m->id));
}

void evp_pprof_samples_forget(struct evp_pprof_samples *p)
{
	forget(&p->location_memo);
	forget(&p->stack_memo);
	evp_map_clear(&p->label_memo);
}

static uint32_t *memo_at(struct evp_pprof_memo *m, uint32_t id)
{
	size_t had = m->cap;

	if (evp_grow(&m->id, &m->cap, (size_t)id + 1, sizeof(*m->id)))
		return NULL;
	memset(m->id + had, 0, (m->cap - had) * sizeof(*m->id));
	return &m->id[id];
}

/* ---- labels ---- */

static int put_label(struct evp_pprof_samples *p, const char *key, size_t key_len, const char *text,
		     size_t len, const struct evp_label *number, const struct evp_tables *t)
{
	uint32_t id;
	int rc;

	evp_str_clear(&p->label);
	rc = evp_pprof_string(p->tables, key, key_len, &id);
	evp_pb_put_u64(&p->label, LABEL_KEY, id);
	if (!rc && !number) {
		rc = evp_pprof_string(p->tables, text, len, &id);
		evp_pb_put_u64(&p->label, LABEL_STR, id);
	} else if (!rc) {
		const struct evp_bytes *unit = evp_string(t, number->unit);

		rc = evp_pprof_string(p->tables, unit->ptr, unit->len, &id);
		evp_pb_put_i64(&p->label, LABEL_NUM, number->number);
		evp_pb_put_u64(&p->label, LABEL_UNIT, id);
	}
	evp_pb_put_bytes(&p->labels, SAMPLE_LABEL, p->label.buf, p->label.len);
	return rc;
}

static bool wanted(const struct evp_pprof_samples *p, const char *key, size_t len)
{
	size_t i;

	for (i = 0; !p->opts->all_labels && i < p->opts->nby; i++)
		if (strlen(p->opts->by[i]) == len && !memcmp(p->opts->by[i], key, len))
			return true;
	return p->opts->all_labels;
}

static bool set_has(const struct evp_tables *t, const struct evp_label_set *set, const char *key)
{
	uint32_t i;

	for (i = 0; i < set->n; i++)
		if (!strcmp(evp_string(t, set->labels[i].key)->ptr, key))
			return true;
	return false;
}

/* What the process record says first, then the set, whose labels win. */
static int put_labels(struct evp_pprof_samples *p, const struct evp_tables *t,
		      const struct evp_sample *s)
{
	static const char *const keys[] = { EVP_PROCESS_LABELS };
	const struct evp_label_set *set = &t->label_sets[s->labels];
	size_t i;
	int rc = 0;

	evp_str_clear(&p->labels);
	for (i = 0; !rc && i < EVP_ARRAY_SIZE(keys); i++) {
		size_t len = strlen(keys[i]);

		if (!wanted(p, keys[i], len) || set_has(t, set, keys[i]))
			continue;
		evp_str_clear(&p->text);
		if (evp_label_value(t, s->process, s->labels, keys[i], len, &p->text))
			rc = put_label(p, keys[i], len, p->text.buf, p->text.len, NULL, t);
	}
	for (i = 0; !rc && i < set->n; i++) {
		const struct evp_label *l = &set->labels[i];
		const struct evp_bytes *key = evp_string(t, l->key), *text = evp_string(t, l->text);

		if (wanted(p, key->ptr, key->len))
			rc = put_label(p, key->ptr, key->len, text->ptr, text->len,
				       l->is_number ? l : NULL, t);
	}
	return rc || !(p->labels.oom || p->label.oom || p->text.oom) ? rc : -ENOMEM;
}

static int labels_of(struct evp_pprof_samples *p, const struct evp_tables *t,
		     const struct evp_sample *s, uint32_t *ret_id)
{
	uint64_t *memo = evp_map_at(&p->label_memo, (uint64_t)s->process << 32 | s->labels, NULL);
	int rc;

	if (!memo)
		return -ENOMEM;
	if (!*memo) {
		rc = put_labels(p, t, s);
		if (!rc)
			rc = evp_intern(&p->label_sets, p->labels.buf, p->labels.len, ret_id);
		if (rc)
			return rc;
		*memo = (uint64_t)*ret_id + 1;
	}
	*ret_id = (uint32_t)(*memo - 1);
	return 0;
}

/* ---- stacks and samples ---- */

static int child(struct evp_pprof_samples *p, uint32_t parent, uint32_t location,
		 uint32_t *ret_node)
{
	int isnew;
	uint64_t *at = evp_map_at(&p->stacks, (uint64_t)parent << 32 | location, &isnew);

	if (!at || evp_grow(&p->node, &p->cnodes, p->nnodes + 1, sizeof(*p->node)))
		return -ENOMEM;
	if (p->nnodes >= UINT32_MAX - 1)
		return -E2BIG;
	if (isnew) {
		p->node[p->nnodes] = (struct evp_pprof_node){ parent, location };
		*at = p->nnodes++;
	}
	*ret_node = (uint32_t)*at;
	return 0;
}

static int location_of(struct evp_pprof_samples *p, const struct evp_tables *t, uint32_t location,
		       uint32_t *ret_number)
{
	uint32_t *memo = memo_at(&p->location_memo, location), number;
	int rc;

	if (!memo)
		return -ENOMEM;
	if (!*memo) {
		rc = evp_pprof_location(p->tables, t, location, &number);
		if (rc)
			return rc;
		*memo = number;
	}
	*ret_number = *memo;
	return 0;
}

static int stack_of(struct evp_pprof_samples *p, const struct evp_tables *t, uint32_t stack,
		    uint32_t *ret_node)
{
	uint32_t n = t->depths[stack], *path, i, location, node = 0, *memo;
	int rc = 0;

	if (!stack) {
		*ret_node = 0;
		return 0;
	}
	memo = memo_at(&p->stack_memo, stack);
	if (memo && *memo) {
		*ret_node = *memo - 1;
		return 0;
	}
	path = malloc(n * sizeof(*path));
	if (!path || !memo) {
		free(path);
		return -ENOMEM;
	}
	for (i = n; i && stack; stack = t->stacks[stack].parent)
		path[--i] = stack;
	for (; !rc && i < n; i++) {
		memo = &p->stack_memo.id[path[i]];
		if (!*memo) {
			rc = location_of(p, t, t->stacks[path[i]].location, &location);
			if (!rc)
				rc = child(p, node, location, &node);
			*memo = rc ? 0 : node + 1;
		}
		node = *memo - 1;
	}
	free(path);
	*ret_node = node;
	return rc;
}

static int add_values(struct evp_pprof_samples *p, size_t index, const struct evp_sample *s,
		      struct evp_err *err)
{
	int64_t *v = p->values + index * p->ntypes;
	size_t i;

	for (i = 0; i < p->ntypes; i++)
		if (__builtin_add_overflow(v[i], s->values[i], &v[i]))
			return evp_fail(err, EOVERFLOW, "the sum of a stack's values passes 2^63");
	return 0;
}

static int sample_at(struct evp_pprof_samples *p, uint32_t stack, uint32_t labels,
		     size_t *ret_index)
{
	int isnew;
	uint64_t *at = evp_map_at(&p->index, (uint64_t)stack << 32 | labels, &isnew);

	if (!at || evp_grow(&p->sample, &p->csamples, p->n + 1, sizeof(*p->sample)) ||
	    evp_grow(&p->values, &p->cvalues, (p->n + 1) * p->ntypes, sizeof(*p->values)))
		return -ENOMEM;
	if (isnew) {
		memset(p->values + p->n * p->ntypes, 0, p->ntypes * sizeof(*p->values));
		p->sample[p->n].stack = stack;
		p->sample[p->n].labels = labels;
		*at = p->n++;
	}
	*ret_index = *at;
	return 0;
}

int evp_pprof_samples_add(struct evp_pprof_samples *p, const struct evp_tables *t,
			  const struct evp_sample *s, struct evp_err *err)
{
	uint32_t stack, labels;
	size_t index;

	if (stack_of(p, t, s->stack, &stack) || labels_of(p, t, s, &labels) ||
	    sample_at(p, stack, labels, &index))
		return evp_fail_oom(err);
	return add_values(p, index, s, err);
}

/* ---- the message ---- */

static void put_sample(const struct evp_pprof_samples *p, size_t i, struct evp_str *out,
		       struct evp_str *m, struct evp_str *list)
{
	const struct evp_bytes *labels = &p->label_sets.item[p->sample[i].labels];
	uint32_t node = p->sample[i].stack;
	size_t v;

	evp_str_clear(m);
	evp_str_clear(list);
	for (; node; node = p->node[node].parent)
		evp_pb_put_varint(list, p->node[node].location);
	if (list->len)
		evp_pb_put_bytes(m, SAMPLE_LOCATION, list->buf, list->len);
	evp_str_clear(list);
	for (v = 0; v < p->ntypes; v++)
		evp_pb_put_varint(list, (uint64_t)p->values[i * p->ntypes + v]);
	evp_pb_put_bytes(m, SAMPLE_VALUE, list->buf, list->len);
	evp_str_add(m, labels->ptr, labels->len);
	evp_pb_put_bytes(out, PP_SAMPLE, m->buf, m->len);
}

void evp_pprof_samples_put(const struct evp_pprof_samples *p, struct evp_str *out)
{
	struct evp_str m = { 0 }, list = { 0 };
	size_t i;

	for (i = 0; i < p->n; i++)
		put_sample(p, i, out, &m, &list);
	out->oom |= m.oom || list.oom;
	evp_str_release(&m);
	evp_str_release(&list);
}
