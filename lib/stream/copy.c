// SPDX-License-Identifier: GPL-2.0-or-later
#include "stream/copy.h"

#include <stdlib.h>
#include <string.h>

/* Input id -> output id, 0 where not copied yet. */
struct memo {
	uint32_t *to;
	size_t n, cap;
};

struct evp_copy {
	struct evp_reader *r;
	struct evp_writer *w;
	const struct evp_tables *in;
	struct memo strings, processes, files, functions, locations, stacks, labels;
	uint32_t *events; /* + 1; events outlive the output's epochs */
	size_t nevents, events_cap;
	uint32_t *path; /* stacks on the way to a copied one */
	size_t path_cap;
	evp_copy_location_fn hook;
	void *hook_arg;
};

int evp_copy_new(struct evp_copy **ret_c, struct evp_reader *r, struct evp_writer *w,
		 struct evp_err *err)
{
	struct evp_copy *c = calloc(1, sizeof(*c));

	if (!c)
		return evp_fail_oom(err);
	c->r = r;
	c->w = w;
	c->in = evp_reader_tables(r);
	*ret_c = c;
	return 0;
}

static void each_memo(struct evp_copy *c, void (*fn)(struct memo *m))
{
	struct memo *all[] = { &c->strings,   &c->processes, &c->files, &c->functions,
			       &c->locations, &c->stacks,    &c->labels };
	size_t i;

	for (i = 0; i < EVP_ARRAY_SIZE(all); i++)
		fn(all[i]);
}

static void memo_forget(struct memo *m)
{
	if (m->n)
		memset(m->to, 0, m->n * sizeof(*m->to));
}

static void memo_release(struct memo *m)
{
	free(m->to);
}

void evp_copy_free(struct evp_copy *c)
{
	if (!c)
		return;
	each_memo(c, memo_release);
	free(c->events);
	free(c->path);
	free(c);
}

void evp_copy_location_hook(struct evp_copy *c, evp_copy_location_fn fn, void *arg)
{
	c->hook = fn;
	c->hook_arg = arg;
}

/* The memo's place for an id; NULL: no memory. */
static uint32_t *memo_at(struct memo *m, uint32_t id)
{
	if (id >= m->n) {
		size_t before = m->n;

		if (evp_grow(&m->to, &m->cap, (size_t)id + 1, sizeof(*m->to)))
			return NULL;
		m->n = m->cap;
		memset(m->to + before, 0, (m->n - before) * sizeof(*m->to));
	}
	return &m->to[id];
}

static int copy_string(struct evp_copy *c, uint32_t *id)
{
	uint32_t *to;
	const struct evp_bytes *b;
	int rc = 0;

	if (!*id)
		return 0;
	to = memo_at(&c->strings, *id);
	if (!to)
		return -ENOMEM;
	if (!*to) {
		b = evp_string(c->in, *id);
		rc = evp_writer_string(c->w, b->ptr, b->len, to);
	}
	*id = *to;
	return rc;
}

static int copy_strings(struct evp_copy *c, uint32_t **ids, size_t n)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++)
		rc = copy_string(c, ids[i]);
	return rc;
}

#define COPY_STRINGS(c, ...)                                                                       \
	copy_strings(c, (uint32_t *[]){ __VA_ARGS__ },                                             \
		     EVP_ARRAY_SIZE(((uint32_t *[]){ __VA_ARGS__ })))

int evp_copy_event(struct evp_copy *c, uint32_t event, uint32_t *ret_id)
{
	struct evp_event e = c->in->events[event];
	size_t before = c->nevents;
	uint32_t i;
	int rc;

	if (event >= c->nevents) {
		if (evp_grow(&c->events, &c->events_cap, (size_t)event + 1, sizeof(*c->events)))
			return -ENOMEM;
		c->nevents = (size_t)event + 1;
		memset(c->events + before, 0, (c->nevents - before) * sizeof(*c->events));
	}
	if (c->events[event]) {
		*ret_id = c->events[event] - 1;
		return 0;
	}
	rc = COPY_STRINGS(c, &e.name, &e.period_type.type, &e.period_type.unit);
	for (i = 0; !rc && i < e.ntypes; i++)
		rc = COPY_STRINGS(c, &e.types[i].type, &e.types[i].unit);
	if (!rc)
		rc = evp_writer_event(c->w, &e, ret_id);
	if (!rc)
		c->events[event] = *ret_id + 1;
	return rc;
}

