// SPDX-License-Identifier: GPL-2.0-or-later
/* Samples of a stream into the tree: each location, group and stack of an epoch is looked up once. */
#include "profile/profile_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/sum.h"

void evp_profile_memo_release(struct memo *m)
{
	free(m->locations);
	free(m->frames);
	free(m->path);
	free(m->stacks);
	evp_map_release(&m->groups);
	evp_map_release(&m->nodes);
}

static void memo_reset(struct memo *m, uint64_t epoch)
{
	if (m->nlocations)
		memset(m->locations, 0, m->nlocations * sizeof(*m->locations));
	m->nframes = 0;
	if (m->nstacks)
		memset(m->stacks, 0, m->nstacks * sizeof(*m->stacks));
	evp_map_clear(&m->groups);
	evp_map_clear(&m->nodes);
	m->last_who = UINT64_MAX;
	m->event = EVP_NO_ID;
	m->epoch = epoch;
	m->valid = true;
}

static int string_of(struct evp_profile *p, const struct evp_tables *t, uint32_t id,
		     uint32_t *ret_id)
{
	const struct evp_bytes *b = evp_string(t, id);

	return evp_intern(&p->strings, b->ptr, b->len, ret_id);
}

static int add_frame(struct evp_profile *p, const struct evp_frame *f)
{
	struct memo *m = &p->priv->memo;

	if (evp_grow(&m->frames, &m->frames_cap, m->nframes + 1, sizeof(*m->frames)))
		return -ENOMEM;
	return evp_profile_frame_id(p, f, &m->frames[m->nframes++]);
}

/* The frame of a location that nobody named. */
static int nameless_frame(struct evp_profile *p, const struct evp_tables *t, uint32_t location,
			  struct evp_frame *f)
{
	struct evp_str *s = &p->priv->text;

	f->nameless = 1;
	evp_str_clear(s);
	evp_location_text(t, location, s);
	return s->oom ? -ENOMEM : evp_intern(&p->strings, s->buf, s->len, &f->name);
}

static int line_frame(struct evp_profile *p, const struct evp_tables *t,
		      const struct evp_line *line, struct evp_frame *f)
{
	const struct evp_function *fn = &t->functions[line->function];
	int rc = string_of(p, t, fn->name ? fn->name : fn->system_name, &f->name);

	if (!rc && (p->priv->flags & EVP_PROFILE_LINES)) {
		f->line = line->line > 0 && line->line <= INT32_MAX ? (int32_t)line->line : 0;
		rc = string_of(p, t, fn->filename, &f->file);
	}
	return rc;
}

static int make_frames(struct evp_profile *p, const struct evp_tables *t, uint32_t location)
{
	const struct evp_location *l = &t->locations[location];
	unsigned int flags = p->priv->flags;
	struct evp_str *s = &p->priv->text;
	struct evp_frame base = { 0 };
	uint32_t i;
	int rc = 0;

	if (flags & EVP_PROFILE_KINDS)
		base.kind = l->kind;
	if (flags & EVP_PROFILE_MODULES) {
		evp_str_clear(s);
		evp_location_module(t, location, s);
		rc = s->oom ? -ENOMEM : evp_intern(&p->strings, s->buf, s->len, &base.module);
	}
	if (!rc && !l->nlines) {
		rc = nameless_frame(p, t, location, &base);
		return rc ? rc : add_frame(p, &base);
	}
	for (i = l->nlines; !rc && i-- > 0;) {
		struct evp_frame f = base;

		rc = line_frame(p, t, &l->lines[i], &f);
		if (!rc && !f.name)
			rc = nameless_frame(p, t, location, &f);
		f.inlined = (flags & EVP_PROFILE_KINDS) && i + 1 < l->nlines;
		if (!rc)
			rc = add_frame(p, &f);
		if (flags & EVP_PROFILE_NO_INLINES)
			break;
	}
	return rc;
}

static int location_frames(struct evp_profile *p, const struct evp_tables *t, uint32_t location,
			   struct span *ret_span)
{
	struct memo *m = &p->priv->memo;
	size_t before = m->nlocations;
	int rc;

