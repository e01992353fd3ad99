// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules' file: YAML by libyaml, then what a rule may be. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/io.h"
#include "record/relabel_rule.h"

#define MAX_FILE    (1u << 20)
#define MAX_RULES   1000
#define MAX_SOURCES 64 /* of a rule */
#define MAX_TEXT    EVP_REGEX_MAX

struct reading {
	struct evp_relabel *r;
	const char *name;
	yaml_document_t doc;
	struct evp_err *err;
};

/* The keys that a rule of its action may have beside `action`. */
enum { SOURCES = 1, SEPARATOR = 2, REGEX = 4, TARGET = 8, REPLACEMENT = 16 };

static const struct {
	const char *name;
	unsigned int may, must;
} actions[EVP_RELABEL_ACTIONS] = {
	[EVP_RELABEL_REPLACE] = { "replace", SOURCES | SEPARATOR | REGEX | TARGET | REPLACEMENT,
				  TARGET },
	[EVP_RELABEL_KEEP] = { "keep", SOURCES | SEPARATOR | REGEX, 0 },
	[EVP_RELABEL_DROP] = { "drop", SOURCES | SEPARATOR | REGEX, 0 },
	[EVP_RELABEL_KEEPEQUAL] = { "keepequal", SOURCES | TARGET, TARGET },
	[EVP_RELABEL_DROPEQUAL] = { "dropequal", SOURCES | TARGET, TARGET },
	[EVP_RELABEL_LOWERCASE] = { "lowercase", SOURCES | SEPARATOR | TARGET, TARGET },
	[EVP_RELABEL_UPPERCASE] = { "uppercase", SOURCES | SEPARATOR | TARGET, TARGET },
	[EVP_RELABEL_LABELMAP] = { "labelmap", REGEX | REPLACEMENT, 0 },
	[EVP_RELABEL_LABELDROP] = { "labeldrop", REGEX, 0 },
	[EVP_RELABEL_LABELKEEP] = { "labelkeep", REGEX, 0 },
};

static const struct {
	const char *name;
	unsigned int bit;
} keys[] = {
	{ "source_labels", SOURCES }, { "separator", SEPARATOR },     { "regex", REGEX },
	{ "target_label", TARGET },   { "replacement", REPLACEMENT }, { "action", 0 },
};

static size_t line_of(const yaml_node_t *n)
{
	return n->start_mark.line + 1;
}

/* "'FILE' line 7: ..." */
#define FAIL(rd, node, fmt, ...)                                                                   \
	evp_fail((rd)->err, EINVAL, "'%s' line %zu: " fmt, (rd)->name, line_of(node), __VA_ARGS__)

static int text_of(struct reading *rd, const yaml_node_t *n, const char *what,
		   struct evp_bytes *ret)
{
	const char *copy;

	if (n->type != YAML_SCALAR_NODE)
		return FAIL(rd, n, "%s has to be one text", what);
	if (n->data.scalar.length > MAX_TEXT)
		return FAIL(rd, n, "%s is longer than %d bytes", what, MAX_TEXT);
	copy = evp_arena_dup(&rd->r->arena, n->data.scalar.value, n->data.scalar.length);
	if (!copy)
		return evp_fail_oom(rd->err);
	*ret = (struct evp_bytes){ copy, n->data.scalar.length };
	return 0;
}

static int read_action(struct reading *rd, const yaml_node_t *n, struct evp_relabel_rule *rule)
{
	struct evp_bytes text;
	int rc = text_of(rd, n, "action", &text);

	for (int i = 0; !rc && i < EVP_RELABEL_ACTIONS; i++)
		if (!strcasecmp(text.ptr, actions[i].name)) {
			rule->action = (enum evp_relabel_action)i;
			return 0;
		}
	return rc ? rc : FAIL(rd, n, "unknown action '%.40s'", text.ptr);
}