int evp_copy_process(struct evp_copy *c, uint32_t process, uint32_t *ret_id)
{
	struct evp_process p = c->in->processes[process];
	uint32_t *to = memo_at(&c->processes, process);
	int rc = 0;

	if (!to)
		return -ENOMEM;
	if (!*to && process) {
		rc = COPY_STRINGS(c, &p.node, &p.boot_id, &p.comm, &p.exe, &p.cgroup);
		if (!rc)
			rc = evp_writer_process(c->w, &p, to);
	}
	*ret_id = *to;
	return rc;
}

int evp_copy_label_set(struct evp_copy *c, uint32_t labels, uint32_t *ret_id)
{
	struct evp_label copy[EVP_MAX_LABELS];
	const struct evp_label_set *set = &c->in->label_sets[labels];
	uint32_t *to = memo_at(&c->labels, labels), i;
	int rc = 0;

	if (!to)
		return -ENOMEM;
	if (!*to && labels) {
		for (i = 0; !rc && i < set->n; i++) {
			copy[i] = set->labels[i];
			rc = COPY_STRINGS(c, &copy[i].key, &copy[i].text, &copy[i].unit);
		}
		if (!rc)
			rc = evp_writer_label_set(c->w, copy, set->n, to);
	}
	*ret_id = *to;
	return rc;
}

static int copy_file(struct evp_copy *c, uint32_t *id)
{
	struct evp_file f = c->in->files[*id];
	uint32_t *to = memo_at(&c->files, *id);
	int rc = 0;

	if (!to)
		return -ENOMEM;
	if (!*to && *id) {
		rc = copy_string(c, &f.path);
		if (!rc)
			rc = evp_writer_file(c->w, &f, to);
	}
	*id = *to;
	return rc;
}

static int copy_function(struct evp_copy *c, uint32_t *id)
{
	struct evp_function f = c->in->functions[*id];
	uint32_t *to = memo_at(&c->functions, *id);
	int rc = 0;

	if (!to)
		return -ENOMEM;
	if (!*to && *id) {
		rc = COPY_STRINGS(c, &f.name, &f.system_name, &f.filename);
		if (!rc)
			rc = evp_writer_function(c->w, &f, to);
	}
	*id = *to;
	return rc;
}

static int copy_lines(struct evp_copy *c, const struct evp_location *in, struct evp_location *out,
		      struct evp_line *lines)
{
	uint32_t i;
	int rc = copy_string(c, &out->text);

	for (i = 0; !rc && i < in->nlines; i++) {
		lines[i] = in->lines[i];
		rc = copy_function(c, &lines[i].function);
	}
	out->lines = lines;
	return rc;
}

static int copy_location(struct evp_copy *c, uint32_t id, uint32_t *ret_id)
{
	const struct evp_location *in = &c->in->locations[id];
	struct evp_location out = *in;
	struct evp_line lines[EVP_MAX_LINES];
	uint32_t *to = memo_at(&c->locations, id);
	int rc, changed = 0;

	if (!to)
		return -ENOMEM;
	if (*to) {
		*ret_id = *to;
		return 0;
	}
	rc = copy_file(c, &out.file);
	if (!rc)
		rc = evp_copy_process(c, in->process, &out.process);
	if (!rc && c->hook) {
		changed = c->hook(c->hook_arg, c->in, in, &out);
		rc = changed < 0 ? changed : 0;
	}
	if (!rc && !changed)
		rc = copy_lines(c, in, &out, lines);
	if (!rc)
		rc = evp_writer_location(c->w, &out, to);
	*ret_id = *to;
	return rc;
}