	if (location >= m->nlocations) {
		if (evp_grow(&m->locations, &m->locations_cap, (size_t)location + 1,
			     sizeof(*m->locations)))
			return -ENOMEM;
		m->nlocations = m->locations_cap;
		memset(m->locations + before, 0, (m->nlocations - before) * sizeof(*m->locations));
	}
	if (!m->locations[location].n) {
		uint32_t from = (uint32_t)m->nframes;

		rc = make_frames(p, t, location);
		if (rc)
			return rc;
		m->locations[location] = (struct span){ from, (uint32_t)m->nframes - from };
	}
	*ret_span = m->locations[location];
	return 0;
}

/* The node below which the stacks of this (process, label set) hang: the `by` labels' frames. */
static int group_node(struct evp_profile *p, const struct evp_tables *t, const struct evp_sample *s,
		      uint32_t *ret_group)
{
	struct evp_profile_private *v = p->priv;
	uint64_t who = (uint64_t)s->process << 32 | s->labels, *at;
	uint32_t node = 0;
	int fresh, rc = 0;
	size_t i;

	if (!v->nby || who == v->memo.last_who) {
		*ret_group = v->nby ? v->memo.last_group : 0;
		return 0;
	}
	at = evp_map_at(&v->memo.groups, who, &fresh);
	if (!at)
		return -ENOMEM;
	for (i = 0; fresh && !rc && i < v->nby; i++) {
		struct evp_frame f = { .kind = EVP_FRAME_LABEL };

		evp_str_clear(&v->text);
		evp_label_value(t, s->process, s->labels, v->by[i], strlen(v->by[i]), &v->text);
		if (!v->text.len && (v->flags & EVP_PROFILE_SKIP_ABSENT))
			continue;
		rc = v->text.oom ? -ENOMEM
				 : evp_intern(&p->strings, v->text.buf, v->text.len, &f.name);
		if (!rc)
			rc = evp_profile_child(p, node, &f, &node);
	}
	if (rc)
		return rc;
	if (fresh)
		*at = node;
	v->memo.last_who = who;
	*ret_group = v->memo.last_group = (uint32_t)*at;
	return 0;
}

static int grow_stacks(struct memo *m, size_t need)
{
	size_t before = m->nstacks;

	if (need <= before)
		return 0;
	if (evp_grow(&m->stacks, &m->stacks_cap, need, sizeof(*m->stacks)))
		return -ENOMEM;
	m->nstacks = need;
	memset(m->stacks + before, 0, (m->nstacks - before) * sizeof(*m->stacks));
	return 0;
}

/* The node remembered for this stack within this group, with its CUT_BIT; false: none is. */
static bool recall(const struct memo *m, uint32_t group, uint32_t stack, uint32_t *ret_node)
{
	const uint64_t *at;

	if (m->stacks[stack].group == group + 1) {
		*ret_node = m->stacks[stack].node;
		return true;
	}
	if (!m->stacks[stack].group)
		return false;
	at = evp_map_find(&m->nodes, (uint64_t)group << 32 | stack);
	if (at)
		*ret_node = (uint32_t)*at;
	return at != NULL;
}

static int remember(struct memo *m, uint32_t group, uint32_t stack, uint32_t node)
{
	uint64_t *at;

	if (!m->stacks[stack].group) {
		m->stacks[stack] = (struct stack_memo){ group + 1, node };
		return 0;
	}
	at = evp_map_at(&m->nodes, (uint64_t)group << 32 | stack, NULL);
	if (!at)
		return -ENOMEM;
	*at = node;
	return 0;
}

/* A sample without any frame. */
static int no_stack_node(struct evp_profile *p, uint32_t group, uint32_t *ret_node)
{
	struct evp_frame f = { .nameless = 1 };
	uint32_t node;
	int rc = evp_intern(&p->strings, "[unknown]", 9, &f.name);

	if (!rc)
		rc = evp_profile_child(p, group, &f, &node);
	if (!rc)
		*ret_node = node;
	return rc;
}

