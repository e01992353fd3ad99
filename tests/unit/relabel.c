// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules as Prometheus has them, and files that hold none. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/relabel.h"
#include "tap.h"

/* "a=b c=d": labels without blanks; "-" a drop; "!..." what is wrong with the rules. */
static const char *applied(const char *rules, const char *labels)
{
	static char out[2000];
	struct evp_relabel *r = NULL;
	struct evp_labels ls = { 0 };
	struct evp_err err = { 0 };
	bool keep = true;
	size_t n = 0;

	if (evp_relabel_parse(&r, rules, strlen(rules), "f", &err)) {
		snprintf(out, sizeof(out), "!%s", err.msg);
		return out;
	}
	while (*labels) {
		size_t name = strcspn(labels, "="), len = strcspn(labels + name + 1, " ");

		evp_labels_set(&ls, (struct evp_bytes){ labels, name },
			       (struct evp_bytes){ labels + name + 1, len });
		labels += name + 1 + len;
		labels += *labels == ' ';
	}
	out[0] = 0;
	if (evp_relabel_apply(r, &ls, &keep))
		snprintf(out, sizeof(out), "no memory");
	for (size_t i = 0; i < ls.n && keep; i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%.*s=%.*s", n ? " " : "",
				      (int)evp_labels_name(&ls, i).len, evp_labels_name(&ls, i).ptr,
				      (int)evp_labels_value(&ls, i).len,
				      evp_labels_value(&ls, i).ptr);
	if (!keep)
		snprintf(out, sizeof(out), "-");
	evp_labels_release(&ls);
	evp_relabel_free(r);
	return out;
}

static const struct {
	const char *what, *rules, *labels, *wanted;
} cases[] = {
	{ "replace copies by default", "- {source_labels: [a], target_label: b}", "a=x",
	  "a=x b=x" },
	{ "sources are joined by ';'", "- {source_labels: [a, b], target_label: c}", "a=x b=y",
	  "a=x b=y c=x;y" },
	{ "or by the separator, and absent ones are empty",
	  "- {source_labels: [a, n, b], separator: '/', target_label: c}", "a=x b=y",
	  "a=x b=y c=x//y" },
	{ "groups by number and name",
	  "- {source_labels: [a], regex: '(\\w+)-(?P<n>\\d+)', target_label: b, "
	  "replacement: '${n}.$1.$2x.$$.$9.$'}",
	  "a=web-12", "a=web-12 b=12.web..$..$" },
	{ "a group that took no part is empty",
	  "- {source_labels: [a], regex: 'x(y)?', target_label: b, replacement: '<$1>'}", "a=x",
	  "a=x b=<>" },
	{ "a regex has to match all of it", "- {source_labels: [a], regex: w, target_label: b}",
	  "a=web", "a=web" },
	{ "each side of a '|' too", "- {source_labels: [a], regex: 'w|e', target_label: b}", "a=we",
	  "a=we" },
	{ "an empty replacement removes",
	  "- {source_labels: [a], target_label: b, replacement: ''}", "a=x b=y", "a=x" },
	{ "an empty value removes", "- {source_labels: [n], target_label: b}", "a=x b=y", "a=x" },
	{ "a constant", "- {target_label: env, replacement: test}", "a=x", "a=x env=test" },
	{ "a target from the value",
	  "- {source_labels: [a], regex: '(.*)=(.*)', target_label: 'x_$1', replacement: $2}",
	  "a=k=v", "a=k=v x_k=v" },
	{ "but only if it is a name", "- {source_labels: [a], target_label: '$1', replacement: y}",
	  "a=1x", "a=1x" },
	{ "keep", "- {source_labels: [a], regex: 'x|y', action: keep}", "a=x", "a=x" },
	{ "keep drops the others", "- {source_labels: [a], regex: 'x|y', action: Keep}", "a=z",
	  "-" },
	{ "drop", "- {source_labels: [a], regex: x.*, action: drop}", "a=xyz", "-" },
	{ "drop keeps the others", "- {source_labels: [a], regex: x, action: drop}", "a=xyz",
	  "a=xyz" },
	{ "keepequal", "- {source_labels: [a], target_label: b, action: keepequal}", "a=x b=y",
	  "-" },
	{ "dropequal", "- {source_labels: [a], target_label: b, action: dropequal}", "a=x b=x",
	  "-" },
	{ "lowercase, uppercase",
	  "- {source_labels: [a], target_label: b, action: lowercase}\n"
	  "- {source_labels: [a], target_label: a, action: uppercase}",
	  "a=xY", "a=XY b=xy" },
	{ "labelmap", "- {regex: '__meta_(.+)', action: labelmap}", "__meta_a=1 b=2 __meta_c=3",
	  "__meta_a=1 b=2 __meta_c=3 a=1 c=3" },
	{ "labelmap sees labels as they were", "- {regex: 'x(x*a)', action: labelmap}",
	  "xxa=1 xa=2 a=3", "xxa=1 xa=1 a=2" },
	{ "labeldrop", "- {regex: '__.*|c', action: labeldrop}", "__a=1 b=2 c=3", "b=2" },
	{ "labelkeep", "- {regex: '__.*|c', action: labelkeep}", "__a=1 b=2 c=3", "__a=1 c=3" },
	{ "rules work on what those before made",
	  "relabel_configs:\n- {source_labels: [a], target_label: __tmp}\n"
	  "- source_labels:\n  - __tmp\n  regex: x\n  action: drop\n",
	  "a=x", "-" },
	{ "'.' is a newline too, '$' is the end only",
	  "- {source_labels: [a], regex: 'x.y$', target_label: b, replacement: z}", "a=x\ny",
	  "a=x\ny b=z" },
	{ "a value that is not UTF-8 is matched as bytes",
	  "- {source_labels: [a], regex: '(.)(.)x', target_label: b, replacement: $2$1}",
	  "a=\xff\xc3x", "a=\xff\xc3x b=\xc3\xff" },
	{ "a character is one where it is",
	  "- {source_labels: [a], regex: '(.)x', target_label: b}", "a=\xc3\xa4x",
	  "a=\xc3\xa4x b=\xc3\xa4" },
	{ "no rules", "relabel_configs: []", "a=x", "a=x" },
	{ "no document", "", "", "!'f' has no rules" },
	{ "no YAML", "a: [", "", "!'f' line 2: did not find expected node content" },
	{ "an unknown key", "- {source_label: [a]}", "",
	  "!'f' line 1: unknown key 'source_label'" },
	{ "a key twice", "- target_label: a\n  target_label: b", "",
	  "!'f' line 2: 'target_label' is there twice" },
	{ "an unknown action", "\n- action: hashmod", "", "!'f' line 2: unknown action 'hashmod'" },
	{ "a bad regex", "- {regex: '(', action: drop}", "",
	  "!'f' line 1: bad regular expression: missing closing parenthesis, at byte 1 of '('" },
	{ "no target", "- {source_labels: [a]}", "", "!'f' line 1: replace needs a target_label" },
	{ "a bad target", "- {target_label: a-b}", "",
	  "!'f' line 1: target_label 'a-b' is no label's name" },
	{ "a bad source", "- {source_labels: [a b], target_label: c}", "",
	  "!'f' line 1: 'a b' is no label's name" },
	{ "sources that are no list", "- {source_labels: a, target_label: c}", "",
	  "!'f' line 1: source_labels has to be a list" },
	{ "a key that the action does not take", "- {action: labeldrop, target_label: x}", "",
	  "!'f' line 1: labeldrop takes no target_label" },
	{ "another file's keys", "scrape_configs: []", "",
	  "!'f' line 1: 'scrape_configs' where a list of rules or one 'relabel_configs' belongs" },
	{ "rules that are no list", "relabel_configs: 5", "",
	  "!'f' line 1: relabel_configs has to be a list of rules" },
	{ "a second document", "[]\n--- []", "", "!'f' line 2: a second document" },
	{ "a cycle", "&a [*a]", "", "!'f' line 1: a rule has to be a mapping" },
};