int evp_copy_stack(struct evp_copy *c, uint32_t stack, uint32_t *ret_id)
{
	uint32_t at = stack, parent = 0, location, *to, id;
	size_t n = 0;
	int rc;

	/* Up to the nearest frame that is copied already, then down again. */
	for (; at; at = c->in->stacks[at].parent) {
		to = memo_at(&c->stacks, at);
		if (!to)
			return -ENOMEM;
		if (*to) {
			parent = *to;
			break;
		}
		if (evp_grow(&c->path, &c->path_cap, n + 1, sizeof(*c->path)))
			return -ENOMEM;
		c->path[n++] = at;
	}
	while (n--) {
		id = c->path[n];
		rc = copy_location(c, c->in->stacks[id].location, &location);
		if (!rc)
			rc = evp_writer_stack(c->w, parent, location, &parent);
		if (rc)
			return rc;
		*memo_at(&c->stacks, id) = parent;
	}
	*ret_id = parent;
	return 0;
}

/* Before anything of this window: a new epoch where one is due, or its watermark passed that. */
static int begin_epoch(struct evp_copy *c, int64_t window_ns)
{
	int rc;

	if (!evp_writer_epoch_due(c->w) && !evp_writer_late(c->w, window_ns))
		return 0;
	rc = evp_writer_epoch(c->w);
	if (!rc)
		each_memo(c, memo_forget);
	return rc;
}

static int copy_sample(struct evp_copy *c, const struct evp_sample *in)
{
	struct evp_sample s = *in;
	int rc = begin_epoch(c, in->window_ns);

	if (rc)
		return rc;
	rc = evp_copy_event(c, in->event, &s.event);
	if (!rc)
		rc = evp_copy_process(c, in->process, &s.process);
	if (!rc)
		rc = evp_copy_label_set(c, in->labels, &s.labels);
	if (!rc)
		rc = evp_copy_stack(c, in->stack, &s.stack);
	return rc ? rc : evp_writer_sample(c->w, &s);
}

/* Events that had no sample: that there was none of them is worth knowing too. */
static int copy_all_events(struct evp_copy *c)
{
	uint32_t i, id;
	int rc = 0;

	for (i = 0; !rc && i < c->in->nevents; i++)
		rc = evp_copy_event(c, i, &id);
	return rc;
}

int evp_copy_record(struct evp_copy *c, const struct evp_record *rec)
{
	struct evp_loss loss;
	struct evp_rate rate;
	int rc;

	switch (rec->type) {
	case EVP_REC_EPOCH:
		each_memo(c, memo_forget);
		c->nevents = 0;
		return 0;
	case EVP_REC_SAMPLE:
		return copy_sample(c, &rec->sample);
	case EVP_REC_LOSS:
	case EVP_REC_DROPPED:
		loss = rec->loss;
		rc = begin_epoch(c, loss.window_ns);
		if (rc)
			return rc;
		rc = evp_copy_event(c, loss.event, &loss.event);
		if (!rc)
			rc = copy_string(c, &loss.reason);
		if (rc)
			return rc;
		return rec->type == EVP_REC_LOSS ? evp_writer_loss(c->w, &loss)
						 : evp_writer_dropped(c->w, &loss);
	case EVP_REC_RATE:
		rate = rec->rate;
		rc = evp_copy_event(c, rate.event, &rate.event);
		return rc ? rc : evp_writer_rate(c->w, &rate);
	case EVP_REC_WATERMARK:
		return evp_writer_watermark(c->w, rec->watermark_ns);
	case EVP_REC_CLOCK:
		return evp_writer_clock(c->w, &rec->clock);
	case EVP_REC_COST:
		return evp_writer_cost(c->w, &rec->cost);
	case EVP_REC_PROVENANCE:
		return evp_writer_provenance(c->w, &rec->provenance);
	case EVP_REC_END:
		return copy_all_events(c);
	case EVP_REC_TOTALS:
		return 0;
	}
	return 0;
}
