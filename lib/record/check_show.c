// SPDX-License-Identifier: GPL-2.0-or-later
/* What evp_check_run found, for people and for scripts. */
#include <limits.h>
#include <string.h>

#include <jansson.h>

#include "base/table.h"
#include "record/check.h"

static const char *answer_name(enum evp_check_answer a)
{
	return a == EVP_CHECK_YES ? "yes" : a == EVP_CHECK_PART ? "partly" : "no";
}

static const char *backend(const struct evp_check *c)
{
	return c->can_bpf ? "bpf" : c->can_sample ? "perf" : "none";
}

/* The first item that says what would help the one at `i`. */
static size_t hint_at(const struct evp_check *c, size_t i)
{
	size_t k = 0;

	while (strcmp(c->item[k].hint, c->item[i].hint) != 0)
		k++;
	return k;
}

void evp_check_text(const struct evp_check *c, struct evp_str *out)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		const struct evp_check_item *it = &c->item[i];
		size_t first = hint_at(c, i);

		evp_str_printf(out, "%-18s %-7s %s%s%s\n", it->name, answer_name(it->answer),
			       it->what, it->why[0] ? ": " : "", it->why);
		if (it->hint[0] && first < i)
			evp_str_printf(out, "%26s as for %s\n", "->", c->item[first].name);
		else if (it->hint[0])
			evp_str_printf(out, "%26s %s\n", "->", it->hint);
	}
	evp_str_printf(out, "backend            %s\n", backend(c));
	evp_str_printf(out, "can sample         %s\n",
		       c->can_all      ? "the whole machine"
		       : c->can_sample ? "your own processes"
				       : "nothing");
}

static json_t *item_json(const struct evp_check_item *it)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "name", it->name, "what", it->what,
			 "answer", answer_name(it->answer), "needed", it->needed, "why", it->why,
			 "hint", it->hint);
}

/* A sysctl's value; null where it cannot be read. */
static json_t *number_json(int value)
{
	return value == INT_MIN ? json_null() : json_integer(value);
}

static json_t *capabilities_json(const struct evp_rights *r)
{
	static const int caps[] = { CAP_BPF,	    CAP_PERFMON,	 CAP_SYSLOG,
				    CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_CHECKPOINT_RESTORE,
				    CAP_IPC_LOCK,   CAP_SYS_RESOURCE };
	json_t *all = json_object();

	for (size_t i = 0; i < EVP_ARRAY_SIZE(caps); i++)
		json_object_set_new(all, evp_cap_name(caps[i]),
				    json_boolean(evp_rights_have(r, caps[i])));
	return all;
}

static json_t *facts_json(const struct evp_rights *r)
{
	static const char *const seccomp[] = { "unknown", "none", "strict", "filter" };

	return json_pack("{s:o, s:o, s:o, s:s, s:s, s:s, s:s}", "capabilities",
			 capabilities_json(r), "perf_event_paranoid", number_json(r->paranoid),
			 "kptr_restrict", number_json(r->kptr_restrict), "pid_namespace",
			 r->pid_namespace ? "own" : "initial", "user_namespace",
			 r->user_namespace ? "own" : "initial", "seccomp",
			 seccomp[r->seccomp < 0 || r->seccomp > 2 ? 0 : r->seccomp + 1], "lockdown",
			 r->lockdown);
}

int evp_check_json(const struct evp_check *c, struct evp_str *out)
{
	json_t *list = json_array(), *root;
	size_t i;

	for (i = 0; i < c->n; i++)
		json_array_append_new(list, item_json(&c->item[i]));
	root = json_pack("{s:s, s:b, s:b, s:o, s:o}", "backend", backend(c), "can_all", c->can_all,
			 "can_sample", c->can_sample, "checks", list, "facts",
			 facts_json(&c->rights));
	return evp_json_append(out, root, JSON_INDENT(2) | JSON_SORT_KEYS);
}
