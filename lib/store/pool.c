// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/pool.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/text.h"

/* A stack whose text would be too long begins again, with this frame at its root. */
static const char too_long[] = "[cut:too-long]";

int evp_pool_intern(struct evp_pool_table *table, const void *bytes, size_t len, uint64_t hash,
		    uint32_t *ret_id)
{
	size_t before = table->of.n;
	int rc = evp_grow(&table->hash, &table->chash, before + 1, sizeof(*table->hash));

	if (!rc)
		rc = evp_intern(&table->of, bytes, len, ret_id);
	if (!rc && table->of.n > before)
		table->hash[*ret_id] = hash;
	return rc;
}

int evp_pool_string(struct evp_pool *p, const void *bytes, size_t len, uint32_t *ret_id)
{
	return evp_pool_intern(&p->strings, bytes, len, XXH3_64bits(bytes, len), ret_id);
}

int evp_pool_init(struct evp_pool *p)
{
	static const struct evp_pool_process process;
	static const struct evp_pool_file file;
	static const struct evp_pool_function function;
	static const struct evp_pool_location location = { .kind = EVP_LOC_UNKNOWN };
	uint32_t id;

	*p = (struct evp_pool){ 0 };
	if (evp_pool_string(p, "", 0, &id) ||
	    evp_pool_intern(&p->processes, &process, sizeof(process), 0, &id) ||
	    evp_pool_intern(&p->files, &file, sizeof(file), 0, &id) ||
	    evp_pool_intern(&p->functions, &function, sizeof(function), 0, &id) ||
	    evp_pool_intern(&p->locations, &location, sizeof(location), 0, &id) ||
	    evp_grow(&p->frame_begin, &p->cframe_begin, 2, 4) ||
	    evp_grow(&p->text_parent, &p->ctext_parent, 1, 4) ||
	    evp_grow(&p->text_frame, &p->ctext_frame, 1, 4) ||
	    evp_grow(&p->text_len, &p->ctext_len, 1, 4) ||
	    evp_grow(&p->stack_parent, &p->cstack_parent, 1, 4) ||
	    evp_grow(&p->stack_location, &p->cstack_location, 1, 4) ||
	    evp_grow(&p->stack_text, &p->cstack_text, 1, 4) ||
	    evp_grow(&p->stack_hash, &p->cstack_hash, 1, 8)) {
		evp_pool_release(p);
		return -ENOMEM;
	}
	p->frame_begin[0] = p->frame_begin[1] = 0;
	p->text_parent[0] = p->text_frame[0] = p->text_len[0] = 0;
	p->stack_parent[0] = p->stack_location[0] = p->stack_text[0] = 0;
	p->stack_hash[0] = 0;
	p->ntexts = p->nstacks = 1;
	return 0;
}

static void release_table(struct evp_pool_table *t)
{
	evp_interner_release(&t->of);
	free(t->hash);
}

void evp_pool_release(struct evp_pool *p)
{
	release_table(&p->strings);
	release_table(&p->processes);
	release_table(&p->files);
	release_table(&p->functions);
	release_table(&p->locations);
	release_table(&p->labels);
	evp_interner_release(&p->windows);
	evp_interner_release(&p->frames);
	evp_interner_release(&p->events);
	free(p->frame_list);
	free(p->frame_begin);
	evp_map_release(&p->text_ids);
	evp_map_release(&p->stack_ids);
	free(p->text_parent);
	free(p->text_frame);
	free(p->text_len);
	free(p->stack_parent);
	free(p->stack_location);
	free(p->stack_text);
	free(p->stack_hash);
	free(p->rows);
	free(p->memo.strings);
	free(p->memo.events);
	free(p->memo.processes);
	free(p->memo.files);
	free(p->memo.functions);
	free(p->memo.locations);
	free(p->memo.stacks);
	evp_map_release(&p->memo.labels);
	evp_str_release(&p->key);
	evp_str_release(&p->scratch);
	free(p->chain);
	*p = (struct evp_pool){ 0 };
}

