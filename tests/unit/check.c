// SPDX-License-Identifier: GPL-2.0-or-later
/* What works here: every line answered, both renderings, and agreement with what really works. */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/text.h"
#include "record/check.h"
#include "record/sampler.h"
#include "tap.h"

static int opens(const struct evp_sampler_ops *ops)
{
	struct evp_sampler_opts opts = { .period_ns = EVP_NSEC / 99, .user = true, .all = true };
	struct evp_sampler *s = NULL;

	if (ops->open(&s, &opts, NULL))
		return 0;
	ops->close(s);
	return 1;
}

int main(void)
{
	struct evp_str text = { 0 }, json = { 0 };
	struct evp_check c;
	json_t *root;
	size_t i, silent = 0;

	evp_check_run(&c);
	evp_check_text(&c, &text);
	for (i = 0; i < c.n; i++)
		silent += c.item[i].answer != EVP_CHECK_YES && !c.item[i].why[0];
	for (char *line = strtok(text.buf, "\n"); line; line = strtok(NULL, "\n"))
		printf("# %s\n", line);
	ok(c.n >= 10 && c.n <= EVP_CHECK_MAX, "there are lines");
	ok(!silent, "every no says why");
	ok(c.can_bpf == opens(&evp_sampler_bpf), "the BPF sampler opens if it is said to");
	ok(c.can_sample == opens(&evp_sampler_perf), "the perf sampler opens if it is said to");
	ok(!evp_check_json(&c, &json), "JSON");
	root = json_loads(json.buf ? json.buf : "", 0, NULL);
	ok(json_array_size(json_object_get(root, "checks")) == c.n &&
		   json_is_boolean(json_object_get(root, "can_sample")),
	   "which says the same");
	json_decref(root);
	evp_str_release(&text);
	evp_str_release(&json);
	return done_testing();
}
