/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table of results, shown three ways: aligned text for people, tab-separated, and JSON.
 *
 * Numbers are kept exact: text rounds them ("1.24 s"), the other two do not. Names are bytes from outside,
 * and no name can move a terminal's cursor or break a line: text shows them by evp_plain_text, TSV
 * by evp_escape, JSON as they are or, where that is not UTF-8, by evp_escape.
 *
 *	static const struct evp_column column[] = { { "flat", "FLAT", EVP_COL_NUMBER }, ... };
 *	struct evp_table t = { .column = column, .ncolumns = 2 };
 *	evp_table_number(&t, 5); evp_table_text(&t, name, len);    one row, cell by cell
 *	evp_table_print(&t, out, &style);
 *	evp_table_release(&t);
 */
#ifndef EVP_BASE_TABLE_H
#define EVP_BASE_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

enum evp_column_kind {
	EVP_COL_NUMBER,	 /* int64, shown in the column's unit, to the right */
	EVP_COL_PERCENT, /* a share, 0.25 for 25 %; text has two decimals */
	EVP_COL_TEXT,	 /* to the left */
	EVP_COL_RIGHT,	 /* text to the right: numbers that were made text already */
	EVP_COL_NAME,	 /* to the left; shortened where the width is limited */
};

struct evp_column {
	const char *key;  /* of TSV's first line and in JSON: "flat_share" */
	const char *head; /* of text: "FLAT%" */
	enum evp_column_kind kind;
	const char *unit; /* numbers: "nanoseconds", "bytes", "count"; NULL: count */
};

struct evp_cell {
	int64_t number;
	double share;
	char *text; /* in the arena, NUL behind it; NULL: absent */
	size_t len;
	size_t indent; /* blanks before text, in text output only */
};

struct evp_table {
	const struct evp_column *column;
	size_t ncolumns;
	struct evp_cell *cell;
	size_t ncells, cap;
	struct evp_arena arena;
	bool oom; /* sticky; evp_table_print and evp_table_json report it */
};

void evp_table_number(struct evp_table *t, int64_t v);
void evp_table_share(struct evp_table *t, double v);
void evp_table_text(struct evp_table *t, const char *bytes, size_t len);
/* The same, moved in by `indent` columns in text output. */
void evp_table_indented(struct evp_table *t, const char *bytes, size_t len, size_t indent);
void evp_table_cstring(struct evp_table *t, const char *text);
void evp_table_absent(struct evp_table *t);
void evp_table_release(struct evp_table *t);

enum evp_table_format { EVP_TABLE_TEXT, EVP_TABLE_TSV, EVP_TABLE_JSON };

struct evp_table_style {
	size_t width; /* columns of the terminal; 0: any */
	bool colour;
};

/* The terminal's width and whether it takes colour (NO_COLOR, TERM=dumb); zeros for anything else. */
struct evp_table_style evp_table_style_of(int fd);

/* All of these: 0 or -errno (no memory, or the output's sticky error). */

/* In this format; text as suits the output's terminal. */
int evp_table_write(const struct evp_table *t, enum evp_table_format format, struct evp_out *out);
int evp_table_print(const struct evp_table *t, struct evp_out *out,
		    const struct evp_table_style *style);
int evp_table_tsv(const struct evp_table *t, struct evp_out *out);
/* An array of objects, the caller's; NULL: no memory. */
json_t *evp_table_json(const struct evp_table *t);

/* A JSON string of bytes that may not be UTF-8; NULL: no memory. */
json_t *evp_json_text(const char *bytes, size_t len);
/* Writes the value, indented, and a newline; takes the reference. 0 or -errno. */
int evp_json_print(json_t *value, struct evp_out *out);
/* Appends the value as json_dumps(3) writes it, and a newline; takes the reference. 0, -ENOMEM. */
int evp_json_append(struct evp_str *out, json_t *value, size_t flags);

/* "1234567", "1.24 s", "3.5 MiB": a number as its unit is read by people. */
void evp_format_value(struct evp_str *out, int64_t v, const char *unit);

/*
 * Bytes from outside as a person may see them, always valid UTF-8: controls, characters that turn
 * the direction of text, and bytes that are not UTF-8 become "\xHH". Not reversible (evp_escape is).
 */
void evp_plain_text(struct evp_str *out, const char *bytes, size_t len);

/*
 * A name that is made from an address, as evp_location_text makes it: "libc.so.6+0x26ad0". The
 * length of the part before "+0x"; 0 for a function's name.
 */
size_t evp_address_name(const char *name, size_t len);

/*
 * `name` in at most `width` columns, at least 8 of them: argument lists first, then inner template
 * arguments, then all of them, become "..."; at last the middle does. Short names stay as they are.
 */
void evp_shorten_name(struct evp_str *out, const char *name, size_t len, size_t width);

#endif
