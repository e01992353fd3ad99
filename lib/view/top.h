/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evp-top: where the time of a profile went, as a table of functions, of one function's callers or
 * callees, or as a call tree.
 */
#ifndef EVP_VIEW_TOP_H
#define EVP_VIEW_TOP_H

#include "view/origin.h"
#include "base/table.h"

enum evp_top_mode { EVP_TOP_FUNCTIONS, EVP_TOP_CALLERS, EVP_TOP_CALLEES, EVP_TOP_TREE };

struct evp_top_opts {
	enum evp_top_mode mode;
	enum evp_table_format format;
	const char *
		function; /* of callers and callees: its name, or a part of it if none is so called */
	const char *value;     /* value type; NULL: samples where there are such */
	bool by_cum;	       /* sort by cumulative, else by flat */
	size_t limit;	       /* rows (tree: nodes); 0: all */
	const char *const *by; /* names of the grouping labels, as the profile was made with */
	size_t nby;
	struct evp_table_style style; /* of text */
};

/*
 * Writes the view. 0, 1 when `function` matches nothing, or -errno. The rows that `limit` cut
 * are counted below the text table.
 */
int evp_top(const struct evp_origin *s, const struct evp_top_opts *o, struct evp_out *out,
	    struct evp_err *err);

/* ---- between the files of evp-top ---- */

struct evp_top {
	const struct evp_profile *p;
	const struct evp_top_opts *o;
	size_t type;
	const char *unit;
	int64_t total;
	struct evp_column *column; /* room for nby + 8 */
	struct evp_table table;
	size_t rows;		       /* before the limit */
	int64_t focus_flat, focus_cum; /* callers and callees: the function's own figures */
};

int evp_top_functions(struct evp_top *t, struct evp_err *err);
int evp_top_edges(struct evp_top *t, struct evp_err *err); /* 1: no such function */
int evp_top_tree(struct evp_top *t, struct evp_err *err);

/* memcmp order of two of the profile's strings. */
int evp_top_compare(const struct evp_profile *p, uint32_t a, uint32_t b);
void evp_top_column(struct evp_top *t, const char *key, const char *head,
		    enum evp_column_kind kind);
void evp_top_name(struct evp_top *t, uint32_t frame, size_t indent); /* cells module, function */
void evp_top_amount(struct evp_top *t, int64_t v, int64_t of);	     /* cells value, share */

#endif
