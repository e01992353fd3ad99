// SPDX-License-Identifier: GPL-2.0-or-later
/* An answer as a stream. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "query/answer.h"
#include "query/frames.h"
#include "query/output.h"

void evp_output_release(struct evp_output *o)
{
	evp_frames_release(&o->frames);
	evp_interner_release(&o->names);
	evp_str_release(&o->text);
	free(o->location);
	free(o->stack);
	*o = (struct evp_output){ 0 };
}

int evp_output_location(struct evp_output *o, const struct evp_bytes *frame, bool root,
			uint32_t *ret_id)
{
	struct evp_location l = { .kind = EVP_LOC_NONE, .source = EVP_SRC_TEXT, .nlines = 1 };
	struct evp_function f = { 0 };
	struct evp_line line = { 0 };
	struct evp_bytes b = *frame;
	int rc;

	if (b.len && memchr(b.ptr, '\\', b.len)) {
		evp_str_clear(&o->text);
		evp_unescape(&o->text, b.ptr, b.len);
		if (o->text.oom)
			return -ENOMEM;
		b = (struct evp_bytes){ o->text.buf, o->text.len };
	}
	if (root && evp_frame_is_cut(&b)) {
		l = (struct evp_location){ .kind = EVP_LOC_CUT };
		rc = evp_writer_string(o->w, b.ptr + 5, b.len - 6, &l.text);
		return rc ? rc : evp_writer_location(o->w, &l, ret_id);
	}
	rc = evp_writer_string(o->w, b.ptr, b.len, &f.name);
	if (!rc)
		rc = evp_writer_function(o->w, &f, &line.function);
	l.lines = &line;
	return rc ? rc : evp_writer_location(o->w, &l, ret_id);
}

/* The location of a frame's text, made at its first use in an epoch. */
static int location_of(struct evp_output *o, const struct evp_bytes *frame, bool root,
		       uint32_t *ret_id)
{
	size_t before = o->names.n;
	uint32_t id;
	int rc;

	if (root && evp_frame_is_cut(frame))
		return evp_output_location(o, frame, true, ret_id);
	if (evp_intern(&o->names, frame->ptr, frame->len, &id) ||
	    evp_grow(&o->location, &o->clocation, o->names.n, sizeof(*o->location)))
		return -ENOMEM;
	if (o->names.n != before) {
		rc = evp_output_location(o, frame, root, &o->location[id]);
		if (rc)
			return rc;
	}
	*ret_id = o->location[id];
	return 0;
}

int evp_output_stack(struct evp_output *o, const struct evp_bytes *text, uint32_t *ret_stack)
{
	int rc;
	size_t i = evp_frames_next(&o->frames, text, &rc), depth = o->frames.depth;

	if (rc || evp_grow(&o->stack, &o->cstack, depth + 1, sizeof(*o->stack)))
		return -ENOMEM;
	o->stack[0] = 0;
	for (; i < depth && !rc; i++) {
		struct evp_bytes frame = evp_frames_get(&o->frames, i);
		uint32_t location;

		rc = location_of(o, &frame, i == 0, &location);
		if (!rc)
			rc = evp_writer_stack(o->w, o->stack[i], location, &o->stack[i + 1]);
	}
	*ret_stack = o->stack[depth];
	return rc;
}

int evp_output_epoch(struct evp_output *o, bool *ret_new)
{
	*ret_new = evp_writer_tables(o->w)->bytes > EVP_EPOCH_BYTES / 8 * 5;
	if (!*ret_new)
		return 0;
	evp_interner_release(&o->names);
	evp_frames_forget(&o->frames);
	return evp_writer_epoch(o->w);
}

int evp_output_event(struct evp_output *o, const struct evp_query_info *info, uint32_t *ret_event)
{
	struct evp_event e = { .ntypes = 2, .samples_type = 1, .value_type = 2 };
	int rc = evp_writer_cstring(o->w, info->type, &e.name);

	if (!rc)
		rc = evp_writer_cstring(o->w, "samples", &e.types[0].type);
	if (!rc)
		rc = evp_writer_cstring(o->w, "count", &e.types[0].unit);
	if (!rc)
		rc = evp_writer_cstring(o->w, info->type, &e.types[1].type);
	if (!rc)
		rc = evp_writer_cstring(o->w, info->unit, &e.types[1].unit);
	if (!rc)
		rc = evp_writer_cstring(o->w, info->period_type, &e.period_type.type);
	if (!rc)
		rc = evp_writer_cstring(o->w, info->period_unit, &e.period_type.unit);
	e.period = info->period;
	return rc ? rc : evp_writer_event(o->w, &e, ret_event);
}

int evp_output_label(struct evp_output *o, const char *key, size_t key_len,
		     const struct evp_bytes *value, struct evp_label *ret_label)
{
	struct evp_label l = { 0 };
	int rc = evp_writer_string(o->w, key, key_len, &l.key);

	if (!rc)
		rc = evp_writer_string(o->w, value->ptr, value->len, &l.text);
	*ret_label = l;
	return rc;
}

