// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>

#include "stream/format.h"

const uint8_t evp_sync_mark[EVP_MARK_LEN] = { 0x89, 'E',  'V',	'P',  '\r', '\n', 0x1a, '\n',
					      0xc3, 0x5e, 0x7b, 0x91, 0xd4, 0x2f, 0xa8, 0x66 };

uint32_t evp_crc32c(uint32_t crc, const void *bytes, size_t len)
{
	return ~crc32_iscsi((unsigned char *)(uintptr_t)bytes, (int)len, ~crc);
}

#define ROOM(t, name) evp_grow(&(t)->name, &(t)->c##name, (t)->n##name + 1, sizeof(*(t)->name))

int evp_tables_begin(struct evp_tables *t)
{
	uint32_t id;

	evp_interner_release(&t->strings);
	evp_arena_release(&t->arena);
	t->nevents = t->nprocesses = t->nfiles = t->nfunctions = 0;
	t->nlocations = t->nstacks = t->nlabel_sets = 0;
	t->bytes = 0;
	/* The empty string has id 0 and is in the index, so that nobody defines it. */
	if (evp_intern(&t->strings, "", 0, &id) || ROOM(t, events) || ROOM(t, processes) ||
	    ROOM(t, files) || ROOM(t, functions) || ROOM(t, locations) || ROOM(t, stacks) ||
	    ROOM(t, label_sets) || evp_grow(&t->depths, &t->cdepths, 1, sizeof(*t->depths)))
		return -ENOMEM;
	t->processes[t->nprocesses++] = (struct evp_process){ 0 };
	t->files[t->nfiles++] = (struct evp_file){ 0 };
	t->functions[t->nfunctions++] = (struct evp_function){ 0 };
	t->locations[t->nlocations++] = (struct evp_location){ .kind = EVP_LOC_UNKNOWN };
	t->depths[0] = 0;
	t->stacks[t->nstacks++] = (struct evp_stack){ 0 };
	t->label_sets[t->nlabel_sets++] = (struct evp_label_set){ 0 };
	return 0;
}

void evp_tables_release(struct evp_tables *t)
{
	evp_interner_release(&t->strings);
	evp_arena_release(&t->arena);
	free(t->events);
	free(t->processes);
	free(t->files);
	free(t->functions);
	free(t->locations);
	free(t->stacks);
	free(t->depths);
	free(t->label_sets);
	*t = (struct evp_tables){ 0 };
}

/*
 * A value past its limit marks the cursor bad, so that each define_* below looks once, at its end.
 */
static uint32_t take_string(const struct evp_tables *t, struct evp_cursor *c)
{
	return evp_cursor_below(c, t->strings.n);
}

static int define_string(struct evp_tables *t, struct evp_cursor *c)
{
	size_t len = (size_t)(c->end - c->p);
	uint32_t id;

	if (!len || len > EVP_MAX_NAME)
		return -EBADMSG;
	return t->indexed ? evp_intern(&t->strings, c->p, len, &id)
			  : evp_interner_append(&t->strings, c->p, len, &id);
}

static int define_event(struct evp_tables *t, struct evp_cursor *c)
{
	struct evp_event e = { .name = take_string(t, c) };
	uint32_t i;

	if (ROOM(t, events))
		return -ENOMEM;
	e.ntypes = evp_cursor_below(c, EVP_MAX_TYPES + 1);
	for (i = 0; i < e.ntypes; i++) {
		e.types[i].type = take_string(t, c);
		e.types[i].unit = take_string(t, c);
	}
	e.samples_type = evp_cursor_below(c, e.ntypes + 1);
	e.value_type = evp_cursor_below(c, e.ntypes + 1);
	e.period_type.type = take_string(t, c);
	e.period_type.unit = take_string(t, c);
	e.period = evp_cursor_zigzag(c);
	e.cumulative = evp_cursor_varint(c) & 1;
	if (c->bad || !e.ntypes || !e.name || t->nevents >= 4096)
		return -EBADMSG;
	t->events[t->nevents++] = e;
	return 0;
}

