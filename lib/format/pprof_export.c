// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "format/gzip.h"
#include "format/pprof.h"
#include "format/pprof_build.h"
#include "format/pprof_proto.h"
#include "format/protobuf.h"

#define MAX_COMMENTS 64

struct memo {	      /* by id of the reader's epoch */
	uint32_t *id; /* + 1 */
	size_t cap;
};

struct evp_pprof {
	struct evp_pprof_opts opts;
	struct evp_pprof_tables tables;
	struct evp_map stacks; /* parent << 32 | location -> node */
	struct node {
		uint32_t parent, location;
	} * node; /* 0: the empty stack */
	size_t nnodes, cnodes;
	struct evp_interner label_sets; /* Label messages, as in a Sample */
	struct evp_map samples;		/* stack << 32 | label set -> index */
	struct {
		uint32_t stack, labels;
	} * sample;
	size_t nsamples, csamples;
	int64_t *values; /* ntypes each */
	size_t cvalues;

	char *event;
	struct value_type {
		uint32_t type, unit;
	} types[EVP_MAX_TYPES], period_type;
	size_t ntypes, default_type;
	int64_t period, from_ns, to_ns;
	int64_t cost_from_ns, cost_to_ns; /* when recording began and ended, where it is said */
	unsigned int streams;
	bool mixed; /* periods */
	uint64_t left_out;
	int64_t lost;
	uint32_t comments[MAX_COMMENTS];
	size_t ncomments;

	struct memo location_memo, stack_memo;
	struct evp_map label_memo; /* process << 32 | label set -> ours + 1 */
	struct evp_str labels, label, text;
	uint32_t last_event; /* known to be ours or not */
	bool last_known, last_ours;
};

int evp_pprof_new(struct evp_pprof **ret_p, const struct evp_pprof_opts *opts, struct evp_err *err)
{
	struct evp_pprof *p = calloc(1, sizeof(*p));

	if (!p)
		return evp_fail_oom(err);
	p->opts = *opts;
	p->from_ns = INT64_MAX;
	p->to_ns = INT64_MIN;
	p->cost_from_ns = INT64_MAX;
	p->cost_to_ns = INT64_MIN;
	if (evp_pprof_tables_init(&p->tables) ||
	    evp_grow(&p->node, &p->cnodes, 1, sizeof(*p->node))) {
		evp_pprof_free(p);
		return evp_fail_oom(err);
	}
	p->node[p->nnodes++] = (struct node){ 0 };
	*ret_p = p;
	return 0;
}

void evp_pprof_free(struct evp_pprof *p)
{
	if (!p)
		return;
	evp_pprof_tables_release(&p->tables);
	evp_interner_release(&p->label_sets);
	evp_map_release(&p->stacks);
	evp_map_release(&p->samples);
	evp_map_release(&p->label_memo);
	evp_str_release(&p->labels);
	evp_str_release(&p->label);
	evp_str_release(&p->text);
	free(p->location_memo.id);
	free(p->stack_memo.id);
	free(p->node);
	free(p->sample);
	free(p->values);
	free(p->event);
	free(p);
}

const char *evp_pprof_event(const struct evp_pprof *p)
{
	return p->event;
}

uint64_t evp_pprof_left_out(const struct evp_pprof *p)
{
	return p->left_out;
}

static void forget_epoch(struct evp_pprof *p)
{
	if (p->location_memo.id)
		memset(p->location_memo.id, 0, p->location_memo.cap * sizeof(uint32_t));
	if (p->stack_memo.id)
		memset(p->stack_memo.id, 0, p->stack_memo.cap * sizeof(uint32_t));
	evp_map_clear(&p->label_memo);
	p->last_known = false;
}

static uint32_t *memo_at(struct memo *m, uint32_t id)
{
	size_t had = m->cap;

	if (evp_grow(&m->id, &m->cap, (size_t)id + 1, sizeof(*m->id)))
		return NULL;
	memset(m->id + had, 0, (m->cap - had) * sizeof(*m->id));
	return &m->id[id];
}

/* ---- the event ---- */

static int value_type(struct evp_pprof *p, const struct evp_tables *t,
		      const struct evp_value_type *in, struct value_type *out)
{
	const struct evp_bytes *type = evp_string(t, in->type), *unit = evp_string(t, in->unit);
	int rc = evp_pprof_string(&p->tables, type->ptr, type->len, &out->type);

	return rc ? rc : evp_pprof_string(&p->tables, unit->ptr, unit->len, &out->unit);
}

