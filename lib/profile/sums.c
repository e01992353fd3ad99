// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>

#include "profile/sums.h"

/* A depth-first walk by node number: children chained through `sibling`, newest first. */
struct walk {
	uint32_t *child, *sibling; /* 0: none; the root is nobody's child */
	int64_t *total;
	uint32_t *open; /* by key: nodes on the current path that have it */
};

static void link_children(const struct evp_profile *p, size_t type, struct walk *w)
{
	for (size_t v = 0; v < p->nnodes; v++)
		w->total[v] = p->self[v * p->ntypes + type];
	for (size_t v = p->nnodes; v-- > 1;) {
		w->sibling[v] = w->child[p->parent[v]];
		w->child[p->parent[v]] = (uint32_t)v;
		w->total[p->parent[v]] += w->total[v];
	}
}

static void enter(const struct walk *w, const uint32_t *key, uint32_t v, int64_t *cum)
{
	if (key[v] != EVP_NO_KEY && w->open[key[v]]++ == 0)
		cum[key[v]] += w->total[v];
}

static void add_cumulative(const struct evp_profile *p, const struct walk *w, const uint32_t *key,
			   int64_t *cum)
{
	uint32_t v = 0;

	enter(w, key, v, cum);
	for (;;) {
		if (w->child[v]) {
			v = w->child[v];
			enter(w, key, v, cum);
			continue;
		}
		for (;;) { /* leave v, and its parents while they have no further child */
			if (key[v] != EVP_NO_KEY)
				w->open[key[v]]--;
			if (v == 0)
				return;
			if (w->sibling[v])
				break;
			v = p->parent[v];
		}
		v = w->sibling[v];
		enter(w, key, v, cum);
	}
}

int evp_profile_sums(const struct evp_profile *p, size_t type, const uint32_t *key, size_t nkeys,
		     int64_t *flat, int64_t *cum, struct evp_err *err)
{
	struct walk w = { 0 };
	int rc = 0;

	if (p->nnodes == 0 || type >= p->ntypes)
		return 0;
	for (size_t v = 0; flat && v < p->nnodes; v++)
		if (key[v] != EVP_NO_KEY)
			flat[key[v]] += p->self[v * p->ntypes + type];
	if (!cum)
		return 0;
	w.child = calloc(p->nnodes, sizeof(*w.child));
	w.sibling = calloc(p->nnodes, sizeof(*w.sibling));
	w.total = calloc(p->nnodes, sizeof(*w.total));
	w.open = calloc(nkeys + 1, sizeof(*w.open));
	if (w.child && w.sibling && w.total && w.open) {
		link_children(p, type, &w);
		add_cumulative(p, &w, key, cum);
	} else {
		rc = evp_fail_oom(err);
	}
	free(w.child);
	free(w.sibling);
	free(w.total);
	free(w.open);
	return rc;
}
