// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/sum.h"
#include "profile/profile.h"

static bool same_types(const struct evp_profile *a, const struct evp_profile *b)
{
	size_t i;

	if (strcmp(a->event, b->event) || a->ntypes != b->ntypes ||
	    a->samples_type != b->samples_type)
		return false;
	for (i = 0; i < a->ntypes; i++)
		if (strcmp(a->types[i].type, b->types[i].type) ||
		    strcmp(a->types[i].unit, b->types[i].unit))
			return false;
	return true;
}

static int move_string(struct evp_profile *to, const struct evp_profile *from, uint32_t *id)
{
	const struct evp_bytes *b = evp_profile_text(from, *id);

	return evp_profile_string(to, b->ptr, b->len, id);
}

int evp_profile_move_frame(void *arg, struct evp_profile *to, const struct evp_profile *from,
			   uint32_t frame, struct evp_frame *ret_f)
{
	struct evp_frame f = from->frames[frame];
	int rc = move_string(to, from, &f.name);

	(void)arg;
	if (!rc)
		rc = move_string(to, from, &f.module);
	if (!rc)
		rc = move_string(to, from, &f.file);
	if (!rc)
		*ret_f = f;
	return rc;
}

static int add_nodes(struct evp_profile *to, const struct evp_profile *from,
		     const struct evp_frame *frame, uint32_t *node)
{
	size_t i, k;
	int rc = 0;

	for (i = 0; !rc && i < from->nnodes; i++) {
		const int64_t *self = &from->self[i * from->ntypes];

		if (i)
			rc = evp_profile_child(to, node[from->parent[i]], &frame[from->frame[i]],
					       &node[i]);
		for (k = 0; !rc && k < to->ntypes; k++)
			if (!(rc = evp_profile_weigh(to, k, self[k])))
				to->self[node[i] * to->ntypes + k] += self[k];
	}
	return rc;
}

static int add_tree(struct evp_profile *to, const struct evp_profile *from, evp_profile_frame_fn fn,
		    void *arg)
{
	struct evp_frame *frame = calloc(from->nframes + 1, sizeof(*frame));
	uint32_t *node = calloc(from->nnodes, sizeof(*node));
	int rc = frame && node ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; !rc && i < from->nframes; i++)
		rc = fn(arg, to, from, (uint32_t)i, &frame[i]);
	if (!rc)
		rc = add_nodes(to, from, frame, node);
	free(frame);
	free(node);
	return rc;
}

static int declare_like(struct evp_profile *to, const struct evp_profile *from)
{
	to->period = from->period;
	return evp_profile_declare(to, from->event, from->types, from->ntypes, from->samples_type,
				   from->value_type);
}

static int add_profile(struct evp_profile *to, const struct evp_profile *from,
		       evp_profile_frame_fn fn, void *arg)
{
	int rc = 0;

	to->lost_samples = evp_sum(to->lost_samples, from->lost_samples);
	to->other_events += from->other_events;
	if (!from->event)
		return 0;
	if (!to->event)
		rc = declare_like(to, from);
	if (!rc)
		rc = add_tree(to, from, fn, arg);
	to->cut_samples = evp_sum(to->cut_samples, from->cut_samples);
	if (from->from_ns < to->from_ns)
		to->from_ns = from->from_ns;
	if (from->to_ns > to->to_ns)
		to->to_ns = from->to_ns;
	if (from->period != to->period)
		to->period = 0;
	return rc;
}

int evp_profile_merge(struct evp_profile *dst, const struct evp_profile *src, struct evp_err *err)
{
	int rc;

	if (dst->event && src->event && !same_types(dst, src))
		return evp_fail(err, EINVAL, "cannot merge event '%s' with '%s'", dst->event,
				src->event);
	rc = add_profile(dst, src, evp_profile_move_frame, NULL);
	return rc ? evp_fail_errno(err, -rc, "cannot merge profiles") : 0;
}

int evp_profile_regroup(struct evp_profile **ret_p, const struct evp_profile *p,
			evp_profile_frame_fn fn, void *arg, struct evp_err *err)
{
	struct evp_profile *to;
	int rc = evp_profile_new(&to, &(struct evp_profile_opts){ 0 }, err);

	if (rc)
		return rc;
	rc = add_profile(to, p, fn, arg);
	if (rc) {
		evp_profile_free(to);
		return evp_fail_errno(err, -rc, "cannot regroup the profile");
	}
	*ret_p = to;
	return 0;
}
