/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set of labels while it is put together: texts by name, each name once, in order of first
 * setting. Small (tens of labels), so that looking through all of them is the fastest way.
 *
 * An empty value is an absent label: setting one removes it. A zeroed struct is empty. Running out
 * of memory is sticky in `text.oom`; look once at the end.
 */
#ifndef EVP_RECORD_LABELS_H
#define EVP_RECORD_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

struct evp_labels {
	struct evp_labels_item {
		size_t name, name_len, value, value_len; /* places in `text` */
	} * item;
	size_t n, cap;
	struct evp_str text;
};

void evp_labels_clear(struct evp_labels *ls); /* empty, memory kept */
void evp_labels_release(struct evp_labels *ls);

/* Copies both, which must not lie in the set itself. */
void evp_labels_set(struct evp_labels *ls, struct evp_bytes name, struct evp_bytes value);
void evp_labels_remove(struct evp_labels *ls, size_t i);

/* Good until the next set. */
struct evp_bytes evp_labels_name(const struct evp_labels *ls, size_t i);
struct evp_bytes evp_labels_value(const struct evp_labels *ls, size_t i);
/* The value of a label; len 0: absent. */
struct evp_bytes evp_labels_get(const struct evp_labels *ls, struct evp_bytes name);

static inline struct evp_bytes evp_text(const char *text)
{
	return (struct evp_bytes){ text, strlen(text) };
}

static inline bool evp_bytes_equal(struct evp_bytes a, struct evp_bytes b)
{
	return a.len == b.len && (!a.len || !memcmp(a.ptr, b.ptr, a.len));
}

#endif