/* Node of a stack within a group; CUT_BIT is set where the stack's root is a cut. */
static int stack_node(struct evp_profile *p, const struct evp_tables *t, uint32_t group,
		      uint32_t stack, uint32_t *ret_node)
{
	struct memo *m = &p->priv->memo;
	uint32_t found = group, id, node;
	size_t n = 0, i;
	int rc;

	if (!stack)
		return no_stack_node(p, group, ret_node);
	if (grow_stacks(m, t->nstacks))
		return -ENOMEM;
	for (id = stack; id; id = t->stacks[id].parent) {
		if (recall(m, group, id, &found))
			break;
		if (evp_grow(&m->path, &m->path_cap, n + 1, sizeof(*m->path)))
			return -ENOMEM;
		m->path[n++] = id;
	}
	while (n--) {
		const struct evp_stack *st = &t->stacks[m->path[n]];
		struct span span;

		rc = location_frames(p, t, st->location, &span);
		node = found & ~CUT_BIT;
		for (i = 0; !rc && i < span.n; i++)
			rc = evp_profile_child_of(p, node, m->frames[span.from + i], &node);
		if (rc)
			return rc;
		found = (found & CUT_BIT) | node;
		if (!st->parent && t->locations[st->location].kind == EVP_LOC_CUT)
			found |= CUT_BIT;
		if (remember(m, group, m->path[n], found))
			return -ENOMEM;
	}
	*ret_node = found;
	return 0;
}

static bool text_is(const struct evp_tables *t, uint32_t id, const char *text)
{
	const struct evp_bytes *b = evp_string(t, id);

	return b->len == strlen(text) && !memcmp(b->ptr, text, b->len);
}

/* Index of the one value that is wanted; ntypes: all of them are. */
static uint32_t wanted_type(const struct evp_profile *p, const struct evp_tables *t,
			    const struct evp_event *e)
{
	const char *name = p->priv->wanted_value;
	uint32_t i;

	if (!name)
		return e->ntypes;
	if (!*name)
		return e->samples_type ? e->samples_type - 1
		       : e->value_type ? e->value_type - 1
				       : 0;
	for (i = 0; i < e->ntypes && !text_is(t, e->types[i].type, name); i++)
		;
	return i;
}

static int declare_from(struct evp_profile *p, const struct evp_tables *t,
			const struct evp_event *e)
{
	struct evp_profile_type types[EVP_MAX_TYPES];
	uint32_t only = wanted_type(p, t, e), n = only < e->ntypes ? 1 : e->ntypes, i;
	size_t samples = SIZE_MAX, value = SIZE_MAX;

	for (i = 0; i < n; i++) {
		uint32_t k = p->priv->kept[i] = n == 1 ? only % e->ntypes : i;

		types[i] = (struct evp_profile_type){
			(char *)(uintptr_t)evp_string(t, e->types[k].type)->ptr,
			(char *)(uintptr_t)evp_string(t, e->types[k].unit)->ptr,
		};
		if (k + 1 == e->samples_type)
			samples = i;
		if (k + 1 == e->value_type)
			value = i;
	}
	p->period = e->period;
	p->priv->event_ntypes = e->ntypes;
	return evp_profile_declare(p, evp_string(t, e->name)->ptr, types, n, samples, value);
}

/* Is this sample's event the profile's (the first one makes it so)? 1 yes, 0 no, -errno. */
static int event_fits(struct evp_profile *p, const struct evp_tables *t, uint32_t event)
{
	const struct evp_event *e = &t->events[event];
	struct evp_profile_private *v = p->priv;
	uint32_t i;
	int rc;

	if (v->memo.event == event)
		return 1;
	if (v->wanted_event && !text_is(t, e->name, v->wanted_event))
		return 0;
	if (!p->event) {
		rc = declare_from(p, t, e);
		if (rc)
			return rc;
	}
	if (!text_is(t, e->name, p->event) || e->ntypes != v->event_ntypes)
		return 0;
	for (i = 0; i < p->ntypes; i++)
		if (!text_is(t, e->types[v->kept[i]].type, p->types[i].type) ||
		    !text_is(t, e->types[v->kept[i]].unit, p->types[i].unit))
			return 0;
	if (e->period != p->period)
		p->period = 0;
	v->memo.event = event;
	return 1;
}

/* ---- time ---- */

