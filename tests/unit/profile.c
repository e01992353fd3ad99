// SPDX-License-Identifier: GPL-2.0-or-later
/* The calling-context tree: children, merge, order, rows. */
#include <stdlib.h>
#include <string.h>

#include "profile/profile.h"
#include "tap.h"

static struct evp_profile *make(void)
{
	const struct evp_profile_opts opts = { 0 };
	const struct evp_profile_type types[] = { { (char *)"samples", (char *)"count" } };
	struct evp_profile *p;

	if (evp_profile_new(&p, &opts, NULL) ||
	    evp_profile_declare(p, "cpu", types, 1, 0, SIZE_MAX))
		abort();
	return p;
}

/* "a b c" is a stack, root first. */
static void add(struct evp_profile *p, const char *stack, int64_t n)
{
	uint32_t node = 0;

	while (*stack) {
		size_t len = strcspn(stack, " ");
		struct evp_frame f = { 0 };

		if (evp_profile_string(p, stack, len, &f.name) ||
		    evp_profile_child(p, node, &f, &node))
			abort();
		stack += len + (stack[len] == ' ');
	}
	p->self[node] += n;
}

static int64_t row(const struct evp_profile *p, const char *name, int64_t *ret_cum)
{
	struct evp_profile_row *rows;
	int64_t total, flat = -1;
	size_t n, i;

	if (evp_profile_rows(p, 0, &rows, &n, &total, NULL))
		abort();
	for (i = 0; i < n; i++)
		if (!strcmp(evp_profile_text(p, p->frames[rows[i].frame].name)->ptr, name)) {
			flat = rows[i].flat;
			*ret_cum = rows[i].cum;
		}
	free(rows);
	return flat;
}

static void test_order(const struct evp_profile *p)
{
	struct evp_profile_order o;
	char text[64] = "";
	size_t i;

	if (evp_profile_order(p, 0, &o, NULL))
		abort();
	for (i = 0; i < o.n; i++) {
		strcat(text, evp_profile_text(p, p->frames[p->frame[o.order[i]]].name)->ptr);
		strcat(text, " ");
	}
	ok(!strcmp(text, "a a-b a b b c x "), "preorder, children by name");
	ok(o.total[0] == 28 && o.end[0] == o.n - 1, "totals and subtree ends");
	evp_profile_order_release(&o);
}

int main(void)
{
	struct evp_profile *p = make(), *q = make();
	struct evp_err err;
	int64_t cum;

	add(p, "x", 1);
	add(p, "a b b", 2);
	add(p, "a b", 4);
	add(p, "a a-b a", 8);
	add(p, "a c", 13);
	test_order(p);
	ok(row(p, "b", &cum) == 6 && cum == 6, "a frame that recurs counts once");
	ok(row(p, "a", &cum) == 8 && cum == 27, "and so does one with another between");
	add(q, "a c", 100);
	add(q, "new", 5);
	ok(!evp_profile_merge(p, q, &err) && row(p, "c", &cum) == 113 && row(p, "new", &cum) == 5 &&
		   p->nnodes == 9,
	   "merge adds equal stacks up and new ones to the tree");
	add(q, "a c", INT64_MAX - 200);
	ok(evp_profile_merge(p, q, &err) == -EOVERFLOW, "a sum past 2^63 is refused");
	evp_profile_free(p);
	evp_profile_free(q);
	return done_testing();
}
