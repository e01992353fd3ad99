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

static int move_string(struct evp_profile *dst, const struct evp_profile *src, uint32_t *id)
{
	const struct evp_bytes *b = evp_profile_text(src, *id);

	return evp_profile_string(dst, b->ptr, b->len, id);
}

int evp_profile_merge(struct evp_profile *dst, const struct evp_profile *src, struct evp_err *err)
{
	uint32_t *node;
	size_t i, k;
	int rc = 0;

	dst->lost_samples = evp_sum(dst->lost_samples, src->lost_samples);
	dst->other_events += src->other_events;
	if (!src->event)
		return 0;
	if (!dst->event) {
		rc = evp_profile_declare(dst, src->event, src->types, src->ntypes,
					 src->samples_type, src->value_type);
		dst->period = src->period;
	} else if (!same_types(dst, src))
		return evp_fail(err, EINVAL, "cannot merge event '%s' with '%s'", dst->event,
				src->event);
	node = rc ? NULL : calloc(src->nnodes, sizeof(*node));
	if (!node)
		return evp_fail_oom(err);
	for (i = 0; !rc && i < src->nnodes; i++) {
		const int64_t *self = &src->self[i * src->ntypes];
		struct evp_frame f;

		if (i) {
			f = src->frames[src->frame[i]];
			rc = move_string(dst, src, &f.name);
			if (!rc)
				rc = move_string(dst, src, &f.module);
			if (!rc)
				rc = move_string(dst, src, &f.file);
			if (!rc)
				rc = evp_profile_child(dst, node[src->parent[i]], &f, &node[i]);
		}
		for (k = 0; !rc && k < dst->ntypes; k++)
			if (!(rc = evp_profile_weigh(dst, k, self[k])))
				dst->self[node[i] * dst->ntypes + k] += self[k];
	}
	free(node);
	dst->cut_samples += src->cut_samples;
	if (src->from_ns < dst->from_ns)
		dst->from_ns = src->from_ns;
	if (src->to_ns > dst->to_ns)
		dst->to_ns = src->to_ns;
	if (src->period != dst->period)
		dst->period = 0;
	return rc ? evp_fail_errno(err, -rc, "cannot merge profiles") : 0;
}