static int types_of(struct evp_pprof *p, const struct evp_tables *t, const struct evp_event *e,
		    struct value_type *types)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i < e->ntypes; i++)
		rc = value_type(p, t, &e->types[i], &types[i]);
	return rc;
}

static int adopt(struct evp_pprof *p, const struct evp_tables *t, const struct evp_event *e)
{
	const struct evp_bytes *name = evp_string(t, e->name);

	p->event = strndup(name->ptr, name->len);
	if (!p->event)
		return -ENOMEM;
	p->ntypes = e->ntypes;
	p->default_type = e->value_type ? e->value_type - 1 : e->ntypes - 1;
	p->period = e->period;
	return types_of(p, t, e, p->types);
}

/* Is this the event to export? The first one that comes decides unless a name was given. */
static int ours(struct evp_pprof *p, const struct evp_tables *t, uint32_t event, bool *ret_ours,
		struct evp_err *err)
{
	const struct evp_event *e = &t->events[event];
	const struct evp_bytes *name = evp_string(t, e->name);
	const char *want = p->event ? p->event : p->opts.type;
	struct value_type types[EVP_MAX_TYPES] = { 0 };

	*ret_ours = !want || (strlen(want) == name->len && !memcmp(want, name->ptr, name->len));
	if (!*ret_ours)
		return 0;
	if (!p->event && adopt(p, t, e))
		return evp_fail_oom(err);
	if (types_of(p, t, e, types) || value_type(p, t, &e->period_type, &p->period_type))
		return evp_fail_oom(err);
	if (e->ntypes != p->ntypes || memcmp(types, p->types, p->ntypes * sizeof(*types)))
		return evp_fail(err, EINVAL, "event '%s' has other value types in a later part",
				p->event);
	p->mixed |= e->period != p->period;
	return 0;
}

/* ---- labels ---- */

static int put_label(struct evp_pprof *p, const char *key, size_t key_len, const char *text,
		     size_t len, const struct evp_label *number, const struct evp_tables *t)
{
	uint32_t id;
	int rc;

	evp_str_clear(&p->label);
	rc = evp_pprof_string(&p->tables, key, key_len, &id);
	evp_pb_put_u64(&p->label, LABEL_KEY, id);
	if (!rc && !number) {
		rc = evp_pprof_string(&p->tables, text, len, &id);
		evp_pb_put_u64(&p->label, LABEL_STR, id);
	} else if (!rc) {
		const struct evp_bytes *unit = evp_string(t, number->unit);

		rc = evp_pprof_string(&p->tables, unit->ptr, unit->len, &id);
		evp_pb_put_i64(&p->label, LABEL_NUM, number->number);
		evp_pb_put_u64(&p->label, LABEL_UNIT, id);
	}
	evp_pb_put_bytes(&p->labels, SAMPLE_LABEL, p->label.buf, p->label.len);
	return rc;
}

static bool wanted(const struct evp_pprof *p, const char *key, size_t len)
{
	size_t i;

	for (i = 0; !p->opts.all_labels && i < p->opts.nby; i++)
		if (strlen(p->opts.by[i]) == len && !memcmp(p->opts.by[i], key, len))
			return true;
	return p->opts.all_labels;
}

static const struct evp_label *set_has(const struct evp_tables *t, const struct evp_label_set *set,
				       const char *key)
{
	uint32_t i;

	for (i = 0; i < set->n; i++)
		if (!strcmp(evp_string(t, set->labels[i].key)->ptr, key))
			return &set->labels[i];
	return NULL;
}

/* What the process record says first, then the set, whose labels win. */
static int put_labels(struct evp_pprof *p, const struct evp_tables *t, const struct evp_sample *s)
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

static int labels_of(struct evp_pprof *p, const struct evp_tables *t, const struct evp_sample *s,
		     uint32_t *ret_id)
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

static int child(struct evp_pprof *p, uint32_t parent, uint32_t location, uint32_t *ret_node)
{
	int isnew;
	uint64_t *at = evp_map_at(&p->stacks, (uint64_t)parent << 32 | location, &isnew);

	if (!at || evp_grow(&p->node, &p->cnodes, p->nnodes + 1, sizeof(*p->node)))
		return -ENOMEM;
	if (p->nnodes >= UINT32_MAX - 1)
		return -E2BIG;
	if (isnew) {
		p->node[p->nnodes] = (struct node){ parent, location };
		*at = p->nnodes++;
	}
	*ret_node = (uint32_t)*at;
	return 0;
}

