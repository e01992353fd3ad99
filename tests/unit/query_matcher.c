// SPDX-License-Identifier: GPL-2.0-or-later
/* Selectors: what parses, what matches, and where the caret stands when it does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/matcher.h"
#include "tap.h"

/* Does `text`, whose matchers are all about one label, pass this value? -1: no selector. */
static int passes(const char *text, const char *value)
{
	struct evp_selector *s = NULL;
	int rc = 1;
	size_t i;

	if (evp_selector_parse(&s, text, NULL))
		return -1;
	for (i = 0; i < s->n && rc == 1; i++)
		rc = evp_matcher_test(&s->matchers[i], value, strlen(value), NULL);
	evp_selector_free(s);
	return rc;
}

static void matching(void)
{
	static const struct {
		const char *text, *value;
		int want;
	} cases[] = {
		{ "cpu", "anything", 1 },
		{ "cpu{}", "anything", 1 },
		{ "{comm=\"a\"}", "a", 1 },
		{ "cpu{comm=\"nginx\"}", "nginx", 1 },
		{ "cpu{comm=\"nginx\"}", "nginx2", 0 },
		{ " cpu { comm != 'nginx' , } ", "x", 1 },
		{ "cpu{comm!='nginx'}", "nginx", 0 },
		{ "cpu{comm=~\"web.*\"}", "web-1", 1 },
		{ "cpu{comm=~\"web\"}", "web-1", 0 },
		{ "cpu{comm=~\"eb\"}", "web", 0 },
		{ "cpu{comm=~\"a|bc\"}", "bc", 1 },
		{ "cpu{comm=~\"a|bc\"}", "ac", 0 },
		{ "cpu{comm!~\"a.*\"}", "b", 1 },
		{ "cpu{comm=\"\"}", "", 1 },
		{ "cpu{comm!=\"\"}", "", 0 },
		{ "cpu{comm=~\"\"}", "", 1 },
		{ "cpu{comm=~\".+\"}", "", 0 },
		{ "cpu{comm=~\".*\"}", "", 1 },
		{ "cpu{comm=~\"a.*\",comm!=\"ab\"}", "ab", 0 },
		{ "cpu{comm=~\"a.*\",comm!=\"ab\"}", "ac", 1 },
		{ "cpu{comm=\"a\\\"b\\x41\\101\\u00e9\\n\"}", "a\"bAA\xc3\xa9\n", 1 },
		{ "cpu{comm=`a\\d`}", "a\\d", 1 },
		{ "cpu{comm=~`\\d+`}", "42", 1 },
		{ "cpu{comm=~\"a.b\"}", "a\nb", 1 },
		{ "cpu{comm=~\"a.b\"}",
		  "a\xff"
		  "b",
		  0 },
	};
	char what[160];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int got = passes(cases[i].text, cases[i].value);

		snprintf(what, sizeof(what), "%s on '%s': %d", cases[i].text, cases[i].value, got);
		for (char *p = what; *p; p++)
			if (*p == '\n')
				*p = ' ';
		ok(got == cases[i].want, what);
	}
}

/* The caret stands under the byte that '^' marks in the second line of `want`. */
static void carets(void)
{
	static const struct {
		const char *text, *caret;
	} cases[] = {
		{ "Cpu", "^" },
		{ "", "^" },
		{ "cpu:x", "   ^" },
		{ "cpu{", "    ^" },
		{ "cpu{comm}", "        ^" },
		{ "cpu{comm=nginx}", "         ^" },
		{ "cpu{comm=\"nginx}", "         ^" },
		{ "cpu{comm=\"a\" b}", "             ^" },
		{ "cpu{comm=\"a\"} b", "              ^" },
		{ "cpu{comm==\"a\"}", "         ^" },
		{ "cpu{comm=\"a\\qb\"}", "           ^" },
		{ "cpu{comm=~\"a(b\"}", "              ^" },
		{ "cpu{comm=~\"\\x61)b\"}", "               ^" },
		{ "cpu{__name__=\"x\"}", "    ^" },
		{ "cpu{\xc3\xa9=\"x\"}", "    ^" },
		{ "cpu{a=\"\xc3\xa9\",?}", "          ^" },
	};
	char what[160];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct evp_selector *s = NULL;
		struct evp_err err = { 0 };
		int rc = evp_selector_parse(&s, cases[i].text, &err);
		char *line = strchr(err.msg, '\n'), *caret = line ? strchr(line + 1, '\n') : NULL;

		snprintf(what, sizeof(what), "caret in %s", cases[i].text);
		ok(rc == -EINVAL && !s && caret && !strcmp(caret + 3, cases[i].caret), what);
		if (rc == -EINVAL && caret && strcmp(caret + 3, cases[i].caret))
			printf("# %s\n# |%s\n", err.msg, caret + 3);
	}
}

static void limits(void)
{
	char *text = malloc(EVP_SELECTOR_MAX + 100);
	struct evp_err err = { 0 };
	size_t n;

	memset(text, 'a', EVP_SELECTOR_MAX + 99);
	text[EVP_SELECTOR_MAX + 99] = 0;
	ok(passes(text, "x") == -1, "a selector past its limit is refused");
	n = (size_t)sprintf(text, "cpu{a=~\"");
	memset(text + n, 'a', 5000);
	strcpy(text + n + 5000, "\"}");
	ok(passes(text, "x") == -1, "a pattern past its limit is refused");
	n = (size_t)sprintf(text, "cpu{");
	for (int i = 0; i < EVP_SELECTOR_MATCHERS + 1; i++)
		n += (size_t)sprintf(text + n, "a!=\"%d\",", i);
	strcpy(text + n, "}");
	ok(passes(text, "x") == -1, "one matcher too many is refused");
	ok(passes("cpu{a=~\"((a+)+)+\"}", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac") ==
		   -E2BIG,
	   "a pattern that explodes gives up");
	memset(text, ' ', 300);
	strcpy(text + 300, "cpu{\xc3\xa9}");
	ok(evp_selector_parse(&(struct evp_selector *){ NULL }, text, &err) == -EINVAL &&
		   strstr(err.msg, "\n  ...") && strchr(err.msg, '^'),
	   "a long selector is shown around the place");
	free(text);
}

int main(void)
{
	matching();
	carets();
	limits();
	return done_testing();
}
