// SPDX-License-Identifier: GPL-2.0-or-later
/* Labels as a stream has them: in a process record, in a label set. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "record/labeller.h"

/* A number, spelled as numbers are. */
static bool is_number(struct evp_bytes name, struct evp_bytes value, int64_t *ret)
{
	char text[24], again[24];

	if (!evp_bytes_equal(name, evp_text("pid")) && !evp_bytes_equal(name, evp_text("tid")) &&
	    !evp_bytes_equal(name, evp_text("cpu")))
		return false;
	if (value.len >= sizeof(text))
		return false;
	memcpy(text, value.ptr, value.len);
	text[value.len] = 0;
	if (evp_parse_i64(text, ret))
		return false;
	snprintf(again, sizeof(again), "%lld", (long long)*ret);
	return !strcmp(text, again);
}

static int write_label(struct evp_writer *w, struct evp_bytes name, struct evp_bytes value,
		       struct evp_label *ret)
{
	int rc = evp_writer_string(w, name.ptr, name.len, &ret->key);

	ret->is_number = is_number(name, value, &ret->number);
	if (!rc && !ret->is_number)
		rc = evp_writer_string(w, value.ptr, value.len, &ret->text);
	return rc;
}

/* The place of a label in the process record; NULL: it has none. */
static uint32_t *process_field(struct evp_process *out, struct evp_bytes name)
{
	return evp_bytes_equal(name, evp_text("comm"))	   ? &out->comm
	       : evp_bytes_equal(name, evp_text("exe"))	   ? &out->exe
	       : evp_bytes_equal(name, evp_text("cgroup")) ? &out->cgroup
	       : evp_bytes_equal(name, evp_text("node"))   ? &out->node
							   : NULL;
}

int evp_labeller_write(struct evp_labeller *l, struct evp_writer *w, const struct evp_proc *p,
		       const char *boot_id, uint32_t *ret_process, uint32_t *ret_labels)
{
	struct evp_process out = { 0 };
	size_t n = 0;
	int rc = 0;

	if (evp_grow(&l->out, &l->out_cap, l->labels.n + 1, sizeof(*l->out)))
		return -ENOMEM;
	for (size_t i = 0; !rc && i < l->labels.n; i++) {
		struct evp_bytes name = evp_labels_name(&l->labels, i);
		struct evp_bytes value = evp_labels_value(&l->labels, i);
		uint32_t *field = process_field(&out, name);
		struct evp_label label = { 0 };

		if (name.len > 1 && !memcmp(name.ptr, "__", 2))
			continue;
		if (field) {
			rc = evp_writer_string(w, value.ptr, value.len, field);
			continue;
		}
		rc = write_label(w, name, value, &label);
		if (label.is_number && label.number == p->pid &&
		    evp_bytes_equal(name, evp_text("pid"))) {
			out.pid = p->pid;
			out.ns_pid = p->ns_pid;
			out.start_ns = p->start_ns;
			out.exec_generation = p->exec_generation;
			rc = rc ? rc : evp_writer_cstring(w, boot_id, &out.boot_id);
		} else {
			l->out[n++] = label;
		}
	}
	if (!rc)
		rc = evp_writer_process(w, &out, ret_process);
	return rc ? rc : evp_writer_label_set(w, l->out, n, ret_labels);
}
