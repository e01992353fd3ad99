// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "record/relabel_rule.h"

#define MAX_VALUE  65536 /* a text that rules double stops growing here */
#define MAX_LABELS 1024	 /* so does a set of labels; a stream takes 64 */

void evp_relabel_free(struct evp_relabel *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->nrules; i++) {
		evp_regex_free(r->rule[i].regex);
		evp_regex_free(r->rule[i].bytes_regex);
	}
	free(r->rule);
	free(r->source);
	evp_arena_release(&r->arena);
	evp_str_release(&r->value);
	evp_str_release(&r->out);
	free(r);
}

size_t evp_relabel_gave_up(const struct evp_relabel *r)
{
	return r->gave_up;
}

size_t evp_relabel_nsources(const struct evp_relabel *r)
{
	return r->nsources;
}

struct evp_bytes evp_relabel_source(const struct evp_relabel *r, size_t i)
{
	return r->source[i].name;
}

size_t evp_relabel_source_line(const struct evp_relabel *r, size_t i)
{
	return r->source[i].line;
}

bool evp_relabel_reads(const struct evp_relabel *r, struct evp_bytes name)
{
	for (size_t i = 0; i < r->nsources; i++)
		if (evp_bytes_equal(r->source[i].name, name))
			return true;
	for (size_t i = 0; i < r->nrules; i++) {
		const struct evp_relabel_rule *rule = &r->rule[i];

		if (rule->action == EVP_RELABEL_LABELMAP &&
		    evp_regex_test(rule->regex, name.ptr, name.len, NULL) != 0)
			return true;
		if ((rule->action == EVP_RELABEL_KEEPEQUAL ||
		     rule->action == EVP_RELABEL_DROPEQUAL) &&
		    evp_bytes_equal(rule->target, name))
			return true;
	}
	return false;
}

bool evp_relabel_makes(const struct evp_relabel *r, struct evp_bytes name)
{
	for (size_t i = 0; i < r->nrules; i++)
		if (evp_bytes_equal(r->rule[i].target, name))
			return true;
	return false;
}

/* ---- matching ---- */

static bool is_utf8(struct evp_bytes s)
{
	for (size_t i = 0, len; i < s.len; i += len) {
		len = evp_utf8_len(s.ptr + i, s.len - i);
		if (!len)
			return false;
	}
	return true;
}

struct found {
	const struct evp_regex *regex;
	struct evp_bytes text;
	size_t span[EVP_RELABEL_GROUPS][2];
};

/* 1 matches, 0 does not, -ENOMEM. */
static int match(struct evp_relabel *r, const struct evp_relabel_rule *rule, struct evp_bytes text,
		 struct found *ret)
{
	struct evp_regex *re = is_utf8(text) ? rule->regex : rule->bytes_regex;
	int rc;

	*ret = (struct found){ .regex = re, .text = text };
	if (!re)
		return 0;
	memset(ret->span, 0xff, sizeof(ret->span));
	rc = evp_regex_match(re, text.ptr, text.len, ret->span, EVP_RELABEL_GROUPS, NULL);
	if (rc == -E2BIG) {
		r->gave_up++;
		rc = 0;
	}
	return rc;
}

static void add_group(const struct found *f, unsigned int group, struct evp_str *out)
{
	if (group < EVP_RELABEL_GROUPS && f->span[group][0] != SIZE_MAX &&
	    f->span[group][1] >= f->span[group][0] && out->len < MAX_VALUE)
		evp_str_add(out, f->text.ptr + f->span[group][0],
			    f->span[group][1] - f->span[group][0]);
}

/* What a "$" in a template names: "1", "name"; its length, 0 where the "$" is itself. */
static size_t variable(struct evp_bytes t, size_t at, struct evp_bytes *ret_name)
{
	bool braces = at < t.len && t.ptr[at] == '{';
	size_t from = at + braces, to = from;

	while (to < t.len && (isalnum((unsigned char)t.ptr[to]) || t.ptr[to] == '_'))
		to++;
	*ret_name = (struct evp_bytes){ t.ptr + from, to - from };
	if (to == from || (braces && (to == t.len || t.ptr[to] != '}')))
		return 0;
	return to + braces - at;
}

static unsigned int group_of(const struct evp_regex *re, struct evp_bytes name)
{
	char text[EVP_REGEX_MAX];
	uint64_t number;

	if (name.len >= sizeof(text))
		return EVP_RELABEL_GROUPS;
	memcpy(text, name.ptr, name.len);
	text[name.len] = 0;
	if (name.ptr[0] >= '0' && name.ptr[0] <= '9')
		return evp_parse_u64(text, &number) || number >= EVP_RELABEL_GROUPS
			       ? EVP_RELABEL_GROUPS
			       : (unsigned int)number;
	number = evp_regex_group(re, text);
	return number ? (unsigned int)number : EVP_RELABEL_GROUPS;
}

/* As Go's Regexp.Expand: "$1", "${1}", "${name}", "$$"; a group that is not there is empty. */
static void expand(struct evp_bytes t, const struct found *f, struct evp_str *out)
{
	struct evp_bytes name;
	size_t len;

	for (size_t i = 0; i < t.len; i++) {
		if (t.ptr[i] != '$') {
			evp_str_putc(out, t.ptr[i]);
		} else if (i + 1 < t.len && t.ptr[i + 1] == '$') {
			evp_str_putc(out, t.ptr[i++]);
		} else if ((len = variable(t, i + 1, &name))) {
			add_group(f, group_of(f->regex, name), out);
			i += len;
		} else {
			evp_str_putc(out, t.ptr[i]);
		}
	}
}

