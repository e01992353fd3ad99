/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rule, as relabel_read.c leaves it and relabel.c applies it. */
#ifndef EVP_RECORD_RELABEL_RULE_H
#define EVP_RECORD_RELABEL_RULE_H

#include "base/regex.h"
#include "record/relabel.h"
#include "stream/stream.h"

#define EVP_RELABEL_GROUPS 64 /* capture groups that a replacement may name */

enum evp_relabel_action {
	EVP_RELABEL_REPLACE,
	EVP_RELABEL_KEEP,
	EVP_RELABEL_DROP,
	EVP_RELABEL_KEEPEQUAL,
	EVP_RELABEL_DROPEQUAL,
	EVP_RELABEL_LOWERCASE,
	EVP_RELABEL_UPPERCASE,
	EVP_RELABEL_LABELMAP,
	EVP_RELABEL_LABELDROP,
	EVP_RELABEL_LABELKEEP,
	EVP_RELABEL_ACTIONS
};

struct evp_relabel_rule {
	enum evp_relabel_action action;
	size_t line;
	size_t first_source, nsources; /* in the rules' list of all */
	struct evp_bytes separator, target, replacement;
	struct evp_regex *regex, *bytes_regex; /* the second for what is not UTF-8; may be NULL */
};

struct evp_relabel {
	struct evp_relabel_rule *rule;
	size_t nrules, crules;
	struct evp_relabel_source {
		struct evp_bytes name;
		size_t line;
	} * source;
	size_t nsources, csources;
	struct evp_arena arena;	   /* every text of the rules */
	struct evp_str value, out; /* while one is applied */
	size_t gave_up;
};

#endif
