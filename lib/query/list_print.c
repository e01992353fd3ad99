// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"
#include "query/list.h"

static int print_lines(const struct evp_list *l, struct evp_out *out)
{
	struct evp_str s = { 0 };
	size_t i;
	int rc;

	for (i = 0; i < l->n; i++) {
		evp_escape(&s, l->item[i].ptr, l->item[i].len);
		evp_str_putc(&s, '\n');
	}
	rc = s.oom ? -ENOMEM : evp_out_write(out, s.buf ? s.buf : "", s.len);
	evp_str_release(&s);
	return rc;
}

static int print_table(const struct evp_list *l, const char *key, enum evp_table_format format,
		       struct evp_out *out)
{
	const struct evp_column column = { key, key, EVP_COL_TEXT };
	struct evp_table t = { .column = &column, .ncolumns = 1 };
	size_t i;
	int rc;

	for (i = 0; i < l->n; i++)
		evp_table_text(&t, l->item[i].ptr, l->item[i].len);
	rc = evp_table_write(&t, format, out);
	evp_table_release(&t);
	return rc;
}

void evp_list_print(const struct evp_list *l, enum evp_list_what what, enum evp_table_format format,
		    struct evp_out *out)
{
	static const char *const keys[] = { [EVP_LIST_LABELS] = "label",
					    [EVP_LIST_VALUES] = "value",
					    [EVP_LIST_SERIES] = "series",
					    [EVP_LIST_TYPES] = "type" };
	int rc = format == EVP_TABLE_TEXT ? print_lines(l, out)
					  : print_table(l, keys[what], format, out);

	if (rc && !out->error)
		out->error = rc;
}