/* What went before stands in the profile; the current stream's own part is put on top. */
static void show_time(struct evp_profile *p)
{
	const struct stream_time *t = &p->priv->time;
	int64_t from = t->from_ns, to = t->to_ns;

	if (t->cost_from_ns > from && t->cost_from_ns < to)
		from = t->cost_from_ns;
	if (t->cost_to_ns < to && t->cost_to_ns > from)
		to = t->cost_to_ns;
	p->from_ns = from < t->before_from_ns ? from : t->before_from_ns;
	p->to_ns = to > t->before_to_ns ? to : t->before_to_ns;
}

void evp_profile_begin_stream(struct evp_profile *p)
{
	p->priv->time = (struct stream_time){ .before_from_ns = p->from_ns,
					      .before_to_ns = p->to_ns,
					      .from_ns = INT64_MAX,
					      .to_ns = INT64_MIN,
					      .cost_from_ns = INT64_MAX,
					      .cost_to_ns = INT64_MAX };
}

void evp_profile_add_cost(struct evp_profile *p, const struct evp_cost *c)
{
	struct stream_time *t = &p->priv->time;

	if (c->from_ns < t->cost_from_ns)
		t->cost_from_ns = c->from_ns;
	t->cost_to_ns = c->to_ns;
	show_time(p);
}

static void note_time(struct evp_profile *p, const struct evp_sample *s)
{
	struct stream_time *t = &p->priv->time;
	int64_t to;

	if (__builtin_add_overflow(s->window_ns, s->window_len_ns, &to))
		to = INT64_MAX;
	if (s->window_ns >= t->from_ns && to <= t->to_ns)
		return;
	if (s->window_ns < t->from_ns)
		t->from_ns = s->window_ns;
	if (to > t->to_ns)
		t->to_ns = to;
	/* The next cost record will tell how much of this window was recorded. */
	t->cost_to_ns = INT64_MAX;
	show_time(p);
}

static int64_t samples_of(const struct evp_event *e, const int64_t *values)
{
	return e->samples_type ? values[e->samples_type - 1] : 1;
}

int evp_profile_add_sample(struct evp_profile *p, const struct evp_tables *t, uint64_t epoch,
			   const struct evp_sample *s, struct evp_err *err)
{
	struct memo *m = &p->priv->memo;
	uint32_t group, node;
	int64_t *self;
	size_t i;
	int rc;

	if (!m->valid || m->epoch != epoch)
		memo_reset(m, epoch);
	rc = event_fits(p, t, s->event);
	if (rc == 0) {
		p->other_events++;
		return 0;
	}
	if (rc > 0)
		rc = group_node(p, t, s, &group);
	if (!rc)
		rc = stack_node(p, t, group, s->stack, &node);
	if (rc)
		return evp_fail_errno(err, -rc, "cannot hold the profile");
	self = p->self + (size_t)(node & ~CUT_BIT) * p->ntypes;
	for (i = 0; i < p->ntypes; i++) {
		int64_t value = s->values[p->priv->kept[i]];

		if (evp_profile_weigh(p, i, value))
			return evp_fail(err, EOVERFLOW, "the sum of '%s' passes 2^63",
					p->types[i].type);
		self[i] += value;
	}
	if (node & CUT_BIT)
		p->cut_samples = evp_sum(p->cut_samples,
					 samples_of(&t->events[s->event], s->values));
	note_time(p, s);
	return 0;
}

int evp_profile_add_reader(struct evp_profile *p, struct evp_reader *r, struct evp_err *err)
{
	const struct evp_tables *t = evp_reader_tables(r);
	struct evp_record rec;
	uint64_t epoch = 0;
	int rc;

	p->priv->memo.valid = false;
	evp_profile_begin_stream(p);
	while ((rc = evp_reader_next(r, &rec, err)) > 0) {
		if (rec.type == EVP_REC_SAMPLE)
			rc = evp_profile_add_sample(p, t, epoch, &rec.sample, err);
		else if (rec.type == EVP_REC_EPOCH)
			epoch++;
		else if (rec.type == EVP_REC_COST)
			evp_profile_add_cost(p, &rec.cost);
		else if (rec.type == EVP_REC_END)
			evp_profile_begin_stream(p);
		else if (rec.type == EVP_REC_LOSS)
			p->lost_samples = evp_sum(p->lost_samples, rec.loss.samples);
		if (rc < 0)
			return rc;
	}
	return rc;
}
