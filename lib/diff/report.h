/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a diff's answer is put: a table in the order of what matters, as text, TSV or JSON.
 *
 * A verdict is about a function's own (flat) samples. Whoever calls a function that got slower is slower
 * too, all the way up to main, and naming them all would bury the cause: they are
 * "caller up" (or down) with their cumulative change, and no regression of their own.
 */
#ifndef EVP_DIFF_REPORT_H
#define EVP_DIFF_REPORT_H

#include "base/table.h"
#include "diff/stats.h"
#include "diff/table.h"

struct evp_diff_report {
	enum evp_table_format format;
	size_t limit; /* rows; 0: all. Text leaves out what was not tested. */
	struct evp_table_style style;
	const char *name[2]; /* of the sides, for people */
	const char *event;   /* NULL: no samples at all */
	int64_t lost[2];     /* samples that the sides report as lost */
	bool incomplete;     /* an input was cut or damaged */
};

int evp_diff_report(const struct evp_diff_report *r, const struct evp_diff_table *t,
		    const struct evp_diff_stats *s, const struct evp_diff_opts *o,
		    struct evp_out *out, struct evp_err *err);

#endif
