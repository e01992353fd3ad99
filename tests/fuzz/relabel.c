// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules from anyone: up to the first NUL a file of them, behind it a label's value and a cgroup's
 * path. Whatever they do, labels keep names that a stream takes, and no value is empty.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "../../lib/record/relabel_read.c"
#include "../../lib/record/cgroup_path.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct evp_labels *ls)
{
	for (size_t i = 0; i < ls->n; i++)
		if (!evp_label_name_valid(evp_labels_name(ls, i)) || !evp_labels_value(ls, i).len)
			abort();
}

static void inside(struct evp_bytes part, const char *path)
{
	if (part.len && (part.ptr < path || part.ptr + part.len > path + strlen(path)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const uint8_t *cut = len ? memchr(data, 0, len) : NULL;
	size_t n = cut ? (size_t)(cut - data) : len;
	struct evp_cgroup_parts parts;
	struct evp_relabel *r = NULL;
	struct evp_labels ls = { 0 };
	struct evp_err err = { 0 };
	struct evp_str path = { 0 };
	bool keep;

	evp_str_add(&path, data + (cut ? n + 1 : 0), len - (cut ? n + 1 : 0));
	if (path.buf) {
		evp_cgroup_parse(path.buf, &parts);
		inside(parts.container, path.buf);
		inside(parts.unit, path.buf);
		inside(parts.slice, path.buf);
	}
	evp_labels_set(&ls, evp_text("comm"), (struct evp_bytes){ path.buf, path.len });
	evp_labels_set(&ls, evp_text("__meta_process_comm"), evp_text("a-1"));
	if (!evp_relabel_parse(&r, (const char *)data, n, "rules", &err)) {
		evp_relabel_reads(r, evp_text("comm"));
		evp_relabel_apply(r, &ls, &keep);
		check(&ls);
	}
	evp_relabel_free(r);
	evp_labels_release(&ls);
	evp_str_release(&path);
	return 0;
}