int evp_output_loss(struct evp_output *o, const struct evp_query_info *info, uint32_t event)
{
	struct evp_loss l = { .event = event,
			      .window_ns = info->from_ns,
			      .samples = info->lost_samples };
	int rc;

	if (info->lost_samples <= 0)
		return 0;
	if (__builtin_sub_overflow(info->to_ns, info->from_ns, &l.window_len_ns))
		l.window_len_ns = INT64_MAX;
	rc = evp_writer_cstring(o->w, "recording", &l.reason);
	return rc ? rc : evp_writer_loss(o->w, &l);
}

static int group_labels(struct evp_output *o, const struct evp_answer *a,
			const struct evp_answer_group *g, uint32_t *ret_set)
{
	struct evp_label labels[EVP_QUERY_BY];
	size_t i, n = 0;
	int rc = 0;

	for (i = 0; i < a->nby && !rc; i++) {
		const struct evp_bytes *value = evp_answer_value(a, g->values[i]);

		if (value->len)
			rc = evp_output_label(o, a->by[i], strlen(a->by[i]), value, &labels[n++]);
	}
	return rc ? rc : evp_writer_label_set(o->w, labels, n, ret_set);
}

/* What of the answer the writer knows in its present epoch; 0: not yet. */
struct known {
	uint32_t *stack;    /* by node */
	uint32_t *location; /* by name */
	uint32_t *path;	    /* nodes on the way up */
	size_t cpath;
};

static int node_location(struct evp_output *o, const struct evp_tree *t, struct known *k,
			 uint32_t node, uint32_t *ret_location)
{
	uint32_t *location = &k->location[t->frame[node]];
	int rc = 0;

	/* A cut is told by its place, not by its name alone. */
	if (!t->parent[node])
		return evp_output_location(o, evp_tree_name(t, node), true, ret_location);
	if (!*location)
		rc = evp_output_location(o, evp_tree_name(t, node), false, location);
	*ret_location = *location;
	return rc;
}

static int node_stack(struct evp_output *o, const struct evp_tree *t, struct known *k,
		      uint32_t node, uint32_t *ret_stack)
{
	uint32_t location, at = node;
	size_t n = 0;
	int rc = 0;

	for (; at && !k->stack[at]; at = t->parent[at]) {
		if (evp_grow(&k->path, &k->cpath, n + 1, sizeof(*k->path)))
			return -ENOMEM;
		k->path[n++] = at;
	}
	while (n && !rc) {
		uint32_t parent = k->stack[at];

		at = k->path[--n];
		rc = node_location(o, t, k, at, &location);
		if (!rc)
			rc = evp_writer_stack_new(o->w, parent, location, &k->stack[at]);
	}
	*ret_stack = k->stack[node];
	return rc;
}

static int write_sums(struct evp_output *o, const struct evp_answer *a, struct known *k,
		      uint32_t event)
{
	struct evp_sample sample = { .event = event, .window_len_ns = a->window_len_ns };
	size_t i;
	bool anew = true;
	int rc = 0;

	for (i = 0; i < a->nsums && !rc; i++) {
		const struct evp_sum *s = &a->sums[i];
		const struct evp_answer_group *g = &a->groups[s->group];
		int64_t values[2] = { s->samples, s->value };

		if (anew || s->group != s[-1].group)
			rc = group_labels(o, a, g, &sample.labels);
		if (!rc)
			rc = node_stack(o, a->tree, k, s->stack, &sample.stack);
		sample.window_ns = g->window_ns;
		sample.values = values;
		if (!rc)
			rc = evp_writer_sample(o->w, &sample);
		if (!rc)
			rc = evp_output_epoch(o, &anew);
		if (!rc && anew) {
			memset(k->stack, 0, a->tree->n * sizeof(*k->stack));
			memset(k->location, 0, a->tree->names.n * sizeof(*k->location));
		}
	}
	return rc;
}

static int write_answer(struct evp_output *o, const struct evp_answer *a)
{
	struct known k = { .stack = calloc(a->tree->n + 1, sizeof(*k.stack)),
			   .location = calloc(a->tree->names.n + 1, sizeof(*k.location)) };
	uint32_t event;
	int rc = k.stack && k.location ? 0 : -ENOMEM;

	if (!rc)
		rc = evp_output_event(o, &a->info, &event);
	if (!rc)
		rc = write_sums(o, a, &k, event);
	if (!rc)
		rc = evp_output_loss(o, &a->info, event);
	free(k.stack);
	free(k.location);
	free(k.path);
	return rc;
}

int evp_query_stream(struct evp_writer *w, const struct evp_query *q, struct evp_catalog *c,
		     struct evp_query_info *ret_info, struct evp_err *err)
{
	struct evp_output o = { .w = w };
	struct evp_answer *a;
	int rc = evp_answer_new(&a, q, c, err);

	if (rc)
		return rc;
	*ret_info = a->info;
	if (a->info.segments && (rc = write_answer(&o, a)))
		evp_fail_errno(err, -rc, "cannot write the stream");
	evp_output_release(&o);
	evp_answer_free(a);
	return rc;
}
