// SPDX-License-Identifier: GPL-2.0-or-later
#include "query/matcher.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "query/quote.h"

struct parser {
	const char *text;
	size_t at;
	size_t cap; /* of the selector's matchers */
	struct evp_selector *s;
	struct evp_err *err;
};

static bool lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool letter(char c)
{
	return lower(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The message with the caret; `at` is where it stands. */
#define syntax(p, place, ...)                                                                      \
	(evp_fail((p)->err, EINVAL, "bad matcher: " __VA_ARGS__),                                  \
	 evp_fail_caret((p)->err, (p)->text, (place)))

static char peek(struct parser *p)
{
	while (p->text[p->at] && strchr(" \t\r\n", p->text[p->at]))
		p->at++;
	return p->text[p->at];
}

static bool take(struct parser *p, char c)
{
	if (peek(p) != c)
		return false;
	p->at++;
	return true;
}

static int parse_type(struct parser *p)
{
	size_t start = p->at, end = start;

	if (!lower(peek(p)))
		return p->text[p->at] == '{' || !p->text[p->at]
			       ? 0
			       : syntax(p, p->at, "expected a type such as 'cpu', or '{'");
	start = end = p->at;
	while (lower(p->text[end]) || digit(p->text[end]) || p->text[end] == '_')
		end++;
	p->at = end;
	if (peek(p) && p->text[p->at] != '{')
		return syntax(p, p->at, "expected '{' or the end behind the type");
	p->s->type = strndup(p->text + start, end - start);
	return p->s->type ? 0 : evp_fail_oom(p->err);
}

static int parse_label(struct parser *p, struct evp_matcher *m)
{
	size_t start, end;

	if (!letter(peek(p)))
		return syntax(p, p->at, "expected a label's name%s",
			      p->text[p->at] ? "" : " or '}'");
	start = end = p->at;
	while (letter(p->text[end]) || digit(p->text[end]))
		end++;
	p->at = end;
	if (end - start == 8 && !memcmp(p->text + start, "__name__", 8))
		return syntax(p, start, "the type is written in front: cpu{...}");
	m->label = strndup(p->text + start, end - start);
	return m->label ? 0 : evp_fail_oom(p->err);
}

static int parse_op(struct parser *p, struct evp_matcher *m)
{
	static const struct {
		char text[3];
		enum evp_match_op op;
	} ops[] = {
		{ "=~", EVP_MATCH_REGEX },
		{ "!~", EVP_MATCH_NOT_REGEX },
		{ "!=", EVP_MATCH_NOT_EQUAL },
		{ "=", EVP_MATCH_EQUAL },
	};
	size_t i, len;

	peek(p);
	for (i = 0; i < EVP_ARRAY_SIZE(ops); i++) {
		len = strlen(ops[i].text);
		if (strncmp(p->text + p->at, ops[i].text, len))
			continue;
		m->op = ops[i].op;
		p->at += len;
		return 0;
	}
	return syntax(p, p->at, "expected =, !=, =~ or !~ behind the label");
}

/* Where in the text byte `offset` of the unquoted string that starts at `start` stands. */
static size_t place_in_string(struct parser *p, size_t start, size_t offset)
{
	struct evp_str scratch = { 0 };
	size_t at = 0;
	long n = offset ? evp_unquote(p->text + start, offset, &scratch, &at, NULL) : 1;

	evp_str_release(&scratch);
	return n < 0 ? start : start + (size_t)n;
}

static int parse_regex(struct parser *p, struct evp_matcher *m, size_t start)
{
	size_t at = 0;
	int rc = evp_regex_new(&m->regex, m->value, m->value_len, EVP_REGEX_WHOLE, &at, p->err);

	if (rc != -EINVAL)
		return rc;
	return evp_fail_caret(p->err, p->text, place_in_string(p, start, at));
}

static int parse_value(struct parser *p, struct evp_matcher *m)
{
	struct evp_str s = { 0 };
	size_t start, at = 0;
	char c = peek(p);
	long n;

	start = p->at;
	if (!c || !strchr("\"'`", c))
		return syntax(p, start, "expected a value in quotes");
	n = evp_unquote(p->text + start, SIZE_MAX, &s, &at, p->err);
	if (n < 0) {
		evp_str_release(&s);
		return evp_fail_caret(p->err, p->text, start + at);
	}
	evp_str_add(&s, "", 0); /* never NULL */
	if (s.oom) {
		evp_str_release(&s);
		return evp_fail_oom(p->err);
	}
	p->at += (size_t)n;
	m->value = s.buf;
	m->value_len = s.len;
	if (m->op == EVP_MATCH_REGEX || m->op == EVP_MATCH_NOT_REGEX)
		return parse_regex(p, m, start);
	return 0;
}

static int parse_matcher(struct parser *p)
{
	struct evp_selector *s = p->s;
	struct evp_matcher *m;
	int rc;

	if (s->n == EVP_SELECTOR_MATCHERS)
		return syntax(p, p->at, "more than %d matchers", EVP_SELECTOR_MATCHERS);
	if (evp_grow(&s->matchers, &p->cap, s->n + 1, sizeof(*s->matchers)))
		return evp_fail_oom(p->err);
	m = &s->matchers[s->n++];
	*m = (struct evp_matcher){ 0 };
	rc = parse_label(p, m);
	if (!rc)
		rc = parse_op(p, m);
	return rc ? rc : parse_value(p, m);
}

static int parse_selector(struct parser *p)
{
	int rc = parse_type(p);

	if (rc)
		return rc;
	if (!take(p, '{'))
		return p->s->type ? 0 : syntax(p, p->at, "expected a type such as 'cpu', or '{'");
	while (!take(p, '}')) {
		rc = parse_matcher(p);
		if (rc)
			return rc;
		if (!take(p, ',') && peek(p) != '}')
			return syntax(p, p->at, "expected ',' or '}'");
	}
	if (peek(p))
		return syntax(p, p->at, "expected nothing more");
	return 0;
}

int evp_selector_parse(struct evp_selector **ret_s, const char *text, struct evp_err *err)
{
	struct evp_err own = { 0 };
	struct parser p = { .text = text, .err = err ? err : &own };
	int rc;

	if (strlen(text) > EVP_SELECTOR_MAX)
		return evp_fail(err, EINVAL, "matcher is longer than %u bytes", EVP_SELECTOR_MAX);
	p.s = calloc(1, sizeof(*p.s));
	if (!p.s)
		return evp_fail_oom(err);
	rc = parse_selector(&p);
	if (rc)
		evp_selector_free(p.s);
	else
		*ret_s = p.s;
	return rc;
}

void evp_selector_free(struct evp_selector *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->n; i++) {
		free(s->matchers[i].label);
		free(s->matchers[i].value);
		evp_regex_free(s->matchers[i].regex);
	}
	free(s->matchers);
	free(s->type);
	free(s);
}

int evp_matcher_test(const struct evp_matcher *m, const char *value, size_t len,
		     struct evp_err *err)
{
	int rc;

	switch (m->op) {
	case EVP_MATCH_EQUAL:
	case EVP_MATCH_NOT_EQUAL:
		rc = len == m->value_len && (!len || !memcmp(value, m->value, len));
		return rc == (m->op == EVP_MATCH_EQUAL);
	default:
		rc = evp_regex_test(m->regex, value, len, err);
		return rc < 0 ? rc : rc == (m->op == EVP_MATCH_REGEX);
	}
}
