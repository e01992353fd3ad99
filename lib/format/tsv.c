// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A table in: a header line, then a row of tab-separated fields a line, evp-import(1) "TSV".
 */
#include <string.h>

#include "base/text.h"
#include "format/import.h"

#define MAX_COLUMNS (EVP_MAX_LABELS + 5)
#define DEFAULT_LEN (10 * EVP_NSEC)

enum role { LABEL, TS, STACK, SAMPLES, VALUE, DURATION };

static const char *const roles[] = {
	[TS] = "ts",	   [STACK] = "stack",	    [SAMPLES] = "samples",
	[VALUE] = "value", [DURATION] = "duration",
};

struct tsv {
	struct evp_import *im;
	struct evp_source *s;
	struct {
		enum role role;
		uint32_t label;
	} column[MAX_COLUMNS];
	size_t ncolumns, nlabels;
	bool has[EVP_ARRAY_SIZE(roles)];
	struct evp_str packed, last_ts;
	int64_t last_ts_ns;
};

static const char *field_end(const char *p, const char *end)
{
	const char *tab = memchr(p, '\t', (size_t)(end - p));

	return tab ? tab : end;
}

static enum role role_of(const char *name, size_t len)
{
	size_t i;

	for (i = TS; i < EVP_ARRAY_SIZE(roles); i++)
		if (strlen(roles[i]) == len && !memcmp(roles[i], name, len))
			return (enum role)i;
	return LABEL;
}

bool evp_tsv_guess(const char *bytes, size_t len)
{
	const char *end = memchr(bytes, '\n', len), *p = bytes, *q;
	bool ts = false, stack = false;

	if (!end)
		end = bytes + len;
	if (end > bytes && end[-1] == '\r')
		end--;
	for (; p <= end; p = q + 1) {
		q = field_end(p, end);
		ts |= role_of(p, (size_t)(q - p)) == TS;
		stack |= role_of(p, (size_t)(q - p)) == STACK;
	}
	return ts && stack;
}

#define SHOWN(p, len) (int)((len) < 80 ? (len) : 80), (p)

static int header_column(struct tsv *t, const char *name, size_t len, struct evp_err *err)
{
	enum role role = role_of(name, len);
	size_t at = t->ncolumns;

	if (role != LABEL && t->has[role])
		return evp_source_fail(t->s, err, EBADMSG, "column '%s' is there twice",
				       roles[role]);
	if (role == LABEL && !evp_label_name_valid((struct evp_bytes){ name, len }))
		return evp_source_fail(t->s, err, EBADMSG, "'%.*s' is no label name",
				       SHOWN(name, len));
	if (role == LABEL && t->nlabels == EVP_MAX_LABELS)
		return evp_source_fail(t->s, err, EBADMSG, "more than %d label columns",
				       EVP_MAX_LABELS);
	t->has[role] = true;
	t->nlabels += role == LABEL;
	t->column[at].role = role;
	t->ncolumns++;
	return 0;
}

static int header_labels(struct tsv *t, const char *p, const char *end, struct evp_err *err)
{
	const char *q;
	size_t i, j;

	for (i = 0; i < t->ncolumns; i++, p = q + 1) {
		q = field_end(p, end);
		if (t->column[i].role != LABEL)
			continue;
		if (evp_rows_label(t->im->rows, p, (size_t)(q - p), &t->column[i].label))
			return evp_fail_oom(err);
		for (j = 0; j < i; j++)
			if (t->column[j].role == LABEL && t->column[j].label == t->column[i].label)
				return evp_source_fail(t->s, err, EBADMSG,
						       "column '%.*s' is there twice",
						       SHOWN(p, (size_t)(q - p)));
	}
	return 0;
}

static int header(struct tsv *t, const char *line, size_t len, struct evp_err *err)
{
	const char *p = line, *end = line + len, *q;
	int rc = 0;

	for (; !rc && p <= end; p = q + 1) {
		q = field_end(p, end);
		rc = header_column(t, p, (size_t)(q - p), err);
	}
	if (rc)
		return rc;
	if (!t->has[TS] || !t->has[STACK])
		return evp_source_fail(t->s, err, EBADMSG, "the header has no column '%s'",
				       t->has[TS] ? "stack" : "ts");
	if (!t->has[SAMPLES] && !t->has[VALUE])
		return evp_source_fail(t->s, err, EBADMSG,
				       "the header has neither 'samples' nor 'value'");
	rc = evp_import_rows(t->im, t->s->name, t->has[SAMPLES], t->has[VALUE], err);
	if (!rc && !t->has[DURATION])
		evp_import_note(t->im, "no duration: taking a row for 10 s\n");
	return rc ? rc : header_labels(t, line, end, err);
}

