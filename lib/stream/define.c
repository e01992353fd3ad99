// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/writer_private.h"

/* Writes the definition in w->payload and takes it into the tables. */
static int define(struct evp_writer *w, enum evp_tag tag)
{
	const char *what = "";

	if (w->payload.oom)
		return evp_writer_fail(w, -ENOMEM);
	if (!evp_tables_fit(&w->tables, w->payload.len))
		return evp_writer_fail(w, -EFBIG);
	if (evp_writer_fail(w, evp_tables_define(&w->tables, tag, (uint8_t *)w->payload.buf,
						 w->payload.len, &what)))
		return w->error;
	return evp_writer_record(w, tag, w->payload.buf, w->payload.len);
}

/* The id of the thing whose payload was just built; written if it is new. */
static int define_once(struct evp_writer *w, enum evp_tag tag, uint32_t *ret_id)
{
	struct evp_interner *known = &w->known[tag];
	size_t before = known->n;
	uint32_t id;

	if (w->error || w->payload.oom)
		return evp_writer_fail(w, -ENOMEM);
	if (evp_writer_fail(w, evp_intern(known, w->payload.buf, w->payload.len, &id)))
		return w->error;
	*ret_id = id + 1;
	return known->n == before ? 0 : define(w, tag);
}

/* A name longer than the limit is cut and ends in its hash, so that different ones stay different.
 */
static int intern_limited(struct evp_writer *w, const char *bytes, size_t len, size_t limit,
			  uint32_t *ret_id)
{
	char cut[EVP_MAX_NAME], hash[18];
	size_t before = w->tables.strings.n;

	if (!len) {
		*ret_id = 0;
		return w->error;
	}
	if (len > limit) {
		snprintf(hash, sizeof(hash), "~%016llx",
			 (unsigned long long)evp_hash_bytes(bytes, len));
		memcpy(cut, bytes, limit - 17);
		memcpy(cut + limit - 17, hash, 17);
		bytes = cut;
		len = limit;
		w->truncated++;
	}
	*ret_id = evp_interner_find(&w->tables.strings, bytes, len);
	if (*ret_id != EVP_NO_ID)
		return w->error;
	evp_str_clear(&w->payload);
	evp_str_add(&w->payload, bytes, len);
	*ret_id = (uint32_t)before;
	return define(w, EVP_TAG_STRING);
}

int evp_writer_string(struct evp_writer *w, const void *bytes, size_t len, uint32_t *ret_id)
{
	return intern_limited(w, bytes, len, EVP_MAX_NAME, ret_id);
}

int evp_writer_cstring(struct evp_writer *w, const char *text, uint32_t *ret_id)
{
	return evp_writer_string(w, text ? text : "", text ? strlen(text) : 0, ret_id);
}

/* Strings of an event move between the epoch's table and w->texts, which lives longer. */
static int event_strings(struct evp_writer *w, struct evp_event *e,
			 int (*move)(struct evp_writer *w, uint32_t *id))
{
	uint32_t i;
	int rc = move(w, &e->name);

	for (i = 0; !rc && i < e->ntypes; i++) {
		rc = move(w, &e->types[i].type);
		if (!rc)
			rc = move(w, &e->types[i].unit);
	}
	if (!rc)
		rc = move(w, &e->period_type.type);
	return rc ? rc : move(w, &e->period_type.unit);
}

int evp_writer_to_texts(struct evp_writer *w, uint32_t *id)
{
	const struct evp_bytes *b = evp_string(&w->tables, *id);

	return evp_intern(&w->texts, b->ptr, b->len, id);
}

int evp_writer_from_texts(struct evp_writer *w, uint32_t *id)
{
	const struct evp_bytes *b = &w->texts.item[*id];

	return evp_writer_string(w, b->ptr, b->len, id);
}

int evp_writer_define_event(struct evp_writer *w, const struct event_sum *sum)
{
	struct evp_event e = sum->event;
	struct evp_str *s;
	uint32_t i;

	if (evp_writer_fail(w, event_strings(w, &e, evp_writer_from_texts)))
		return w->error;
	s = evp_writer_payload(w);
	evp_writer_put(s, e.name);
	evp_writer_put(s, e.ntypes);
	for (i = 0; i < e.ntypes; i++) {
		evp_writer_put(s, e.types[i].type);
		evp_writer_put(s, e.types[i].unit);
	}
	evp_writer_put(s, e.samples_type);
	evp_writer_put(s, e.value_type);
	evp_writer_put(s, e.period_type.type);
	evp_writer_put(s, e.period_type.unit);
	evp_writer_put_signed(s, e.period);
	evp_writer_put(s, e.cumulative);
	return define(w, EVP_TAG_EVENT);
}

