// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Folded text in: "root;...;leaf <count>" a line, the last blank splits.
 */
#define _GNU_SOURCE
#include <string.h>

#include "base/text.h"
#include "format/import.h"

struct folded {
	struct evp_import *im;
	struct evp_source *s;
	uint32_t *labels; /* by opts.by */
	struct evp_str packed, value;
};

bool evp_folded_guess(const char *bytes, size_t len)
{
	const char *end = memchr(bytes, '\n', len), *blank;
	int64_t v;
	bool big;

	end = end ? end : bytes + len;
	if (end > bytes && end[-1] == '\r')
		end--;
	blank = memrchr(bytes, ' ', (size_t)(end - bytes));
	return blank && evp_import_count(blank + 1, (size_t)(end - blank - 1), &v, &big);
}

static int count_error(const struct folded *f, struct evp_err *err, const char *text, size_t len,
		       bool big)
{
	int64_t v;
	bool b;

	if (big)
		return evp_source_fail(f->s, err, ERANGE, "the count '%.*s' is beyond 2^63",
				       (int)(len < 40 ? len : 40), text);
	if (len > 1 && *text == '-' && evp_import_count(text + 1, len - 1, &v, &b))
		return evp_source_fail(f->s, err, EBADMSG, "the count is negative");
	return evp_source_fail(f->s, err, EBADMSG, "no count behind the stack");
}

/* The first frames are label values: packed, and taken off the stack. */
static int take_labels(struct folded *f, struct evp_row *row)
{
	const char *at = row->stack, *end = row->stack + row->stack_len;
	size_t i;

	evp_str_clear(&f->packed);
	for (i = 0; at && i < f->im->opts.nby; i++) {
		const char *text = at;
		size_t len = evp_folded_frame(text, (size_t)(end - text), &at);

		evp_str_clear(&f->value);
		evp_unescape(&f->value, text, len);
		evp_rows_pack(&f->packed, f->labels[i], f->value.buf ? f->value.buf : "",
			      f->value.len);
	}
	row->labels = f->packed.buf;
	row->labels_len = f->packed.len;
	row->stack = at ? at : end;
	row->stack_len = (size_t)(end - row->stack);
	return f->packed.oom || f->value.oom ? -ENOMEM : 0;
}

static int take_line(struct folded *f, const char *line, size_t len, struct evp_err *err)
{
	const char *blank = memrchr(line, ' ', len);
	struct evp_row row = { f->im->opts.time_ns, f->im->opts.duration_ns };
	struct evp_err why = { 0 };
	bool big = false;
	size_t n;
	int rc;

	if (!len)
		return 0;
	n = blank ? (size_t)(line + len - blank - 1) : 0;
	if (!blank || !evp_import_count(blank + 1, n, &row.samples, &big))
		return count_error(f, err, blank ? blank + 1 : line, n, big);
	if (!row.samples)
		return 0;
	row.stack = line;
	row.stack_len = (size_t)(blank - line);
	if (take_labels(f, &row))
		return evp_fail_oom(err);
	rc = evp_rows_add(f->im->rows, &row, &why);
	return rc ? evp_source_fail(f->s, err, why.code, "%s", why.msg) : 0;
}

int evp_folded_import(struct evp_import *im, struct evp_source *s, struct evp_err *err)
{
	uint32_t labels[EVP_MAX_LABELS];
	struct folded f = { .im = im, .s = s, .labels = labels };
	size_t i, len;
	char *line;
	int rc = evp_import_rows(im, s->name, true, false, err);

	for (i = 0; !rc && i < im->opts.nby; i++)
		if (evp_rows_label(im->rows, im->opts.by[i], strlen(im->opts.by[i]), &labels[i]))
			rc = evp_fail_oom(err);
	while (!rc && (rc = evp_source_line(s, &line, &len, err)) > 0)
		rc = take_line(&f, line, len, err);
	evp_str_release(&f.packed);
	evp_str_release(&f.value);
	return rc;
}