/* Unix seconds with up to nine decimals, or RFC 3339 with its zone. */
static bool parse_ts(const char *text, int64_t *ret_ns)
{
	size_t digits = strspn(text, "0123456789"), len = strlen(text);
	char last = len ? text[len - 1] : '\0';

	if (!digits)
		return false;
	if (!text[digits] || text[digits] == '.')
		return !strchr(text, '-') && text[strspn(text, "0123456789.")] == '\0' &&
		       !evp_parse_duration(text, ret_ns);
	if (len < 20 ||
	    (last != 'Z' && last != 'z' && text[len - 6] != '+' && text[len - 6] != '-'))
		return false;
	return digits == 4 && !evp_parse_time(text, 0, ret_ns, NULL);
}

static int take_ts(struct tsv *t, const char *p, size_t len, struct evp_row *row,
		   struct evp_err *err)
{
	if (len != t->last_ts.len || !len || memcmp(p, t->last_ts.buf, len)) {
		evp_str_clear(&t->last_ts);
		evp_str_add(&t->last_ts, p, len);
		if (t->last_ts.oom)
			return evp_fail_oom(err);
		if (!len || strlen(t->last_ts.buf) != len ||
		    !parse_ts(t->last_ts.buf, &t->last_ts_ns)) {
			evp_str_clear(&t->last_ts);
			return evp_source_fail(t->s, err, EBADMSG,
					       "ts '%.*s' is neither unix seconds nor RFC 3339",
					       SHOWN(p, len));
		}
	}
	row->ts_ns = t->last_ts_ns;
	return 0;
}

static int take_number(struct tsv *t, enum role role, const char *p, size_t len, int64_t *ret_v,
		       struct evp_err *err)
{
	bool minus = role == VALUE && len && *p == '-', big;

	if (!evp_import_count(p + minus, len - minus, ret_v, &big))
		return evp_source_fail(t->s, err, big ? ERANGE : EBADMSG,
				       big ? "%s '%.*s' is beyond 2^63"
					   : "%s '%.*s' is not a whole number",
				       roles[role], SHOWN(p, len));
	if (minus)
		*ret_v = -*ret_v;
	return 0;
}

static int take_duration(struct tsv *t, const char *p, size_t len, struct evp_row *row,
			 struct evp_err *err)
{
	char text[40];

	if (len < sizeof(text)) {
		memcpy(text, p, len);
		text[len] = '\0';
		if (strlen(text) == len && !evp_parse_duration(text, &row->len_ns))
			return 0;
	}
	return evp_source_fail(t->s, err, EBADMSG, "'%.*s' is no duration", SHOWN(p, len));
}

static int take_field(struct tsv *t, size_t i, const char *p, size_t len, struct evp_row *row,
		      struct evp_err *err)
{
	switch (t->column[i].role) {
	case LABEL:
		evp_rows_pack(&t->packed, t->column[i].label, p, len);
		return 0;
	case TS:
		return take_ts(t, p, len, row, err);
	case SAMPLES:
		return take_number(t, SAMPLES, p, len, &row->samples, err);
	case VALUE:
		return take_number(t, VALUE, p, len, &row->value, err);
	case DURATION:
		return take_duration(t, p, len, row, err);
	case STACK:
		row->stack = p;
		row->stack_len = len;
	}
	return 0;
}

static int take_row(struct tsv *t, const char *line, size_t len, struct evp_err *err)
{
	struct evp_row row = { .len_ns = DEFAULT_LEN };
	const char *p = line, *end = line + len, *q;
	struct evp_err why = { 0 };
	int64_t until;
	size_t i;
	int rc = 0;

	evp_str_clear(&t->packed);
	for (i = 0; !rc && p <= end && i < t->ncolumns; i++, p = q + 1) {
		q = field_end(p, end);
		rc = take_field(t, i, p, (size_t)(q - p), &row, err);
	}
	if (rc)
		return rc;
	if (i < t->ncolumns || p <= end)
		return evp_source_fail(t->s, err, EBADMSG, "%s fields than the %zu of the header",
				       p <= end ? "more" : "fewer", t->ncolumns);
	if (__builtin_add_overflow(row.ts_ns, row.len_ns, &until))
		return evp_source_fail(t->s, err, ERANGE, "ts and duration pass the year 2262");
	if (t->packed.oom)
		return evp_fail_oom(err);
	row.labels = t->packed.buf;
	row.labels_len = t->packed.len;
	if (!row.samples && !row.value)
		return 0;
	rc = evp_rows_add(t->im->rows, &row, &why);
	return rc ? evp_source_fail(t->s, err, why.code, "%s", why.msg) : 0;
}

int evp_tsv_import(struct evp_import *im, struct evp_source *s, struct evp_err *err)
{
	struct tsv t = { .im = im, .s = s };
	size_t len;
	char *line;
	int rc = evp_source_line(s, &line, &len, err);

	if (!rc)
		rc = evp_fail(err, EBADMSG, "'%s' has no header line", s->name);
	else if (rc > 0)
		rc = header(&t, line, len, err);
	while (!rc && (rc = evp_source_line(s, &line, &len, err)) > 0)
		rc = len ? take_row(&t, line, len, err) : 0;
	evp_str_release(&t.packed);
	evp_str_release(&t.last_ts);
	return rc;
}