static int location_of(struct evp_pprof *p, const struct evp_tables *t, uint32_t location,
		       uint32_t *ret_number)
{
	uint32_t *memo = memo_at(&p->location_memo, location), number;
	int rc;

	if (!memo)
		return -ENOMEM;
	if (!*memo) {
		rc = evp_pprof_location(&p->tables, t, location, &number);
		if (rc)
			return rc;
		*memo = number;
	}
	*ret_number = *memo;
	return 0;
}

static int stack_of(struct evp_pprof *p, const struct evp_tables *t, uint32_t stack,
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

static int add_values(struct evp_pprof *p, size_t index, const struct evp_sample *s,
		      struct evp_err *err)
{
	int64_t *v = p->values + index * p->ntypes;
	size_t i;

	for (i = 0; i < p->ntypes; i++)
		if (__builtin_add_overflow(v[i], s->values[i], &v[i]))
			return evp_fail(err, EOVERFLOW, "the sum of a stack's values passes 2^63");
	return 0;
}

static int sample_at(struct evp_pprof *p, uint32_t stack, uint32_t labels, size_t *ret_index)
{
	int isnew;
	uint64_t *at = evp_map_at(&p->samples, (uint64_t)stack << 32 | labels, &isnew);

	if (!at || evp_grow(&p->sample, &p->csamples, p->nsamples + 1, sizeof(*p->sample)) ||
	    evp_grow(&p->values, &p->cvalues, (p->nsamples + 1) * p->ntypes, sizeof(*p->values)))
		return -ENOMEM;
	if (isnew) {
		memset(p->values + p->nsamples * p->ntypes, 0, p->ntypes * sizeof(*p->values));
		p->sample[p->nsamples].stack = stack;
		p->sample[p->nsamples].labels = labels;
		*at = p->nsamples++;
	}
	*ret_index = *at;
	return 0;
}

static int add_sample(struct evp_pprof *p, const struct evp_tables *t, const struct evp_sample *s,
		      struct evp_err *err)
{
	int64_t to = s->window_ns + s->window_len_ns;
	uint32_t stack, labels;
	size_t index;
	int rc;

	if (!p->last_known || p->last_event != s->event) {
		rc = ours(p, t, s->event, &p->last_ours, err);
		if (rc)
			return rc;
		p->last_event = s->event;
		p->last_known = true;
	}
	if (!p->last_ours) {
		p->left_out++;
		return 0;
	}
	if (stack_of(p, t, s->stack, &stack) || labels_of(p, t, s, &labels) ||
	    sample_at(p, stack, labels, &index))
		return evp_fail_oom(err);
	p->from_ns = s->window_ns < p->from_ns ? s->window_ns : p->from_ns;
	p->to_ns = to > p->to_ns ? to : p->to_ns;
	return add_values(p, index, s, err);
}

static int add_comment(struct evp_pprof *p, const char *text, size_t len)
{
	uint32_t id;
	size_t i;
	int rc = evp_pprof_string(&p->tables, text, len, &id);

	for (i = 0; i < p->ncomments; i++)
		if (p->comments[i] == id)
			return rc;
	if (!rc && p->ncomments < MAX_COMMENTS)
		p->comments[p->ncomments++] = id;
	return rc;
}

static int add_provenance(struct evp_pprof *p, const struct evp_provenance *v)
{
	const struct evp_bytes *parts[] = { &v->tool, &v->version, &v->options };
	size_t i;

	evp_str_clear(&p->text);
	for (i = 0; i < EVP_ARRAY_SIZE(parts); i++) {
		if (i && parts[i]->len)
			evp_str_putc(&p->text, ' ');
		evp_str_add(&p->text, parts[i]->ptr, parts[i]->len);
	}
	return p->text.oom ? -ENOMEM : add_comment(p, p->text.buf, p->text.len);
}

/* Another period than the event was declared with: there is no one period to name. */
static void add_rate(struct evp_pprof *p, const struct evp_tables *t, const struct evp_rate *r)
{
	const struct evp_event *e = &t->events[r->event];
	const char *want = p->event ? p->event : p->opts.type;

	if (r->period != e->period && (!want || !strcmp(evp_string(t, e->name)->ptr, want)))
		p->mixed = true;
}

/* A stream without a sample still says of which event and types it has none. */
static int adopt_unsampled(struct evp_pprof *p, const struct evp_tables *t, struct evp_err *err)
{
	bool is_ours;
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && !p->event && i < t->nevents; i++)
		rc = ours(p, t, i, &is_ours, err);
	return rc;
}

static int add_record(struct evp_pprof *p, const struct evp_tables *t, const struct evp_record *rec,
		      struct evp_err *err)
{
	int rc = 0;