static bool same_event(const struct evp_event *a, const struct evp_event *b)
{
	return a->name == b->name && a->ntypes == b->ntypes && a->samples_type == b->samples_type &&
	       a->value_type == b->value_type && a->period == b->period &&
	       a->cumulative == b->cumulative &&
	       !memcmp(&a->period_type, &b->period_type, sizeof(a->period_type)) &&
	       !memcmp(a->types, b->types, a->ntypes * sizeof(a->types[0]));
}

int evp_writer_event(struct evp_writer *w, const struct evp_event *given, uint32_t *ret_id)
{
	struct evp_event e = *given;
	size_t i;

	if (w->error || !e.ntypes || e.ntypes > EVP_MAX_TYPES)
		return evp_writer_fail(w, -EINVAL);
	if (evp_writer_fail(w, event_strings(w, &e, evp_writer_to_texts)))
		return w->error;
	for (i = 0; i < w->nevents; i++)
		if (same_event(&w->events[i].event, &e)) {
			*ret_id = (uint32_t)i;
			return 0;
		}
	if (evp_grow(&w->events, &w->events_cap, w->nevents + 1, sizeof(*w->events)))
		return evp_writer_fail(w, -ENOMEM);
	w->events[w->nevents] = (struct event_sum){ .event = e };
	*ret_id = (uint32_t)w->nevents++;
	return evp_writer_define_event(w, &w->events[*ret_id]);
}

int evp_writer_process(struct evp_writer *w, const struct evp_process *p, uint32_t *ret_id)
{
	struct evp_str *s = evp_writer_payload(w);

	evp_writer_put(s, p->node);
	evp_writer_put(s, p->boot_id);
	evp_writer_put_signed(s, p->pid);
	evp_writer_put_signed(s, p->ns_pid);
	evp_writer_put_signed(s, p->start_ns);
	evp_writer_put(s, p->exec_generation);
	evp_writer_put(s, p->comm);
	evp_writer_put(s, p->exe);
	evp_writer_put(s, p->cgroup);
	return define_once(w, EVP_TAG_PROCESS, ret_id);
}

int evp_writer_file(struct evp_writer *w, const struct evp_file *f, uint32_t *ret_id)
{
	uint32_t n = f->nsegments < EVP_MAX_SEGMENTS ? f->nsegments : EVP_MAX_SEGMENTS, i;
	struct evp_str *s = evp_writer_payload(w);

	w->truncated += f->nsegments > n;
	evp_writer_put(s, f->path);
	evp_writer_put(s, f->build_id_len);
	evp_str_add(s, f->build_id, f->build_id_len);
	evp_writer_put(s, n);
	for (i = 0; i < n; i++) {
		evp_writer_put(s, f->segments[i].offset);
		evp_writer_put(s, f->segments[i].vaddr);
		evp_writer_put(s, f->segments[i].size);
	}
	return define_once(w, EVP_TAG_FILE, ret_id);
}

int evp_writer_function(struct evp_writer *w, const struct evp_function *f, uint32_t *ret_id)
{
	struct evp_str *s = evp_writer_payload(w);

	evp_writer_put(s, f->name);
	evp_writer_put(s, f->system_name == f->name ? 0 : f->system_name);
	evp_writer_put(s, f->filename);
	evp_writer_put_signed(s, f->start_line);
	return define_once(w, EVP_TAG_FUNCTION, ret_id);
}

int evp_writer_location(struct evp_writer *w, const struct evp_location *l, uint32_t *ret_id)
{
	uint32_t n = l->nlines < EVP_MAX_LINES ? l->nlines : EVP_MAX_LINES, i;
	/* The function that owns the code is the one to keep. */
	const struct evp_line *line = n ? l->lines + (l->nlines - n) : NULL;
	struct evp_str *s = evp_writer_payload(w);

	w->truncated += l->nlines > n;
	evp_writer_put(s, l->kind);
	evp_writer_put(s, l->source);
	evp_writer_put(s, l->file);
	evp_writer_put(s, l->process);
	evp_writer_put(s, l->text);
	evp_writer_put(s, l->offset);
	evp_writer_put(s, n);
	for (i = 0; i < n; i++) {
		evp_writer_put(s, line[i].function);
		evp_writer_put_signed(s, line[i].line);
		evp_writer_put_signed(s, line[i].column);
	}
	return define_once(w, EVP_TAG_LOCATION, ret_id);
}

static size_t stack_place(const struct evp_writer *w, uint32_t parent, uint32_t location)
{
	const struct evp_stack *stacks = w->tables.stacks;
	size_t mask = w->nstack_slots - 1;
	size_t at = evp_hash_u64((uint64_t)parent << 32 | location) & mask;
	uint32_t id;

	while ((id = w->stack_slot[at]) &&
	       (stacks[id].location != location || stacks[id].parent != parent))
		at = (at + 1) & mask;
	return at;
}

