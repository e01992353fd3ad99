// SPDX-License-Identifier: GPL-2.0-or-later
/* An answer as a profile. */
#include <stdlib.h>

#include "base/text.h"
#include "query/frames.h"
#include "query/query.h"

static int declare(struct evp_profile *p, const struct evp_query_info *info)
{
	struct evp_profile_type types[2] = { { (char *)"samples", (char *)"count" },
					     { (char *)info->type, (char *)info->unit } };

	p->period = info->period;
	p->lost_samples += info->lost_samples;
	if (info->from_ns < p->from_ns)
		p->from_ns = info->from_ns;
	if (info->to_ns > p->to_ns)
		p->to_ns = info->to_ns;
	return evp_profile_declare(p, info->type, types, 2, 0, 1);
}

static int child(struct evp_profile *p, uint32_t parent, struct evp_bytes name,
		 struct evp_str *text, uint32_t *ret_node)
{
	struct evp_frame frame = { 0 };
	int rc;

	evp_str_clear(text);
	evp_unescape(text, name.ptr, name.len);
	if (text->oom)
		return -ENOMEM;
	rc = evp_profile_string(p, text->buf, text->len, &frame.name);
	return rc ? rc : evp_profile_child(p, parent, &frame, ret_node);
}

int evp_answer_profile(const struct evp_answer *a, struct evp_profile *p, struct evp_err *err)
{
	struct evp_frames frames = { 0 };
	struct evp_str text = { 0 };
	uint32_t *node = NULL;
	size_t cap = 0, i, k;
	int rc = 0;

	if (!a->info.segments)
		return 0;
	rc = declare(p, &a->info);
	for (i = 0; !rc && i < a->nsums; i++) {
		const struct evp_sum *s = &a->sums[i];

		k = evp_frames_next(&frames, &a->stacks[s->stack], &rc);
		if (rc || evp_grow(&node, &cap, frames.depth + 1, sizeof(*node))) {
			rc = -ENOMEM;
			break;
		}
		node[0] = 0;
		for (; k < frames.depth && !rc; k++)
			rc = child(p, node[k], evp_frames_get(&frames, k), &text, &node[k + 1]);
		if (rc)
			break;
		p->self[node[frames.depth] * p->ntypes] += s->samples;
		p->self[node[frames.depth] * p->ntypes + 1] += s->value;
	}
	evp_frames_release(&frames);
	evp_str_release(&text);
	free(node);
	return rc ? evp_fail_errno(err, -rc, "cannot make a profile") : 0;
}
