// SPDX-License-Identifier: GPL-2.0-or-later
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "base/table.h"

#define BOLD	 "\033[1m"
#define DIM	 "\033[2m"
#define PLAIN	 "\033[0m"
#define HOT	 0.05  /* a row with such a first share is bold */
#define COLD	 0.005 /* one below is dim */
#define MIN_NAME 24    /* a name column is never narrower, even if lines get too long */

static struct evp_cell *add_cell(struct evp_table *t)
{
	static struct evp_cell nowhere;

	if (evp_grow(&t->cell, &t->cap, t->ncells + 1, sizeof(*t->cell))) {
		t->oom = true;
		return &nowhere;
	}
	t->cell[t->ncells] = (struct evp_cell){ 0 };
	return &t->cell[t->ncells++];
}

void evp_table_number(struct evp_table *t, int64_t v)
{
	add_cell(t)->number = v;
}

void evp_table_share(struct evp_table *t, double v)
{
	add_cell(t)->share = v;
}

void evp_table_text(struct evp_table *t, const char *bytes, size_t len)
{
	struct evp_cell *c = add_cell(t);

	c->len = len;
	c->text = evp_arena_dup(&t->arena, bytes, len);
	t->oom |= !c->text;
}

void evp_table_indented(struct evp_table *t, const char *bytes, size_t len, size_t indent)
{
	evp_table_text(t, bytes, len);
	if (!t->oom)
		t->cell[t->ncells - 1].indent = indent;
}

void evp_table_cstring(struct evp_table *t, const char *text)
{
	evp_table_text(t, text, strlen(text));
}

void evp_table_absent(struct evp_table *t)
{
	add_cell(t);
}

void evp_table_release(struct evp_table *t)
{
	free(t->cell);
	evp_arena_release(&t->arena);
	*t = (struct evp_table){ 0 };
}

struct evp_table_style evp_table_style_of(int fd)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	struct evp_table_style s = { 0 };
	struct winsize w;

	if (!isatty(fd))
		return s;
	s.width = ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80;
	s.colour = !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
	return s;
}

