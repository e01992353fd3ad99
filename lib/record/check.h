/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What works here: evp-record --check. Every line is a probe that did the thing itself (loaded a
 * program, opened an event, read an address) with the capabilities, sysctls and kernel at hand;
 * nothing is concluded from a version number.
 */
#ifndef EVP_RECORD_CHECK_H
#define EVP_RECORD_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"
#include "record/rights.h"

enum evp_check_answer {
	EVP_CHECK_NO,
	EVP_CHECK_YES,
	EVP_CHECK_PART, /* works, less well: why says what is missing */
};

struct evp_check_item {
	const char *name; /* a word for scripts: "bpf-program" */
	const char *what; /* for people: "BPF programs on perf events" */
	enum evp_check_answer answer;
	bool needed;	/* without it something that evp-record does by default is missing */
	char why[240];	/* empty: nothing to say */
	char hint[512]; /* what would change the answer, with its command; empty: none known */
};

#define EVP_CHECK_MAX 24

struct evp_check {
	struct evp_check_item item[EVP_CHECK_MAX];
	size_t n;
	struct evp_rights rights;
	bool can_bpf;	 /* the BPF backend has all it needs */
	bool can_all;	 /* the whole machine can be sampled, by whichever backend */
	bool can_sample; /* at least this user's processes: exit status 0, else 2 */
};

void evp_check_run(struct evp_check *c);

/* A table: answer, what, why; hints below the lines that have one; a verdict at the end. */
void evp_check_text(const struct evp_check *c, struct evp_str *out);
/*
 * {"backend": "bpf"|"perf"|"none", "can_all": bool, "can_sample": bool, "checks": [{"name", "what",
 * "answer": "yes"|"partly"|"no", "needed": bool, "why", "hint"}], "facts": {...}}: evp-record(1),
 * "CHECKS". -ENOMEM.
 */
int evp_check_json(const struct evp_check *c, struct evp_str *out);

#endif
