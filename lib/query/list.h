/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is to ask for: names of labels, values of one, series. Only label columns are read,
 * and where the whole store is asked about only their dictionaries.
 */
#ifndef EVP_QUERY_LIST_H
#define EVP_QUERY_LIST_H

#include "base/table.h"
#include "query/query.h"

enum evp_list_what {
	EVP_LIST_LABELS, /* names that some selected row has a value for */
	EVP_LIST_VALUES, /* of `label`; without "" */
	EVP_LIST_SERIES, /* label sets as selectors: cpu{comm="nginx",pid="12"} */
	EVP_LIST_TYPES,	 /* of the segments in the catalogue */
};

struct evp_list {
	struct evp_bytes *item; /* sorted by bytes */
	size_t n;
	struct evp_interner texts; /* owns them */
};

/*
 * q's range and selector count, the rest of it does not. `label` only with EVP_LIST_VALUES.
 * Damaged segments go to c->bad. A zeroed list before; release in any case.
 */
int evp_query_list(struct evp_list *l, enum evp_list_what what, const char *label,
		   const struct evp_query *q, struct evp_catalog *c, struct evp_err *err);
void evp_list_release(struct evp_list *l);

/* As text one a line, escaped. Errors are the output's, no memory too. */
void evp_list_print(const struct evp_list *l, enum evp_list_what what, enum evp_table_format format,
		    struct evp_out *out);

#endif