void evp_format_value(struct evp_str *out, int64_t v, const char *unit)
{
	static const char *const bytes[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double x = v < 0 ? -(double)v : (double)v;
	const char *sign = v < 0 ? "-" : "";
	size_t i = 0;

	if (unit && strcmp(unit, "nanoseconds") == 0) {
		if (x >= 1e9)
			evp_str_printf(out, "%s%.2fs", sign, x / 1e9);
		else if (x >= 1e6)
			evp_str_printf(out, "%s%.1fms", sign, x / 1e6);
		else
			evp_str_printf(out, "%s%.1fus", sign, x / 1e3);
	} else if (unit && strcmp(unit, "bytes") == 0) {
		for (; x >= 1024 && i + 1 < EVP_ARRAY_SIZE(bytes); i++)
			x /= 1024;
		evp_str_printf(out, i ? "%s%.2f%s" : "%s%.0f%s", sign, x, bytes[i]);
	} else {
		evp_str_i64(out, v);
	}
}

/* What a person sees, without padding. */
static void cell_text(struct evp_str *out, const struct evp_column *col, const struct evp_cell *c,
		      size_t width)
{
	if (col->kind == EVP_COL_NUMBER) {
		evp_format_value(out, c->number, col->unit);
	} else if (col->kind == EVP_COL_PERCENT) {
		evp_str_printf(out, "%.2f%%", c->share * 100);
	} else if (!c->text) {
		evp_str_puts(out, "-");
	} else {
		size_t indent = width && c->indent > width / 2 ? width / 2 : c->indent;
		struct evp_str plain = { 0 };

		evp_str_printf(out, "%*s", (int)indent, "");
		evp_plain_text(&plain, c->text, c->len);
		out->oom |= plain.oom;
		if (col->kind == EVP_COL_NAME && width)
			evp_shorten_name(out, plain.buf ? plain.buf : "", plain.len,
					 width - indent);
		else
			evp_str_add(out, plain.buf ? plain.buf : "", plain.len);
		evp_str_release(&plain);
	}
}

static bool to_the_right(const struct evp_column *c)
{
	return c->kind != EVP_COL_TEXT && c->kind != EVP_COL_NAME;
}

/* A column of text with nothing in it is not worth its heading. */
static bool is_empty(const struct evp_table *t, size_t c)
{
	bool empty = t->ncells &&
		     (t->column[c].kind == EVP_COL_TEXT || t->column[c].kind == EVP_COL_RIGHT);

	for (size_t i = c; empty && i < t->ncells; i += t->ncolumns)
		empty = t->cell[i].text && t->cell[i].len == 0;
	return empty;
}

/* Widest cell of every column, 0 to leave it out; names are then cut back to share what the terminal leaves. */
static void measure(const struct evp_table *t, size_t *width, size_t limit, struct evp_str *scratch)
{
	size_t rows = t->ncells / t->ncolumns, fixed = 0, names = 0;

	for (size_t c = 0; c < t->ncolumns; c++) {
		if (is_empty(t, c))
			continue;
		width[c] = strlen(t->column[c].head);
		for (size_t r = 0; r < rows; r++) {
			size_t w;

			evp_str_clear(scratch);
			cell_text(scratch, &t->column[c], &t->cell[r * t->ncolumns + c], 0);
			w = evp_text_columns(scratch->buf, scratch->len);
			width[c] = w > width[c] ? w : width[c];
		}
		if (t->column[c].kind == EVP_COL_NAME)
			names++;
		else
			fixed += width[c];
		fixed += 2;
	}
	fixed -= 2;
	for (size_t c = 0; limit && c < t->ncolumns; c++) {
		size_t share = limit > fixed ? (limit - fixed) / (names ? names : 1) : 0;

		share = share < MIN_NAME ? MIN_NAME : share;
		if (t->column[c].kind == EVP_COL_NAME && width[c] > share)
			width[c] = share;
	}
}

static void pad(struct evp_str *out, const struct evp_column *col, const char *text, size_t len,
		size_t width, bool last)
{
	size_t have = evp_text_columns(text, len), fill = width > have ? width - have : 0;

	if (to_the_right(col))
		evp_str_printf(out, "%*s", (int)fill, "");
	evp_str_add(out, text, len);
	if (!last && !to_the_right(col))
		evp_str_printf(out, "%*s", (int)fill, "");
	if (!last)
		evp_str_puts(out, "  ");
}

static void print_row(const struct evp_table *t, const struct evp_cell *cell, const size_t *width,
		      const struct evp_table_style *style, struct evp_str *line,
		      struct evp_str *scratch)
{
	const char *paint = cell ? "" : BOLD;

	for (size_t c = 0; cell && c < t->ncolumns; c++) {
		if (t->column[c].kind != EVP_COL_PERCENT)
			continue;
		paint = cell[c].share >= HOT ? BOLD : cell[c].share < COLD ? DIM : "";
		break;
	}
	if (style->colour)
		evp_str_puts(line, paint);
	for (size_t c = 0; c < t->ncolumns; c++) {
		if (width[c] == 0)
			continue;
		evp_str_clear(scratch);
		if (cell)
			cell_text(scratch, &t->column[c], &cell[c], style->width ? width[c] : 0);
		else
			evp_str_puts(scratch, t->column[c].head);
		pad(line, &t->column[c], scratch->buf, scratch->len, width[c],
		    c + 1 == t->ncolumns);
	}
	while (line->len && line->buf[line->len - 1] == ' ')
		line->len--;
	if (style->colour && *paint)
		evp_str_puts(line, PLAIN);
	evp_str_putc(line, '\n');
}

int evp_table_print(const struct evp_table *t, struct evp_out *out,
		    const struct evp_table_style *style)
{
	struct evp_str line = { 0 }, scratch = { 0 };
	size_t rows = t->ncells / t->ncolumns, *width = calloc(t->ncolumns, sizeof(*width));
	int rc = width && !t->oom ? 0 : -ENOMEM;

	if (!rc) {
		measure(t, width, style->width, &scratch);
		print_row(t, NULL, width, style, &line, &scratch);
	}
	for (size_t r = 0; !rc && r < rows; r++)
		print_row(t, &t->cell[r * t->ncolumns], width, style, &line, &scratch);
	if (!rc)
		rc = line.oom || scratch.oom ? -ENOMEM : evp_out_write(out, line.buf, line.len);
	free(width);
	evp_str_release(&line);
	evp_str_release(&scratch);
	return rc;
}

static void tsv_cell(struct evp_str *line, const struct evp_column *col, const struct evp_cell *c)
{
	if (col->kind == EVP_COL_NUMBER)
		evp_str_i64(line, c->number);
	else if (col->kind == EVP_COL_PERCENT)
		evp_str_printf(line, "%.9g", c->share);
	else if (c->text)
		evp_escape(line, c->text, c->len);
}

int evp_table_tsv(const struct evp_table *t, struct evp_out *out)
{
	struct evp_str text = { 0 };
	int rc;

	for (size_t c = 0; c < t->ncolumns; c++)
		evp_str_printf(&text, "%s%c", t->column[c].key, c + 1 == t->ncolumns ? '\n' : '\t');
	for (size_t i = 0; i < t->ncells; i++) {
		tsv_cell(&text, &t->column[i % t->ncolumns], &t->cell[i]);
		evp_str_putc(&text, (i + 1) % t->ncolumns ? '\t' : '\n');
	}
	rc = text.oom || t->oom ? -ENOMEM : evp_out_write(out, text.buf, text.len);
	evp_str_release(&text);
	return rc;
}

json_t *evp_json_text(const char *bytes, size_t len)
{
	struct evp_str s = { 0 };
	json_t *j = json_stringn(bytes, len); /* refuses what is not UTF-8 */

	if (!j) {
		evp_escape(&s, bytes, len);
		j = s.oom ? NULL : json_stringn(s.buf, s.len);
		evp_str_release(&s);
	}
	return j;
}

static json_t *json_cell(const struct evp_column *col, const struct evp_cell *c)
{
	if (col->kind == EVP_COL_NUMBER)
		return json_integer(c->number);
	if (col->kind == EVP_COL_PERCENT)
		return json_real(c->share);
	return c->text ? evp_json_text(c->text, c->len) : json_null();
}

json_t *evp_table_json(const struct evp_table *t)
{
	json_t *rows = json_array(), *row = NULL;
	bool bad = t->oom || !rows;

	for (size_t i = 0; !bad && i < t->ncells; i++) {
		const struct evp_column *col = &t->column[i % t->ncolumns];

		if (i % t->ncolumns == 0) {
			row = json_object();
			bad |= json_array_append_new(rows, row) != 0;
		}
		bad |= bad || json_object_set_new(row, col->key, json_cell(col, &t->cell[i])) != 0;
	}
	if (!bad)
		return rows;
	json_decref(rows);
	return NULL;
}

int evp_table_write(const struct evp_table *t, enum evp_table_format format, struct evp_out *out)
{
	struct evp_table_style style;

	switch (format) {
	case EVP_TABLE_JSON:
		return evp_json_print(evp_table_json(t), out);
	case EVP_TABLE_TSV:
		return evp_table_tsv(t, out);
	default:
		style = evp_table_style_of(out->fd);
		return evp_table_print(t, out, &style);
	}
}

static int json_write(const char *bytes, size_t len, void *out)
{
	return evp_out_write(out, bytes, len) ? -1 : 0;
}

int evp_json_print(json_t *value, struct evp_out *out)
{
	int rc = -ENOMEM;

	if (value) {
		rc = json_dump_callback(value, json_write, out,
					JSON_INDENT(1) | JSON_REAL_PRECISION(9));
		rc = rc || evp_out_write(out, "\n", 1) ? (out->error ? out->error : -ENOMEM) : 0;
	}
	json_decref(value);
	return rc;
}

static int json_append(const char *bytes, size_t len, void *out)
{
	evp_str_add(out, bytes, len);
	return 0;
}

int evp_json_append(struct evp_str *out, json_t *value, size_t flags)
{
	int rc = value ? json_dump_callback(value, json_append, out, flags) : -1;

	evp_str_putc(out, '\n');
	json_decref(value);
	return rc || out->oom ? -ENOMEM : 0;
}