#define FORGET(p, name)                                                                            \
	do {                                                                                       \
		if ((p)->memo.name)                                                                \
			memset((p)->memo.name, 0, (p)->memo.c##name * sizeof(*(p)->memo.name));    \
	} while (0)

void evp_pool_forget(struct evp_pool *p)
{
	FORGET(p, strings);
	FORGET(p, events);
	FORGET(p, processes);
	FORGET(p, files);
	FORGET(p, functions);
	FORGET(p, locations);
	FORGET(p, stacks);
	evp_map_clear(&p->memo.labels);
}

size_t evp_pool_bytes(const struct evp_pool *p)
{
	const struct evp_pool_table *t[] = { &p->strings,   &p->processes, &p->files,
					     &p->functions, &p->locations, &p->labels };
	size_t i, n = p->frames.arena.bytes + p->windows.arena.bytes;

	for (i = 0; i < EVP_ARRAY_SIZE(t); i++)
		n += t[i]->of.arena.bytes + t[i]->of.n * 40;
	return n + p->ntexts * 44 + p->nstacks * 52 + p->nrows * sizeof(*p->rows);
}

/* ---- translation from a stream's tables ---- */

/* Room for a memo of n ids, what is new of it zeroed. */
static int memo_room(uint32_t **memo, size_t *cap, size_t n)
{
	size_t before = *cap;

	if (n <= before)
		return 0;
	if (evp_grow(memo, cap, n, sizeof(**memo)))
		return -ENOMEM;
	memset(*memo + before, 0, (*cap - before) * sizeof(**memo));
	return 0;
}

static int take_string(struct evp_pool *p, const struct evp_tables *t, uint32_t id,
		       uint32_t *ret_id)
{
	const struct evp_bytes *b = evp_string(t, id);
	int rc;

	*ret_id = 0;
	if (!id)
		return 0;
	if (memo_room(&p->memo.strings, &p->memo.cstrings, t->strings.n))
		return -ENOMEM;
	if (!p->memo.strings[id]) {
		rc = evp_pool_string(p, b->ptr, b->len, ret_id);
		if (rc)
			return rc;
		p->memo.strings[id] = *ret_id + 1;
	}
	*ret_id = p->memo.strings[id] - 1;
	return 0;
}

static uint64_t hash_of(const struct evp_pool_table *t, uint32_t id)
{
	return t->hash[id];
}

static int take_process(struct evp_pool *p, const struct evp_tables *t, uint32_t id,
			uint32_t *ret_id)
{
	const struct evp_process *in = &t->processes[id];
	struct evp_pool_process out = { .exec_generation = in->exec_generation,
					.pid = in->pid,
					.ns_pid = in->ns_pid,
					.start_ns = in->start_ns };
	uint64_t h[9];
	int rc;

	*ret_id = 0;
	if (!id)
		return 0;
	if (memo_room(&p->memo.processes, &p->memo.cprocesses, t->nprocesses))
		return -ENOMEM;
	if (!p->memo.processes[id]) {
		if ((rc = take_string(p, t, in->node, &out.node)) ||
		    (rc = take_string(p, t, in->boot_id, &out.boot_id)) ||
		    (rc = take_string(p, t, in->comm, &out.comm)) ||
		    (rc = take_string(p, t, in->exe, &out.exe)) ||
		    (rc = take_string(p, t, in->cgroup, &out.cgroup)))
			return rc;
		h[0] = hash_of(&p->strings, out.node);
		h[1] = hash_of(&p->strings, out.boot_id);
		h[2] = hash_of(&p->strings, out.comm);
		h[3] = hash_of(&p->strings, out.exe);
		h[4] = hash_of(&p->strings, out.cgroup);
		memcpy(&h[5], &out.pid, 24);
		h[8] = out.exec_generation;
		rc = evp_pool_intern(&p->processes, &out, sizeof(out), XXH3_64bits(h, sizeof(h)),
				     ret_id);
		if (rc)
			return rc;
		p->memo.processes[id] = *ret_id + 1;
	}
	*ret_id = p->memo.processes[id] - 1;
	return 0;
}

static int take_file(struct evp_pool *p, const struct evp_tables *t, uint32_t id, uint32_t *ret_id)
{
	const struct evp_file *in = &t->files[id];
	struct evp_pool_file out = { .build_id_len = in->build_id_len, .nsegments = in->nsegments };
	size_t len = in->nsegments * sizeof(*in->segments);
	uint64_t h;
	int rc;

	*ret_id = 0;
	if (!id)
		return 0;
	if (memo_room(&p->memo.files, &p->memo.cfiles, t->nfiles))
		return -ENOMEM;
	if (!p->memo.files[id]) {
		rc = take_string(p, t, in->path, &out.path);
		if (rc)
			return rc;
		memcpy(out.build_id, in->build_id, in->build_id_len);
		evp_str_clear(&p->key);
		evp_str_add(&p->key, &out, sizeof(out));
		evp_str_add(&p->key, in->segments, len);
		if (p->key.oom)
			return -ENOMEM;
		/* The path's id is the struct's first field: its hash takes its place. */
		h = XXH3_64bits_withSeed(p->key.buf + 4, p->key.len - 4,
					 hash_of(&p->strings, out.path));
		rc = evp_pool_intern(&p->files, p->key.buf, p->key.len, h, ret_id);
		if (rc)
			return rc;
		p->memo.files[id] = *ret_id + 1;
	}
	*ret_id = p->memo.files[id] - 1;
	return 0;
}

static int take_function(struct evp_pool *p, const struct evp_tables *t, uint32_t id,
			 uint32_t *ret_id)
{
	const struct evp_function *in = &t->functions[id];
	struct evp_pool_function out = { .start_line = in->start_line };
	uint64_t h[4];
	int rc;

	*ret_id = 0;
	if (!id)
		return 0;
	if (memo_room(&p->memo.functions, &p->memo.cfunctions, t->nfunctions))
		return -ENOMEM;
	if (!p->memo.functions[id]) {
		if ((rc = take_string(p, t, in->name, &out.name)) ||
		    (rc = take_string(p, t, in->system_name, &out.system_name)) ||
		    (rc = take_string(p, t, in->filename, &out.filename)))
			return rc;
		h[0] = hash_of(&p->strings, out.name);
		h[1] = hash_of(&p->strings, out.system_name);
		h[2] = hash_of(&p->strings, out.filename);
		h[3] = (uint64_t)out.start_line;
		rc = evp_pool_intern(&p->functions, &out, sizeof(out), XXH3_64bits(h, sizeof(h)),
				     ret_id);
		if (rc)
			return rc;
		p->memo.functions[id] = *ret_id + 1;
	}
	*ret_id = p->memo.functions[id] - 1;
	return 0;
}

/* ---- locations and their frames ---- */

static int add_frame(struct evp_pool *p, const char *bytes, size_t len)
{
	uint32_t id;
	int rc;

	evp_str_clear(&p->scratch);
	evp_escape(&p->scratch, bytes, len);
	if (p->scratch.oom || evp_grow(&p->frame_list, &p->cframe_list, p->nframe_list + 1, 4))
		return -ENOMEM;
	rc = evp_intern(&p->frames, p->scratch.len ? p->scratch.buf : "", p->scratch.len, &id);
	if (!rc)
		p->frame_list[p->nframe_list++] = id;
	return rc;
}

static int add_location_text(struct evp_pool *p, const struct evp_tables *t, uint32_t location)
{
	struct evp_str text = { 0 };
	int rc;

	evp_location_text(t, location, &text);
	rc = text.oom ? -ENOMEM : add_frame(p, text.len ? text.buf : "", text.len);
	evp_str_release(&text);
	return rc;
}

/* The frames of a location that is new to the pool, the outermost function first. */
static int add_frames(struct evp_pool *p, const struct evp_tables *t, uint32_t location)
{
	const struct evp_location *l = &t->locations[location];
	uint32_t i;
	int rc = 0;

	for (i = l->nlines; !rc && i-- > 0;) {
		const struct evp_function *f = &t->functions[l->lines[i].function];
		const struct evp_bytes *name = evp_string(t, f->name ? f->name : f->system_name);

		rc = name->len ? add_frame(p, name->ptr, name->len)
			       : add_location_text(p, t, location);
	}
	if (!l->nlines)
		rc = add_location_text(p, t, location);
	if (!rc && evp_grow(&p->frame_begin, &p->cframe_begin, p->locations.of.n + 1, 4))
		rc = -ENOMEM;
	if (!rc)
		p->frame_begin[p->locations.of.n] = (uint32_t)p->nframe_list;
	return rc;
}

/* The lines behind a location's record in p->key; their hash is mixed into *h. */
static int take_lines(struct evp_pool *p, const struct evp_tables *t, const struct evp_location *in,
		      uint64_t *h)
{
	uint32_t i;
	int rc;

	for (i = 0; i < in->nlines; i++) {
		struct evp_pool_line line = { .line = in->lines[i].line,
					      .column = in->lines[i].column };
		uint64_t part[4];

		rc = take_function(p, t, in->lines[i].function, &line.function);
		if (rc)
			return rc;
		part[0] = *h;
		part[1] = hash_of(&p->functions, line.function);
		part[2] = (uint64_t)line.line;
		part[3] = (uint64_t)line.column;
		*h = XXH3_64bits(part, sizeof(part));
		evp_str_add(&p->key, &line, sizeof(line));
	}
	return p->key.oom ? -ENOMEM : 0;
}

static int new_location(struct evp_pool *p, const struct evp_tables *t, uint32_t id,
			uint32_t *ret_id)
{
	const struct evp_location *in = &t->locations[id];
	struct evp_pool_location out = {
		.kind = in->kind, .source = in->source, .nlines = in->nlines, .offset = in->offset
	};
	size_t before = p->locations.of.n;
	uint64_t part[6], h;
	int rc;

	if ((rc = take_file(p, t, in->file, &out.file)) ||
	    (rc = take_process(p, t, in->process, &out.process)) ||
	    (rc = take_string(p, t, in->text, &out.text)))
		return rc;
	part[0] = (uint64_t)out.kind << 32 | out.source;
	part[1] = hash_of(&p->files, out.file);
	part[2] = hash_of(&p->processes, out.process);
	part[3] = hash_of(&p->strings, out.text);
	part[4] = out.offset;
	part[5] = out.nlines;
	h = XXH3_64bits(part, sizeof(part));
	evp_str_clear(&p->key);
	evp_str_add(&p->key, &out, sizeof(out));
	if ((rc = take_lines(p, t, in, &h)))
		return rc;
	rc = evp_pool_intern(&p->locations, p->key.buf, p->key.len, h, ret_id);
	return rc || p->locations.of.n == before ? rc : add_frames(p, t, id);
}

static int take_location(struct evp_pool *p, const struct evp_tables *t, uint32_t id,
			 uint32_t *ret_id)
{
	int rc;

	if (memo_room(&p->memo.locations, &p->memo.clocations, t->nlocations))
		return -ENOMEM;
	if (!p->memo.locations[id]) {
		rc = new_location(p, t, id, ret_id);
		if (rc)
			return rc;
		p->memo.locations[id] = *ret_id + 1;
	}
	*ret_id = p->memo.locations[id] - 1;
	return 0;
}

/* ---- texts and stacks ---- */

static int child_text(struct evp_pool *p, uint32_t parent, uint32_t frame, uint32_t *ret_text)
{
	uint64_t len = p->text_len[parent] + (parent != 0) + p->frames.item[frame].len, *place;
	uint32_t root_frame;
	int new, rc;

	if (len > EVP_POOL_TEXT_MAX && parent) {
		rc = evp_intern(&p->frames, too_long, strlen(too_long), &root_frame);
		if (!rc)
			rc = child_text(p, 0, root_frame, &parent);
		return rc ? rc : child_text(p, parent, frame, ret_text);
	}
	place = evp_map_at(&p->text_ids, (uint64_t)parent << 32 | frame, &new);
	if (!place)
		return -ENOMEM;
	if (new) {
		if (p->ntexts == UINT32_MAX)
			return -E2BIG;
		if (evp_grow(&p->text_parent, &p->ctext_parent, p->ntexts + 1, 4) ||
		    evp_grow(&p->text_frame, &p->ctext_frame, p->ntexts + 1, 4) ||
		    evp_grow(&p->text_len, &p->ctext_len, p->ntexts + 1, 4))
			return -ENOMEM;
		p->text_parent[p->ntexts] = parent;
		p->text_frame[p->ntexts] = frame;
		p->text_len[p->ntexts] = (uint32_t)len;
		*place = p->ntexts++;
	}
	*ret_text = (uint32_t)*place;
	return 0;
}

static int child_stack(struct evp_pool *p, uint32_t parent, uint32_t location, uint32_t *ret_stack)
{
	uint64_t h[2], *place;
	uint32_t i, text = p->stack_text[parent];
	int new, rc = 0;

	place = evp_map_at(&p->stack_ids, (uint64_t)parent << 32 | location, &new);
	if (!place)
		return -ENOMEM;
	*ret_stack = (uint32_t)*place;
	if (!new)
		return 0;
	if (p->nstacks == UINT32_MAX)
		return -E2BIG;
	if (evp_grow(&p->stack_parent, &p->cstack_parent, p->nstacks + 1, 4) ||
	    evp_grow(&p->stack_location, &p->cstack_location, p->nstacks + 1, 4) ||
	    evp_grow(&p->stack_text, &p->cstack_text, p->nstacks + 1, 4) ||
	    evp_grow(&p->stack_hash, &p->cstack_hash, p->nstacks + 1, 8))
		return -ENOMEM;
	for (i = p->frame_begin[location]; !rc && i < p->frame_begin[location + 1]; i++)
		rc = child_text(p, text, p->frame_list[i], &text);
	if (rc)
		return rc;
	h[0] = p->stack_hash[parent];
	h[1] = hash_of(&p->locations, location);
	p->stack_parent[p->nstacks] = parent;
	p->stack_location[p->nstacks] = location;
	p->stack_text[p->nstacks] = text;
	p->stack_hash[p->nstacks] = XXH3_64bits(h, sizeof(h));
	*place = p->nstacks++;
	*ret_stack = (uint32_t)*place;
	return 0;
}

/* Up to the first ancestor that is known, then down again: depth costs no C stack. */
static int take_stack(struct evp_pool *p, const struct evp_tables *t, uint32_t id, uint32_t *ret_id)
{
	uint32_t at = id, stack = 0, location;
	size_t n = 0;
	int rc = 0;

	if (memo_room(&p->memo.stacks, &p->memo.cstacks, t->nstacks))
		return -ENOMEM;
	for (; at && !p->memo.stacks[at]; at = t->stacks[at].parent) {
		if (evp_grow(&p->chain, &p->cchain, n + 1, sizeof(*p->chain)))
			return -ENOMEM;
		p->chain[n++] = at;
	}
	if (at)
		stack = p->memo.stacks[at] - 1;
	while (!rc && n-- > 0) {
		at = p->chain[n];
		rc = take_location(p, t, t->stacks[at].location, &location);
		if (!rc)
			rc = child_stack(p, stack, location, &stack);
		if (!rc)
			p->memo.stacks[at] = stack + 1;
	}
	*ret_id = stack;
	return rc;
}

/* ---- rows ---- */

static int take_window(struct evp_pool *p, const struct evp_sample *s, uint32_t *ret_id)
{
	const int64_t ms = 1000000;
	struct evp_pool_window w;

	w.ts_ms = s->window_ns / ms - (s->window_ns % ms < 0);
	w.duration_ms = s->window_len_ns / ms + (s->window_len_ns > 0 && s->window_len_ns < ms);
	return evp_intern(&p->windows, &w, sizeof(w), ret_id);
}

/* An event's name as a type: lower case, anything else than [a-z0-9_] becomes '_'. */
static int type_name(struct evp_pool *p, const struct evp_bytes *name, uint32_t *ret_id)
{
	size_t i;

	evp_str_clear(&p->scratch);
	for (i = 0; i < name->len && i < 100; i++) {
		char c = name->ptr[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!i && !(c >= 'a' && c <= 'z'))
			evp_str_putc(&p->scratch, 'x');
		evp_str_putc(&p->scratch,
			     (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_');
	}
	return p->scratch.oom ? -ENOMEM
			      : evp_pool_string(p, p->scratch.buf, p->scratch.len, ret_id);
}

static int take_event(struct evp_pool *p, const struct evp_tables *t, uint32_t id, uint32_t *ret_id)
{
	const struct evp_event *e = &t->events[id];
	struct evp_pool_event out = { .period = e->period };
	int rc;

	if (memo_room(&p->memo.events, &p->memo.cevents, t->nevents))
		return -ENOMEM;
	if (!p->memo.events[id]) {
		rc = type_name(p, evp_string(t, e->name), &out.type);
		if (!rc && e->value_type)
			rc = take_string(p, t, e->types[e->value_type - 1].unit, &out.unit);
		if (!rc && !out.unit)
			rc = evp_pool_string(p, "count", 5, &out.unit);
		if (!rc)
			rc = take_string(p, t, e->period_type.type, &out.period_type);
		if (!rc)
			rc = take_string(p, t, e->period_type.unit, &out.period_unit);
		if (!rc)
			rc = evp_intern(&p->events, &out, sizeof(out), ret_id);
		if (rc)
			return rc;
		p->memo.events[id] = *ret_id + 1;
	}
	*ret_id = p->memo.events[id] - 1;
	return 0;
}

int evp_pool_add_sample(struct evp_pool *p, const struct evp_tables *t, const struct evp_sample *s)
{
	const struct evp_event *e = &t->events[s->event];
	struct evp_pool_row row;
	uint64_t *set;
	int new, rc;

	if (evp_grow(&p->rows, &p->crows, p->nrows + 1, sizeof(*p->rows)))
		return -ENOMEM;
	row.samples = e->samples_type ? s->values[e->samples_type - 1] : 1;
	row.value = e->value_type ? s->values[e->value_type - 1] : row.samples;
	p->dropped_types += e->ntypes - (e->samples_type != 0) -
			    (e->value_type && e->value_type != e->samples_type);
	set = evp_map_at(&p->memo.labels, (uint64_t)s->process << 32 | s->labels, &new);
	if (!set)
		return -ENOMEM;
	if (new) {
		rc = evp_pool_label_set(p, t, s->process, s->labels, &row.labels);
		if (rc)
			return rc;
		*set = row.labels;
	}
	row.labels = (uint32_t)*set;
	if ((rc = take_event(p, t, s->event, &row.event)) ||
	    (rc = take_window(p, s, &row.window)) || (rc = take_stack(p, t, s->stack, &row.stack)))
		return rc;
	p->rows[p->nrows++] = row;
	return 0;
}