/* Room for one more; those made by evp_writer_stack_new since the last time are taken in. */
static int stack_room(struct evp_writer *w)
{
	const struct evp_tables *t = &w->tables;

	if (t->nstacks >= w->nstack_slots / 2) {
		free(w->stack_slot);
		w->nstack_slots = w->nstack_slots ? w->nstack_slots : 4096;
		while (t->nstacks >= w->nstack_slots / 2)
			w->nstack_slots *= 2;
		w->stack_slot = calloc(w->nstack_slots, sizeof(*w->stack_slot));
		w->slotted = 1;
		if (!w->stack_slot)
			return -ENOMEM;
	}
	for (; w->slotted < t->nstacks; w->slotted++) {
		const struct evp_stack *s = &t->stacks[w->slotted];

		w->stack_slot[stack_place(w, s->parent, s->location)] = (uint32_t)w->slotted;
	}
	return 0;
}

int evp_writer_stack_new(struct evp_writer *w, uint32_t parent, uint32_t location, uint32_t *ret_id)
{
	uint8_t payload[2 * EVP_VARINT_MAX];
	const char *what;
	uint32_t id;
	size_t n;

	if (w->error || parent >= w->tables.nstacks)
		return evp_writer_fail(w, -EINVAL);
	if (w->tables.depths[parent] >= EVP_MAX_DEPTH) {
		w->truncated++;
		*ret_id = parent;
		return 0;
	}
	id = (uint32_t)w->tables.nstacks;
	n = evp_varint_put(payload, id - parent);
	n += evp_varint_put(payload + n, location);
	if (!evp_tables_fit(&w->tables, n))
		return evp_writer_fail(w, -EFBIG);
	if (evp_writer_fail(w, evp_tables_define(&w->tables, EVP_TAG_STACK, payload, n, &what)))
		return w->error;
	*ret_id = id;
	return evp_writer_record(w, EVP_TAG_STACK, payload, n);
}

int evp_writer_stack(struct evp_writer *w, uint32_t parent, uint32_t location, uint32_t *ret_id)
{
	uint32_t known;

	if (w->error)
		return w->error;
	if (stack_room(w))
		return evp_writer_fail(w, -ENOMEM);
	known = w->stack_slot[stack_place(w, parent, location)];
	if (!known)
		return evp_writer_stack_new(w, parent, location, ret_id);
	*ret_id = known;
	return 0;
}

struct label_order {
	const struct evp_label *label;
	const struct evp_bytes *key;
	size_t given; /* position, so that the last of equal keys wins */
};

static int compare_labels(const void *va, const void *vb)
{
	const struct label_order *a = va, *b = vb;
	int c = evp_bytes_compare(a->key, b->key);

	return c ? c : a->given < b->given ? -1 : 1;
}

/* Sorts, drops empty values and all but the last of equal keys; returns how many are left. */
static size_t order_labels(const struct evp_tables *t, const struct evp_label *labels, size_t n,
			   struct label_order *order)
{
	size_t i, kept = 0;

	for (i = 0; i < n; i++)
		order[i] = (struct label_order){ &labels[i], evp_string(t, labels[i].key), i };
	qsort(order, n, sizeof(*order), compare_labels);
	for (i = 0; i < n; i++) {
		if (i + 1 < n && order[i + 1].label->key == order[i].label->key)
			continue;
		if (!order[i].label->is_number && !order[i].label->text)
			continue;
		order[kept++] = order[i];
	}
	return kept;
}

int evp_writer_label_set(struct evp_writer *w, const struct evp_label *labels, size_t n,
			 uint32_t *ret_id)
{
	struct label_order small[EVP_MAX_LABELS], *order = small;
	uint32_t texts[EVP_MAX_LABELS];
	struct evp_str *s;
	size_t i;
	int rc;

	if (n > EVP_ARRAY_SIZE(small) && !(order = calloc(n, sizeof(*order))))
		return evp_writer_fail(w, -ENOMEM);
	n = order_labels(&w->tables, labels, n, order);
	if (n > EVP_MAX_LABELS) {
		n = EVP_MAX_LABELS;
		w->truncated++;
	}
	for (i = 0; i < n; i++) {
		struct evp_bytes b = *evp_string(&w->tables, order[i].label->text);

		texts[i] = 0;
		if (!order[i].label->is_number)
			intern_limited(w, b.ptr, b.len, EVP_MAX_LABEL, &texts[i]);
	}
	s = evp_writer_payload(w);
	evp_writer_put(s, n);
	for (i = 0; i < n; i++) {
		const struct evp_label *l = order[i].label;

		evp_writer_put(s, l->key);
		evp_writer_put(s, l->is_number);
		if (l->is_number) {
			evp_writer_put_signed(s, l->number);
			evp_writer_put(s, l->unit);
		} else
			evp_writer_put(s, texts[i]);
	}
	if (order != small)
		free(order);
	*ret_id = 0;
	rc = n ? define_once(w, EVP_TAG_LABELS, ret_id) : 0;
	return rc ? rc : w->error;
}
