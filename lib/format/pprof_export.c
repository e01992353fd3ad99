// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "format/gzip.h"
#include "format/pprof.h"
#include "format/pprof_proto.h"
#include "format/pprof_samples.h"
#include "format/protobuf.h"

#define MAX_COMMENTS 64

struct evp_pprof {
	struct evp_pprof_opts opts;
	struct evp_pprof_tables tables;
	struct evp_pprof_samples samples;

	char *event;
	struct value_type {
		uint32_t type, unit;
	} types[EVP_MAX_TYPES], period_type;
	size_t default_type; /* of samples.ntypes */
	int64_t period, from_ns, to_ns;
	int64_t cost_from_ns, cost_to_ns; /* when recording began and ended, where it is said */
	unsigned int streams;
	bool mixed; /* periods */
	uint64_t left_out;
	int64_t lost;
	uint32_t comments[MAX_COMMENTS];
	size_t ncomments;

	struct evp_str text;
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
	    evp_pprof_samples_init(&p->samples, &p->tables, &p->opts)) {
		evp_pprof_free(p);
		return evp_fail_oom(err);
	}
	*ret_p = p;
	return 0;
}

void evp_pprof_free(struct evp_pprof *p)
{
	if (!p)
		return;
	evp_pprof_tables_release(&p->tables);
	evp_pprof_samples_release(&p->samples);
	evp_str_release(&p->text);
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
	evp_pprof_samples_forget(&p->samples);
	p->last_known = false;
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
	p->samples.ntypes = e->ntypes;
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
	if (e->ntypes != p->samples.ntypes ||
	    memcmp(types, p->types, p->samples.ntypes * sizeof(*types)))
		return evp_fail(err, EINVAL, "event '%s' has other value types in a later part",
				p->event);
	p->mixed |= e->period != p->period;
	return 0;
}

/* ---- records ---- */

static int add_sample(struct evp_pprof *p, const struct evp_tables *t, const struct evp_sample *s,
		      struct evp_err *err)
{
	int64_t to = s->window_ns + s->window_len_ns;
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
	p->from_ns = s->window_ns < p->from_ns ? s->window_ns : p->from_ns;
	p->to_ns = to > p->to_ns ? to : p->to_ns;
	return evp_pprof_samples_add(&p->samples, t, s, err);
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
	struct evp_str m = { 0 };
	size_t i;

	for (i = 0; i < p->samples.ntypes; i++)
		put_type(out, PP_SAMPLE_TYPE, &p->types[i], &m);
	evp_pprof_samples_put(&p->samples, out);
	evp_pprof_tables_put(&p->tables, out);
	evp_pprof_strings_put(&p->tables, out);
	if (p->samples.n) {
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
	if (p->samples.ntypes)
		evp_pb_put_u64(out, PP_DEFAULT_TYPE, p->types[p->default_type].type);
	out->oom |= m.oom;
	evp_str_release(&m);
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
