/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of evp-query: their table, what was asked for, and what excludes what. See
 * evp-query(1).
 */
#ifndef EVP_CMD_QUERY_OPTIONS_H
#define EVP_CMD_QUERY_OPTIONS_H

#include "cmd/common/cmd.h"
#include "query/list.h"

enum query_verb { QUERY_STREAM, QUERY_TOP, QUERY_LIST };

struct query_options {
	enum query_verb verb;
	enum evp_list_what list; /* of QUERY_LIST */
	const char *label;	 /* of EVP_LIST_VALUES */
	const char *output;	 /* NULL or "-": standard output */
	const char *store;	 /* NULL: the default one */
	bool raw, from_start;	 /* from_start: no --from was given */
	enum evp_table_format format;
	size_t rows;
	struct evp_query query; /* its filters are these ... */
	struct evp_stack_filter filter[EVP_QUERY_BY];
};

/* Is this list asked for? */
static inline bool query_lists(const struct query_options *qo, enum evp_list_what what)
{
	return qo->verb == QUERY_LIST && qo->list == what;
}

extern const struct evp_cmd query_cmd;

/* After evp_cmd_parse. EVP_DONE, or EVP_TROUBLE (said). A zeroed struct before; release it in any case. */
int query_options_read(struct query_options *ret);
void query_options_release(struct query_options *qo);

#endif
