// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "store/build.h"
#include "stream/writer.h"

#define BLOB_LEVEL                                                                                 \
	9 /* written once, kept for long: 15 % smaller than at 3 for a seventh more time */

/* Ids of the pool -> ids of the writer's epoch + 1. */
struct blob {
	const struct evp_build *b;
	struct evp_writer *w;
	uint32_t *strings, *processes, *files, *functions, *locations, *stacks;
	uint32_t *chain; /* scratch: the way from a stack up to a known one */
	size_t cchain;
	struct evp_line lines[EVP_MAX_LINES];
	struct evp_segment segments[EVP_MAX_SEGMENTS];
};

static int sink(void *arg, const void *bytes, size_t len)
{
	struct evp_str *out = arg;

	evp_str_add(out, bytes, len);
	return out->oom ? -ENOMEM : 0;
}

static uint32_t put_string(struct blob *m, uint32_t id)
{
	const struct evp_bytes *b = evp_pool_text(m->b->pool, id);
	uint32_t out = 0;

	if (!id)
		return 0;
	if (!m->strings[id] && !evp_writer_string(m->w, b->ptr, b->len, &out))
		m->strings[id] = out + 1;
	return m->strings[id] ? m->strings[id] - 1 : 0;
}

static uint32_t put_process(struct blob *m, uint32_t id)
{
	struct evp_pool_process in;
	struct evp_process p;
	uint32_t out = 0;

	if (!id)
		return 0;
	if (m->processes[id])
		return m->processes[id] - 1;
	memcpy(&in, evp_pool_item(&m->b->pool->processes, id), sizeof(in));
	p = (struct evp_process){ .node = put_string(m, in.node),
				  .boot_id = put_string(m, in.boot_id),
				  .comm = put_string(m, in.comm),
				  .exe = put_string(m, in.exe),
				  .cgroup = put_string(m, in.cgroup),
				  .pid = in.pid,
				  .ns_pid = in.ns_pid,
				  .start_ns = in.start_ns,
				  .exec_generation = in.exec_generation };
	evp_writer_process(m->w, &p, &out);
	m->processes[id] = out + 1;
	return out;
}

static uint32_t put_file(struct blob *m, uint32_t id)
{
	const char *item = evp_pool_item(&m->b->pool->files, id);
	struct evp_pool_file in;
	struct evp_file f = { .segments = m->segments };
	uint32_t out = 0;

	if (!id)
		return 0;
	if (m->files[id])
		return m->files[id] - 1;
	memcpy(&in, item, sizeof(in));
	f.path = put_string(m, in.path);
	f.build_id_len = in.build_id_len;
	memcpy(f.build_id, in.build_id, sizeof(f.build_id));
	f.nsegments = in.nsegments;
	memcpy(m->segments, item + sizeof(in), in.nsegments * sizeof(*m->segments));
	evp_writer_file(m->w, &f, &out);
	m->files[id] = out + 1;
	return out;
}

static uint32_t put_function(struct blob *m, uint32_t id)
{
	struct evp_pool_function in;
	struct evp_function f;
	uint32_t out = 0;

	if (!id)
		return 0;
	if (m->functions[id])
		return m->functions[id] - 1;
	memcpy(&in, evp_pool_item(&m->b->pool->functions, id), sizeof(in));
	f = (struct evp_function){ .name = put_string(m, in.name),
				   .system_name = put_string(m, in.system_name),
				   .filename = put_string(m, in.filename),
				   .start_line = in.start_line };
	evp_writer_function(m->w, &f, &out);
	m->functions[id] = out + 1;
	return out;
}

static uint32_t put_location(struct blob *m, uint32_t id)
{
	const char *item = evp_pool_item(&m->b->pool->locations, id);
	struct evp_pool_location in;
	struct evp_location l;
	uint32_t out = 0, i;

	if (m->locations[id])
		return m->locations[id] - 1;
	memcpy(&in, item, sizeof(in));
	for (i = 0; i < in.nlines; i++) {
		struct evp_pool_line line;

		memcpy(&line, item + sizeof(in) + i * sizeof(line), sizeof(line));
		m->lines[i] = (struct evp_line){ put_function(m, line.function), line.line,
						 line.column };
	}
	l = (struct evp_location){ .kind = (uint8_t)in.kind,
				   .source = (uint8_t)in.source,
				   .file = put_file(m, in.file),
				   .process = put_process(m, in.process),
				   .text = put_string(m, in.text),
				   .offset = in.offset,
				   .lines = m->lines,
				   .nlines = in.nlines };
	evp_writer_location(m->w, &l, &out);
	m->locations[id] = out + 1;
	return out;
}