static int read_sources(struct reading *rd, const yaml_node_t *n, struct evp_relabel_rule *rule)
{
	struct evp_relabel *r = rd->r;
	const yaml_node_item_t *item;
	int rc = 0;

	if (n->type != YAML_SEQUENCE_NODE)
		return FAIL(rd, n, "%s has to be a list", "source_labels");
	rule->first_source = r->nsources;
	for (item = n->data.sequence.items.start; !rc && item < n->data.sequence.items.top;
	     item++) {
		const yaml_node_t *of = yaml_document_get_node(&rd->doc, *item);
		struct evp_bytes name;

		if (rule->nsources == MAX_SOURCES)
			return FAIL(rd, of, "more than %d source labels", MAX_SOURCES);
		rc = text_of(rd, of, "a source label", &name);
		if (!rc && !evp_label_name_valid(name))
			return FAIL(rd, of, "'%.80s' is no label's name", name.ptr);
		if (!rc && evp_grow(&r->source, &r->csources, r->nsources + 1, sizeof(*r->source)))
			rc = evp_fail_oom(rd->err);
		if (!rc) {
			r->source[r->nsources++] = (struct evp_relabel_source){ name, line_of(of) };
			rule->nsources++;
		}
	}
	return rc;
}

static int read_regex(struct reading *rd, const yaml_node_t *n, struct evp_bytes text,
		      struct evp_relabel_rule *rule)
{
	struct evp_err why = { 0 };
	size_t at = 0;
	int rc = evp_regex_new(&rule->regex, text.ptr, text.len, EVP_REGEX_WHOLE, &at, &why);

	if (rc)
		return FAIL(rd, n, "%s, at byte %zu of '%.80s'", why.msg, at, text.ptr);
	/* A pattern that only makes sense in UTF-8 matches nothing else. */
	evp_regex_new(&rule->bytes_regex, text.ptr, text.len, EVP_REGEX_WHOLE | EVP_REGEX_BYTES,
		      NULL, NULL);
	return 0;
}

static int read_key(struct reading *rd, const yaml_node_t *key, const yaml_node_t *value,
		    struct evp_relabel_rule *rule, unsigned int *given, struct evp_bytes *regex)
{
	struct evp_bytes name;
	size_t i = 0;
	int rc = text_of(rd, key, "a key", &name);

	if (rc)
		return rc;
	while (i < EVP_ARRAY_SIZE(keys) && strcmp(keys[i].name, name.ptr) != 0)
		i++;
	if (i == EVP_ARRAY_SIZE(keys))
		return FAIL(rd, key, "unknown key '%.80s'", name.ptr);
	if (*given & keys[i].bit)
		return FAIL(rd, key, "'%s' is there twice", name.ptr);
	*given |= keys[i].bit;
	switch (keys[i].bit) {
	case SOURCES:
		return read_sources(rd, value, rule);
	case SEPARATOR:
		return text_of(rd, value, name.ptr, &rule->separator);
	case REGEX:
		return text_of(rd, value, name.ptr, regex);
	case TARGET:
		return text_of(rd, value, name.ptr, &rule->target);
	case REPLACEMENT:
		return text_of(rd, value, name.ptr, &rule->replacement);
	default:
		return read_action(rd, value, rule);
	}
}

/* A name, or one that "$1" and its like will make up. */
static bool may_be_name(struct evp_bytes name)
{
	return memchr(name.ptr, '$', name.len) || evp_label_name_valid(name);
}

static int check_rule(struct reading *rd, const yaml_node_t *n, const struct evp_relabel_rule *rule,
		      unsigned int given)
{
	unsigned int may = actions[rule->action].may, must = actions[rule->action].must;
	bool replaces = rule->action == EVP_RELABEL_REPLACE;

	for (size_t i = 0; i < EVP_ARRAY_SIZE(keys); i++)
		if (given & ~may & keys[i].bit)
			return FAIL(rd, n, "%s takes no %s", actions[rule->action].name,
				    keys[i].name);
	if (must & ~given)
		return FAIL(rd, n, "%s needs a target_label", actions[rule->action].name);
	if ((must & TARGET) &&
	    !(replaces ? may_be_name(rule->target) : evp_label_name_valid(rule->target)))
		return FAIL(rd, n, "target_label '%.80s' is no label's name", rule->target.ptr);
	if (rule->action == EVP_RELABEL_LABELMAP && !may_be_name(rule->replacement))
		return FAIL(rd, n, "replacement '%.80s' is no label's name", rule->replacement.ptr);
	return 0;
}