/* ---- rules ---- */

static struct evp_bytes text_of(const struct evp_str *s)
{
	return (struct evp_bytes){ s->buf ? s->buf : "", s->len };
}

static int replace(struct evp_relabel *r, const struct evp_relabel_rule *rule,
		   struct evp_labels *ls)
{
	struct evp_bytes target;
	size_t name_len;
	struct found f;
	int rc = match(r, rule, text_of(&r->value), &f);

	if (rc <= 0)
		return rc;
	evp_str_clear(&r->out);
	expand(rule->target, &f, &r->out);
	name_len = r->out.len;
	expand(rule->replacement, &f, &r->out);
	if (r->out.oom)
		return -ENOMEM;
	target = (struct evp_bytes){ text_of(&r->out).ptr, name_len };
	if (evp_label_name_valid(target))
		evp_labels_set(ls, target,
			       (struct evp_bytes){ target.ptr + name_len, r->out.len - name_len });
	return 0;
}

static int map_one(struct evp_relabel *r, const struct evp_relabel_rule *rule,
		   struct evp_labels *ls, const struct evp_labels_item *item)
{
	const struct evp_bytes name = { ls->text.buf + item->name, item->name_len };
	struct evp_bytes target, value;
	struct found f;
	int rc = match(r, rule, name, &f);

	if (rc <= 0)
		return rc;
	evp_str_clear(&r->out);
	expand(rule->replacement, &f, &r->out);
	target.len = r->out.len;
	evp_str_add(&r->out, ls->text.buf + item->value, item->value_len);
	if (r->out.oom)
		return -ENOMEM;
	target.ptr = text_of(&r->out).ptr;
	value = (struct evp_bytes){ target.ptr + target.len, item->value_len };
	if (evp_label_name_valid(target))
		evp_labels_set(ls, target, value);
	return ls->text.oom ? -ENOMEM : 0;
}

static int label_map(struct evp_relabel *r, const struct evp_relabel_rule *rule,
		     struct evp_labels *ls)
{
	size_t n = ls->n;
	struct evp_labels_item *was = malloc((n + 1) * sizeof(*was));
	int rc = was ? 0 : -ENOMEM;

	/* A rule does not see its own work: texts stay where they are, items may go and change. */
	if (was && n)
		memcpy(was, ls->item, n * sizeof(*was));
	for (size_t i = 0; !rc && i < n && ls->n < MAX_LABELS; i++)
		rc = map_one(r, rule, ls, &was[i]);
	free(was);
	return rc;
}

static int label_filter(struct evp_relabel *r, const struct evp_relabel_rule *rule,
			struct evp_labels *ls)
{
	bool drop = rule->action == EVP_RELABEL_LABELDROP;
	struct found f;
	int rc;

	for (size_t i = ls->n; i--;) {
		rc = match(r, rule, evp_labels_name(ls, i), &f);
		if (rc < 0)
			return rc;
		if ((rc == 1) == drop)
			evp_labels_remove(ls, i);
	}
	return 0;
}

static void change_case(struct evp_str *s, bool up)
{
	for (size_t i = 0; i < s->len; i++) {
		char *c = &s->buf[i];

		if (up ? *c >= 'a' && *c <= 'z' : *c >= 'A' && *c <= 'Z')
			*c ^= 0x20;
	}
}

static int apply(struct evp_relabel *r, const struct evp_relabel_rule *rule, struct evp_labels *ls,
		 bool *ret_keep)
{
	struct found f;
	int rc = 0;

	switch (rule->action) {
	case EVP_RELABEL_REPLACE:
		return replace(r, rule, ls);
	case EVP_RELABEL_KEEP:
	case EVP_RELABEL_DROP:
		rc = match(r, rule, text_of(&r->value), &f);
		*ret_keep = rc == (rule->action == EVP_RELABEL_KEEP);
		return rc < 0 ? rc : 0;
	case EVP_RELABEL_KEEPEQUAL:
	case EVP_RELABEL_DROPEQUAL:
		*ret_keep = evp_bytes_equal(evp_labels_get(ls, rule->target), text_of(&r->value)) ==
			    (rule->action == EVP_RELABEL_KEEPEQUAL);
		return 0;
	case EVP_RELABEL_LOWERCASE:
	case EVP_RELABEL_UPPERCASE:
		change_case(&r->value, rule->action == EVP_RELABEL_UPPERCASE);
		evp_labels_set(ls, rule->target, text_of(&r->value));
		return 0;
	case EVP_RELABEL_LABELMAP:
		return label_map(r, rule, ls);
	case EVP_RELABEL_LABELDROP:
	case EVP_RELABEL_LABELKEEP:
		return label_filter(r, rule, ls);
	case EVP_RELABEL_ACTIONS:
		break;
	}
	return rc;
}

int evp_relabel_apply(struct evp_relabel *r, struct evp_labels *ls, bool *ret_keep)
{
	int rc = 0;

	*ret_keep = true;
	for (size_t i = 0; !rc && *ret_keep && i < r->nrules; i++) {
		const struct evp_relabel_rule *rule = &r->rule[i];

		evp_str_clear(&r->value);
		for (size_t j = 0; j < rule->nsources; j++) {
			struct evp_bytes value = evp_labels_get(
				ls, r->source[rule->first_source + j].name);

			if (j)
				evp_str_add(&r->value, rule->separator.ptr, rule->separator.len);
			evp_str_add(&r->value, value.ptr, value.len);
		}
		rc = apply(r, rule, ls, ret_keep);
		if (r->value.oom || ls->text.oom)
			rc = -ENOMEM;
	}
	return rc;
}
