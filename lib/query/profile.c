// SPDX-License-Identifier: GPL-2.0-or-later
/* An answer as a profile. */
#include <stdlib.h>

#include "base/text.h"
#include "query/answer.h"

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

/*
 * The profile's node for each of the answer's that has a sum at it or below; node[i] is 1 at those
 * with a sum before. A parent's number is below its children's.
 */
static int copy_tree(struct evp_profile *p, const struct evp_tree *t, uint32_t *node)
{
	struct evp_str text = { 0 };
	size_t i;
	int rc = 0;

	for (i = t->n; i-- > 1;)
		if (node[i])
			node[t->parent[i]] = 1;
	node[0] = 0;
	for (i = 1; i < t->n && !rc; i++) {
		const struct evp_bytes *name = evp_tree_name(t, (uint32_t)i);
		struct evp_frame frame = { 0 };

		if (!node[i])
			continue;
		evp_str_clear(&text);
		evp_unescape(&text, name->ptr, name->len);
		rc = text.oom ? -ENOMEM : evp_profile_string(p, text.buf, text.len, &frame.name);
		if (!rc)
			rc = evp_profile_child(p, node[t->parent[i]], &frame, &node[i]);
	}
	evp_str_release(&text);
	return rc;
}

static uint32_t root_of(const struct evp_tree *t, uint32_t node)
{
	while (t->parent[node])
		node = t->parent[node];
	return node;
}

static int fill_profile(const struct evp_answer *a, struct evp_profile *p)
{
	uint32_t *node = calloc(a->tree->n + 1, sizeof(*node));
	size_t i;
	int rc = node ? 0 : -ENOMEM;

	if (!rc && a->info.segments)
		rc = declare(p, &a->info);
	for (i = 0; i < a->nsums && !rc; i++)
		node[a->sums[i].stack] = 1;
	if (!rc && a->info.segments)
		rc = copy_tree(p, a->tree, node);
	for (i = 0; i < a->nsums && !rc; i++) {
		uint32_t root = root_of(a->tree, a->sums[i].stack);
		int64_t *self = p->self + (size_t)node[a->sums[i].stack] * p->ntypes;

		self[0] += a->sums[i].samples;
		self[1] += a->sums[i].value;
		if (root && evp_frame_is_cut(evp_tree_name(a->tree, root)))
			p->cut_samples += a->sums[i].samples;
	}
	free(node);
	return rc;
}

int evp_query_profile(struct evp_profile *p, const struct evp_query *q, struct evp_catalog *c,
		      struct evp_query_info *ret_info, struct evp_err *err)
{
	struct evp_answer *a;
	int rc = evp_answer_new(&a, q, c, err);

	if (rc)
		return rc;
	*ret_info = a->info;
	rc = fill_profile(a, p);
	evp_answer_free(a);
	return rc ? evp_fail_errno(err, -rc, "cannot make a profile") : 0;
}
