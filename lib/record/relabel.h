/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Relabelling as Prometheus has it: rules that keep, drop and rewrite, in order, over a set of
 * labels. Source: its documentation of <relabel_config>; what differs is in evp-record(1),
 * "RELABELLING".
 *
 * The file is YAML, parsed by libyaml: either a mapping with the one key relabel_configs, or the
 * list itself. Rules are checked when read: a key or an action that is unknown, or a key that its
 * action does not use, is an error with its line. A group that is not there is empty, as in Go.
 *
 * Regular expressions are anchored at both ends. A value that is not UTF-8 is matched byte by byte.
 */
#ifndef EVP_RECORD_RELABEL_H
#define EVP_RECORD_RELABEL_H

#include "record/labels.h"

struct evp_relabel;

/* 0, or -errno with file and line: -EBADMSG no YAML, -EINVAL no rule, -EFBIG past a limit. */
int evp_relabel_open(struct evp_relabel **ret, const char *path, struct evp_err *err);
int evp_relabel_parse(struct evp_relabel **ret, const char *text, size_t len, const char *name,
		      struct evp_err *err);
void evp_relabel_free(struct evp_relabel *r); /* NULL too */

/*
 * Applies the rules; *ret_keep is false where one drops it (the labels are then as they were at
 * that rule). 0 or -ENOMEM. A regular expression that gives up at its limits does not match.
 */
int evp_relabel_apply(struct evp_relabel *r, struct evp_labels *ls, bool *ret_keep);
size_t evp_relabel_gave_up(const struct evp_relabel *r);

/* Whether a rule looks at the value of a label of this name, or may copy it (labelmap). */
bool evp_relabel_reads(const struct evp_relabel *r, struct evp_bytes name);
/* Whether a rule sets a label of this very name. */
bool evp_relabel_makes(const struct evp_relabel *r, struct evp_bytes name);
/* The labels that rules name as sources, in order, as often as they do; and the line of the rule. */
size_t evp_relabel_nsources(const struct evp_relabel *r);
struct evp_bytes evp_relabel_source(const struct evp_relabel *r, size_t i);
size_t evp_relabel_source_line(const struct evp_relabel *r, size_t i);

#endif