static int put_stack(struct blob *m, uint32_t id, uint32_t *ret_id)
{
	const struct evp_pool *p = m->b->pool;
	uint32_t out = 0;
	size_t n = 0;

	for (; id && !m->stacks[id]; id = p->stack_parent[id]) {
		if (evp_grow(&m->chain, &m->cchain, n + 1, sizeof(*m->chain)))
			return -ENOMEM;
		m->chain[n++] = id;
	}
	if (id)
		out = m->stacks[id] - 1;
	while (n-- > 0) {
		id = m->chain[n];
		evp_writer_stack(m->w, out, put_location(m, p->stack_location[id]), &out);
		m->stacks[id] = out + 1;
	}
	*ret_id = out;
	return evp_writer_error(m->w);
}

static void forget(struct blob *m)
{
	const struct evp_pool *p = m->b->pool;

	memset(m->strings, 0, p->strings.of.n * 4);
	memset(m->processes, 0, p->processes.of.n * 4);
	memset(m->files, 0, p->files.of.n * 4);
	memset(m->functions, 0, p->functions.of.n * 4);
	memset(m->locations, 0, p->locations.of.n * 4);
	memset(m->stacks, 0, p->nstacks * 4);
}

static bool make_room(struct blob *m)
{
	const struct evp_pool *p = m->b->pool;

	m->strings = malloc(p->strings.of.n * 4);
	m->processes = malloc(p->processes.of.n * 4);
	m->files = malloc(p->files.of.n * 4);
	m->functions = malloc(p->functions.of.n * 4);
	m->locations = malloc(p->locations.of.n * 4);
	m->stacks = malloc(p->nstacks * 4);
	return m->strings && m->processes && m->files && m->functions && m->locations && m->stacks;
}

/* The event that entries are samples of: values are the row group and the variant. */
static int put_event(struct blob *m, uint32_t *ret_event)
{
	struct evp_event e = { .ntypes = 2 };

	evp_writer_cstring(m->w, "precision", &e.name);
	evp_writer_cstring(m->w, "group", &e.types[0].type);
	evp_writer_cstring(m->w, "variant", &e.types[1].type);
	evp_writer_cstring(m->w, "index", &e.types[0].unit);
	e.types[1].unit = e.types[0].unit;
	return evp_writer_event(m->w, &e, ret_event);
}

static int put_group(struct blob *m, size_t group, uint32_t event)
{
	const struct evp_build_group *g = &m->b->groups[group];
	int64_t values[2] = { (int64_t)group, 0 };
	struct evp_sample s = { .event = event, .values = values };
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < g->nentries; i++) {
		if (evp_writer_epoch_due(m->w)) {
			rc = evp_writer_epoch(m->w);
			forget(m);
		}
		if (!rc)
			rc = put_stack(m, g->entries[i].stack, &s.stack);
		values[1] = g->entries[i].variant;
		if (!rc)
			rc = evp_writer_sample(m->w, &s);
	}
	return rc;
}

int evp_build_blob(const struct evp_build *b, struct evp_str *out, struct evp_err *err)
{
	uint8_t id[16] = { 0 };
	struct evp_writer_opts opts = {
		.sink = sink, .sink_arg = out, .stream_id = id, .level = BLOB_LEVEL
	};
	struct blob *m = calloc(1, sizeof(*m));
	uint32_t event;
	size_t g;
	int rc;

	if (!m)
		return evp_fail_oom(err);
	m->b = b;
	memcpy(id, &b->hash, 8); /* the same bytes for the same rows */
	rc = make_room(m) ? evp_writer_new(&m->w, &opts, err) : evp_fail_oom(err);
	if (rc)
		goto out;
	forget(m);
	rc = put_event(m, &event);
	for (g = 0; !rc && g < b->ngroups; g++)
		rc = put_group(m, g, event);
	if (!rc)
		rc = evp_writer_end(m->w);
	if (rc)
		rc = evp_fail_errno(err, -rc, "cannot make the precision blob");
out:
	evp_writer_free(m->w);
	free(m->strings);
	free(m->processes);
	free(m->files);
	free(m->functions);
	free(m->locations);
	free(m->stacks);
	free(m->chain);
	free(m);
	return rc;
}