static int define_process(struct evp_tables *t, struct evp_cursor *c)
{
	struct evp_process p;

	if (ROOM(t, processes))
		return -ENOMEM;
	p.node = take_string(t, c);
	p.boot_id = take_string(t, c);
	p.pid = evp_cursor_zigzag(c);
	p.ns_pid = evp_cursor_zigzag(c);
	p.start_ns = evp_cursor_zigzag(c);
	p.exec_generation = evp_cursor_below(c, UINT32_MAX);
	p.comm = take_string(t, c);
	p.exe = take_string(t, c);
	p.cgroup = take_string(t, c);
	if (c->bad)
		return -EBADMSG;
	t->processes[t->nprocesses++] = p;
	return 0;
}

static int define_file(struct evp_tables *t, struct evp_cursor *c)
{
	struct evp_file f = { .path = take_string(t, c) };
	struct evp_segment *s = NULL;
	const uint8_t *id;
	uint32_t i;

	f.build_id_len = evp_cursor_below(c, EVP_MAX_BUILD_ID + 1);
	id = evp_cursor_bytes(c, f.build_id_len);
	f.nsegments = evp_cursor_below(c, EVP_MAX_SEGMENTS + 1);
	if (c->bad || f.nsegments > (size_t)(c->end - c->p) / 3)
		return -EBADMSG;
	if (f.build_id_len)
		memcpy(f.build_id, id, f.build_id_len);
	if (ROOM(t, files) ||
	    (f.nsegments && !(s = evp_arena_alloc(&t->arena, f.nsegments * sizeof(*s)))))
		return -ENOMEM;
	for (i = 0; i < f.nsegments; i++) {
		s[i].offset = evp_cursor_varint(c);
		s[i].vaddr = evp_cursor_varint(c);
		s[i].size = evp_cursor_varint(c);
	}
	if (c->bad)
		return -EBADMSG;
	f.segments = s;
	t->files[t->nfiles++] = f;
	return 0;
}

static int define_function(struct evp_tables *t, struct evp_cursor *c)
{
	struct evp_function f;

	if (ROOM(t, functions))
		return -ENOMEM;
	f.name = take_string(t, c);
	f.system_name = take_string(t, c);
	f.filename = take_string(t, c);
	f.start_line = evp_cursor_zigzag(c);
	if (c->bad)
		return -EBADMSG;
	t->functions[t->nfunctions++] = f;
	return 0;
}

static int define_location(struct evp_tables *t, struct evp_cursor *c)
{
	struct evp_location l = { .kind = (uint8_t)evp_cursor_below(c, EVP_LOC_KINDS) };
	struct evp_line *lines = NULL;
	uint32_t i;

	l.source = (uint8_t)evp_cursor_below(c, EVP_SRC_KINDS);
	l.file = evp_cursor_below(c, t->nfiles);
	l.process = evp_cursor_below(c, t->nprocesses);
	l.text = take_string(t, c);
	l.offset = evp_cursor_varint(c);
	l.nlines = evp_cursor_below(c, EVP_MAX_LINES + 1);
	if (c->bad || l.nlines > (size_t)(c->end - c->p) / 3)
		return -EBADMSG;
	if (ROOM(t, locations) ||
	    (l.nlines && !(lines = evp_arena_alloc(&t->arena, l.nlines * sizeof(*lines)))))
		return -ENOMEM;
	for (i = 0; i < l.nlines; i++) {
		lines[i].function = evp_cursor_below(c, t->nfunctions);
		lines[i].line = evp_cursor_zigzag(c);
		lines[i].column = evp_cursor_zigzag(c);
	}
	if (c->bad)
		return -EBADMSG;
	l.lines = lines;
	t->locations[t->nlocations++] = l;
	return 0;
}