/* What no rule may cost: values that double, a pattern that never ends. */
static void test_limits(void)
{
	struct evp_str rules = { 0 };
	struct evp_relabel *r = NULL;
	struct evp_labels ls = { 0 };
	struct evp_err err = { 0 };
	bool keep;

	for (int i = 0; i < 100; i++)
		evp_str_puts(&rules,
			     "- {source_labels: [a], target_label: a, replacement: $1$1}\n");
	evp_labels_set(&ls, evp_text("a"), evp_text("xy"));
	ok(!evp_relabel_parse(&r, rules.buf, rules.len, "f", &err) &&
		   !evp_relabel_apply(r, &ls, &keep) &&
		   evp_labels_get(&ls, evp_text("a")).len < 200000,
	   "doubling ends somewhere");
	evp_relabel_free(r);
	evp_str_clear(&rules);
	for (int i = 0; i < 100; i++)
		evp_str_printf(&rules, "- {regex: (.*), action: labelmap, replacement: x%d$1}\n",
			       i);
	ok(!evp_relabel_parse(&r, rules.buf, rules.len, "f", &err) &&
		   !evp_relabel_apply(r, &ls, &keep) && ls.n <= 1024,
	   "so does doubling labels");
	evp_relabel_free(r);
	evp_labels_clear(&ls);
	evp_str_clear(&rules);
	evp_str_puts(&rules, "- {source_labels: [b], regex: '(x+x+)+[yz]', action: drop}");
	evp_labels_set(&ls, evp_text("b"), evp_text("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"));
	ok(!evp_relabel_parse(&r, rules.buf, rules.len, "f", &err) &&
		   !evp_relabel_apply(r, &ls, &keep) && keep && evp_relabel_gave_up(r) == 1,
	   "a pattern that gives up does not match, and is counted");
	evp_relabel_free(r);
	evp_str_clear(&rules);
	for (int i = 0; i < 1001; i++)
		evp_str_puts(&rules, "- {target_label: a}\n");
	ok(evp_relabel_parse(&r, rules.buf, rules.len, "f", &err) == -EINVAL, "1001 rules");
	evp_str_release(&rules);
	evp_labels_release(&ls);
}

static void test_reads(void)
{
	static const char rules[] = "- {source_labels: [__meta_a], action: keep}\n"
				    "- {regex: __meta_b_.*, action: labelmap}\n";
	struct evp_relabel *r = NULL;

	ok(!evp_relabel_parse(&r, rules, sizeof(rules) - 1, "f", NULL) &&
		   evp_relabel_reads(r, evp_text("__meta_a")) &&
		   evp_relabel_reads(r, evp_text("__meta_b_c")) &&
		   !evp_relabel_reads(r, evp_text("__meta_c")),
	   "which labels rules read");
	evp_relabel_free(r);
}

int main(void)
{
	for (size_t i = 0; i < EVP_ARRAY_SIZE(cases); i++) {
		const char *got = applied(cases[i].rules, cases[i].labels);

		if (strcmp(got, cases[i].wanted) != 0)
			printf("# got '%s', wanted '%s'\n", got, cases[i].wanted);
		ok(!strcmp(got, cases[i].wanted), cases[i].what);
	}
	test_limits();
	test_reads();
	return done_testing();
}