static int read_rule(struct reading *rd, const yaml_node_t *n)
{
	struct evp_relabel *r = rd->r;
	struct evp_relabel_rule *rule;
	struct evp_bytes regex = evp_text("(.*)");
	const yaml_node_pair_t *pair;
	unsigned int given = 0;
	int rc = 0;

	if (n->type != YAML_MAPPING_NODE)
		return FAIL(rd, n, "a rule has to be a mapping%s", "");
	if (r->nrules == MAX_RULES)
		return FAIL(rd, n, "more than %d rules", MAX_RULES);
	if (evp_grow(&r->rule, &r->crules, r->nrules + 1, sizeof(*r->rule)))
		return evp_fail_oom(rd->err);
	rule = &r->rule[r->nrules++];
	*rule = (struct evp_relabel_rule){ .line = line_of(n),
					   .separator = evp_text(";"),
					   .target = evp_text(""),
					   .replacement = evp_text("$1") };
	for (pair = n->data.mapping.pairs.start; !rc && pair < n->data.mapping.pairs.top; pair++)
		rc = read_key(rd, yaml_document_get_node(&rd->doc, pair->key),
			      yaml_document_get_node(&rd->doc, pair->value), rule, &given, &regex);
	if (!rc)
		rc = check_rule(rd, n, rule, given);
	return rc ? rc : read_regex(rd, n, regex, rule);
}

static int read_rules(struct reading *rd, const yaml_node_t *n)
{
	const yaml_node_item_t *item;
	int rc = 0;

	if (n->type != YAML_SEQUENCE_NODE)
		return FAIL(rd, n, "%s has to be a list of rules", "relabel_configs");
	for (item = n->data.sequence.items.start; !rc && item < n->data.sequence.items.top; item++)
		rc = read_rule(rd, yaml_document_get_node(&rd->doc, *item));
	return rc;
}

static int read_root(struct reading *rd)
{
	const yaml_node_t *root = yaml_document_get_root_node(&rd->doc), *key;
	const yaml_node_pair_t *pair;
	struct evp_bytes name;
	int rc = 0, seen = 0;

	if (!root)
		return evp_fail(rd->err, EINVAL, "'%s' has no rules", rd->name);
	if (root->type != YAML_MAPPING_NODE)
		return read_rules(rd, root);
	for (pair = root->data.mapping.pairs.start; !rc && pair < root->data.mapping.pairs.top;
	     pair++) {
		key = yaml_document_get_node(&rd->doc, pair->key);
		rc = text_of(rd, key, "a key", &name);
		if (!rc && (strcmp(name.ptr, "relabel_configs") != 0 || seen++))
			return FAIL(
				rd, key,
				"'%.80s' where a list of rules or one 'relabel_configs' belongs",
				name.ptr);
		if (!rc)
			rc = read_rules(rd, yaml_document_get_node(&rd->doc, pair->value));
	}
	return rc;
}

static int load(yaml_parser_t *parser, struct reading *rd)
{
	if (yaml_parser_load(parser, &rd->doc))
		return 0;
	if (parser->error == YAML_MEMORY_ERROR)
		return evp_fail_oom(rd->err);
	return evp_fail(rd->err, EBADMSG, "'%s' line %zu: %s", rd->name,
			parser->problem_mark.line + 1,
			parser->problem ? parser->problem : "no YAML");
}

int evp_relabel_parse(struct evp_relabel **ret, const char *text, size_t len, const char *name,
		      struct evp_err *err)
{
	struct reading rd = { .r = calloc(1, sizeof(*rd.r)), .name = name, .err = err };
	yaml_parser_t parser;
	int rc;

	if (!rd.r || !yaml_parser_initialize(&parser)) {
		free(rd.r);
		return evp_fail_oom(err);
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	rc = load(&parser, &rd);
	if (!rc) {
		rc = read_root(&rd);
		yaml_document_delete(&rd.doc);
	}
	if (!rc)
		rc = load(&parser, &rd);
	if (!rc) {
		const yaml_node_t *second = yaml_document_get_root_node(&rd.doc);

		if (second)
			rc = FAIL(&rd, second, "a second document%s", "");
		yaml_document_delete(&rd.doc);
	}
	yaml_parser_delete(&parser);
	if (rc)
		evp_relabel_free(rd.r);
	else
		*ret = rd.r;
	return rc;
}

int evp_relabel_open(struct evp_relabel **ret, const char *path, struct evp_err *err)
{
	struct evp_str text = { 0 };
	int rc = evp_read_file(path, MAX_FILE, &text, err);

	if (!rc)
		rc = evp_relabel_parse(ret, text.buf ? text.buf : "", text.len, path, err);
	evp_str_release(&text);
	return rc;
}