static int define_stack(struct evp_tables *t, struct evp_cursor *c)
{
	uint64_t back = evp_cursor_varint(c);
	uint32_t location = evp_cursor_below(c, t->nlocations), parent;

	if (c->bad || !location || !back || back > t->nstacks)
		return -EBADMSG;
	parent = (uint32_t)(t->nstacks - back);
	if (t->depths[parent] >= EVP_MAX_DEPTH)
		return -EBADMSG;
	if (ROOM(t, stacks) ||
	    evp_grow(&t->depths, &t->cdepths, t->nstacks + 1, sizeof(*t->depths)))
		return -ENOMEM;
	t->depths[t->nstacks] = t->depths[parent] + 1;
	t->stacks[t->nstacks++] = (struct evp_stack){ parent, location };
	return 0;
}

static bool take_label(const struct evp_tables *t, struct evp_cursor *c, struct evp_label *l,
		       uint32_t before)
{
	uint64_t form;

	*l = (struct evp_label){ .key = take_string(t, c) };
	form = evp_cursor_varint(c);
	if (form == 0)
		l->text = take_string(t, c);
	else
		l->number = evp_cursor_zigzag(c);
	if (form == 1) {
		l->is_number = true;
		l->unit = take_string(t, c);
	}
	return !c->bad && form <= 1 && evp_label_name_valid(*evp_string(t, l->key)) &&
	       (l->is_number || (l->text && evp_string(t, l->text)->len <= EVP_MAX_LABEL)) &&
	       (!before || evp_bytes_compare(evp_string(t, before), evp_string(t, l->key)) < 0);
}

static int define_labels(struct evp_tables *t, struct evp_cursor *c)
{
	uint32_t n = evp_cursor_below(c, EVP_MAX_LABELS + 1), i;
	struct evp_label *l;

	if (c->bad || !n || n > (size_t)(c->end - c->p) / 3)
		return -EBADMSG;
	l = evp_arena_alloc(&t->arena, n * sizeof(*l));
	if (!l || ROOM(t, label_sets))
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (!take_label(t, c, &l[i], i ? l[i - 1].key : 0))
			return -EBADMSG;
	t->label_sets[t->nlabel_sets++] = (struct evp_label_set){ l, n };
	return 0;
}

int evp_tables_define(struct evp_tables *t, enum evp_tag tag, const uint8_t *payload, size_t len,
		      const char **ret_what)
{
	static int (*const define[])(struct evp_tables *, struct evp_cursor *) = {
		[EVP_TAG_STRING] = define_string,     [EVP_TAG_EVENT] = define_event,
		[EVP_TAG_PROCESS] = define_process,   [EVP_TAG_FILE] = define_file,
		[EVP_TAG_FUNCTION] = define_function, [EVP_TAG_LOCATION] = define_location,
		[EVP_TAG_STACK] = define_stack,	      [EVP_TAG_LABELS] = define_labels,
	};
	static const char *const what[] = {
		[EVP_TAG_STRING] = "a string of impossible length",
		[EVP_TAG_EVENT] = "a bad event record",
		[EVP_TAG_PROCESS] = "a bad process record",
		[EVP_TAG_FILE] = "a bad file record",
		[EVP_TAG_FUNCTION] = "a bad function record",
		[EVP_TAG_LOCATION] = "a bad location record",
		[EVP_TAG_STACK] = "a bad stack record",
		[EVP_TAG_LABELS] = "a bad label set record",
	};
	struct evp_cursor c = { payload, payload + len, 0 };
	int rc;

	if (!evp_tables_fit(t, len)) {
		*ret_what = "an epoch larger than 64 MiB";
		return -EBADMSG;
	}
	rc = define[tag](t, &c);
	if (rc == -EBADMSG)
		*ret_what = what[tag];
	if (rc == -E2BIG)
		rc = -ENOMEM;
	if (!rc)
		t->bytes += len + 16;
	return rc;
}