	switch (rec->type) {
	case EVP_REC_EPOCH:
		forget_epoch(p);
		p->streams += !rec->epoch.number;
		break;
	case EVP_REC_COST:
		p->cost_from_ns = rec->cost.from_ns < p->cost_from_ns ? rec->cost.from_ns
								      : p->cost_from_ns;
		p->cost_to_ns = rec->cost.to_ns > p->cost_to_ns ? rec->cost.to_ns : p->cost_to_ns;
		break;
	case EVP_REC_SAMPLE:
		return add_sample(p, t, &rec->sample, err);
	case EVP_REC_END:
		return adopt_unsampled(p, t, err);
	case EVP_REC_RATE:
		add_rate(p, t, &rec->rate);
		break;
	case EVP_REC_LOSS:
		p->lost = evp_sum(p->lost, rec->loss.samples);
		break;
	case EVP_REC_PROVENANCE:
		rc = p->opts.comments ? add_provenance(p, &rec->provenance) : 0;
		break;
	default:
		break;
	}
	return rc ? evp_fail_oom(err) : 0;
}

int evp_pprof_add(struct evp_pprof *p, struct evp_reader *r, struct evp_err *err)
{
	struct evp_record rec;
	int rc;

	forget_epoch(p);
	while ((rc = evp_reader_next(r, &rec, err)) > 0) {
		rc = add_record(p, evp_reader_tables(r), &rec, err);
		if (rc)
			return rc;
	}
	return rc;
}

/* ---- the message ---- */

static void put_type(struct evp_str *out, uint32_t field, const struct value_type *t,
		     struct evp_str *m)
{
	evp_str_clear(m);
	evp_pb_put_u64(m, VALUE_TYPE, t->type);
	evp_pb_put_u64(m, VALUE_UNIT, t->unit);
	evp_pb_put_bytes(out, field, m->buf, m->len);
}

static void put_sample(const struct evp_pprof *p, size_t i, struct evp_str *out, struct evp_str *m,
		       struct evp_str *list)
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

static int say_loss(struct evp_pprof *p)
{
	if (!p->lost || !p->opts.comments)
		return 0;
	evp_str_clear(&p->text);
	evp_str_puts(&p->text, "lost samples: ");
	evp_str_i64(&p->text, p->lost);
	return p->text.oom ? -ENOMEM : add_comment(p, p->text.buf, p->text.len);
}

/* Windows are whole; of a single recording it is known when within them it began and ended. */
static void cut_time(struct evp_pprof *p)
{
	if (p->streams != 1 || p->cost_from_ns >= p->to_ns || p->cost_to_ns <= p->from_ns)
		return;
	if (p->cost_from_ns > p->from_ns)
		p->from_ns = p->cost_from_ns;
	if (p->cost_to_ns < p->to_ns)
		p->to_ns = p->cost_to_ns;
}

static void put_profile(struct evp_pprof *p, struct evp_str *out)
{
	int64_t duration_ns;
	struct evp_str m = { 0 }, list = { 0 };
	size_t i;

	for (i = 0; i < p->ntypes; i++)
		put_type(out, PP_SAMPLE_TYPE, &p->types[i], &m);
	for (i = 0; i < p->nsamples; i++)
		put_sample(p, i, out, &m, &list);
	evp_pprof_tables_put(&p->tables, out);
	evp_pprof_strings_put(&p->tables, out);
	if (p->nsamples) {
		cut_time(p);
		evp_pb_put_i64(out, PP_TIME, p->from_ns);
		if (__builtin_sub_overflow(p->to_ns, p->from_ns, &duration_ns))
			duration_ns = INT64_MAX;
		evp_pb_put_i64(out, PP_DURATION, duration_ns);
		if (p->period_type.type)
			put_type(out, PP_PERIOD_TYPE, &p->period_type, &m);
		evp_pb_put_i64(out, PP_PERIOD, p->mixed ? 0 : p->period);
	}
	for (i = 0; i < p->ncomments; i++)
		evp_pb_put_u64(out, PP_COMMENT, p->comments[i]);
	if (p->ntypes)
		evp_pb_put_u64(out, PP_DEFAULT_TYPE, p->types[p->default_type].type);
	out->oom |= m.oom || list.oom;
	evp_str_release(&m);
	evp_str_release(&list);
}

int evp_pprof_finish(struct evp_pprof *p, struct evp_str *out, struct evp_err *err)
{
	struct evp_str raw = { 0 };
	int rc = 0;

	if (say_loss(p))
		return evp_fail_oom(err);
	put_profile(p, &raw);
	rc = raw.oom ? evp_fail_oom(err) : evp_gzip(raw.buf, raw.len, out, err);
	evp_str_release(&raw);
	return rc;
}
