// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "format/pprof_build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/pprof_proto.h"
#include "format/protobuf.h"

#define PAGE 4096ULL

struct mapping_key {
	uint64_t start, offset;
	uint32_t file, build_id; /* strings */
};

struct function_key {
	int64_t start_line;
	uint32_t name, system_name, filename, pad;
};

struct location_key { /* its lines follow */
	uint64_t address;
	uint32_t mapping, nlines; /* mapping's number, 0 none */
};

struct line_key {
	int64_t line, column;
	uint64_t function; /* number */
};

struct place { /* where a location is, in pprof's words */
	struct mapping_key map;
	uint64_t address, limit;
	bool mapped;
	bool named; /* always give it a name: nobody can find one later */
};

int evp_pprof_tables_init(struct evp_pprof_tables *p)
{
	uint32_t id;

	*p = (struct evp_pprof_tables){ 0 };
	return evp_intern(&p->strings, "", 0, &id);
}

void evp_pprof_tables_release(struct evp_pprof_tables *p)
{
	evp_interner_release(&p->strings);
	evp_interner_release(&p->functions);
	evp_interner_release(&p->mappings);
	evp_interner_release(&p->locations);
	evp_str_release(&p->scratch);
	evp_str_release(&p->key);
	free(p->mapping);
	*p = (struct evp_pprof_tables){ 0 };
}

int evp_pprof_string(struct evp_pprof_tables *p, const void *bytes, size_t len, uint32_t *ret_id)
{
	const char *text = bytes;
	size_t i = 0, n;

	while (i < len && (n = evp_utf8_len(text + i, len - i)))
		i += n;
	if (i == len)
		return evp_intern(&p->strings, bytes, len, ret_id);
	evp_str_clear(&p->scratch);
	for (i = 0; i < len; i += n) {
		n = evp_utf8_len(text + i, len - i);
		if (n) {
			evp_str_add(&p->scratch, text + i, n);
			continue;
		}
		evp_str_printf(&p->scratch, "\\x%02x", (unsigned char)text[i]);
		n = 1;
	}
	if (p->scratch.oom)
		return -ENOMEM;
	return evp_intern(&p->strings, p->scratch.buf, p->scratch.len, ret_id);
}

static int string_of(struct evp_pprof_tables *p, const struct evp_tables *t, uint32_t id,
		     uint32_t *ret_id)
{
	return evp_pprof_string(p, evp_string(t, id)->ptr, evp_string(t, id)->len, ret_id);
}

static const struct evp_segment *segment_of(const struct evp_file *f, uint64_t offset)
{
	uint32_t i;

	for (i = 0; i < f->nsegments; i++)
		if (offset >= f->segments[i].offset &&
		    offset - f->segments[i].offset < f->segments[i].size)
			return &f->segments[i];
	return NULL;
}

static void native_place(const struct evp_file *f, uint64_t offset, struct place *at)
{
	const struct evp_segment *s = segment_of(f, offset);

	at->map.start = EVP_PPROF_FILE_START;
	at->address = EVP_PPROF_FILE_START + offset;
	if (s && s->vaddr % PAGE == s->offset % PAGE) {
		at->map.start = s->vaddr / PAGE * PAGE;
		at->map.offset = s->offset / PAGE * PAGE;
		at->address = s->vaddr + (offset - s->offset);
		at->limit = s->vaddr + s->size;
	}
}

static int named_mapping(struct evp_pprof_tables *p, const char *name, struct place *at)
{
	return evp_pprof_string(p, name, strlen(name), &at->map.file);
}

static int find_place(struct evp_pprof_tables *p, const struct evp_tables *t,
		      const struct evp_location *l, struct place *at)
{
	const struct evp_file *f = &t->files[l->file];

	*at = (struct place){ .address = l->offset, .mapped = true, .named = true };
	switch ((enum evp_location_kind)l->kind) {
	case EVP_LOC_NATIVE:
		at->named = false;
		native_place(f, l->offset, at);
		return string_of(p, t, f->path, &at->map.file);
	case EVP_LOC_KERNEL:
		at->map.start = l->file && f->nsegments ? f->segments[0].vaddr
							: EVP_PPROF_KERNEL_START;
		at->address = at->map.start + l->offset;
		at->named = !l->file;
		return named_mapping(p, EVP_PPROF_KERNEL, at);
	case EVP_LOC_MODULE:
		at->named = false;
		return string_of(p, t, f->path, &at->map.file);
	case EVP_LOC_VDSO:
		at->named = false;
		return named_mapping(p, EVP_PPROF_VDSO, at);
	case EVP_LOC_BPF:
		return named_mapping(p, EVP_PPROF_BPF, at);
	case EVP_LOC_JIT:
		return named_mapping(p, EVP_PPROF_JIT, at);
	default:
		at->mapped = false;
		if (l->kind != EVP_LOC_UNKNOWN)
			at->address = 0;
		return 0;
	}
}

static int mapping(struct evp_pprof_tables *p, const struct evp_tables *t,
		   const struct evp_location *l, struct place *at, uint32_t *ret_number)
{
	const struct evp_file *f = &t->files[l->file];
	char hex[2 * EVP_MAX_BUILD_ID + 1] = "";
	size_t had = p->mappings.n;
	uint32_t i, id;
	int rc;

	for (i = 0; i < f->build_id_len; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", f->build_id[i]);
	rc = evp_pprof_string(p, hex, 2 * f->build_id_len, &at->map.build_id);
	if (!rc)
		rc = evp_intern(&p->mappings, &at->map, sizeof(at->map), &id);
	if (rc)
		return rc;
	if (p->mappings.n > had) {
		if (evp_grow(&p->mapping, &p->cmapping, p->mappings.n, sizeof(*p->mapping)))
			return -ENOMEM;
		p->mapping[id] = (struct evp_pprof_mapping){ 0, true, true, true, true };
	}
	if (at->limit < at->address + 1)
		at->limit = at->address == UINT64_MAX ? UINT64_MAX : at->address + 1;
	if (p->mapping[id].limit < at->limit)
		p->mapping[id].limit = at->limit;
	*ret_number = id + 1;
	return 0;
}

static int function(struct evp_pprof_tables *p, const struct evp_tables *t, uint32_t function,
		    struct function_key *key, uint64_t *ret_number)
{
	const struct evp_function *f = &t->functions[function];
	uint32_t id;
	int rc;

	*key = (struct function_key){ .start_line = f->start_line };
	rc = string_of(p, t, f->name, &key->name);
	if (!rc)
		rc = string_of(p, t, f->system_name ? f->system_name : f->name, &key->system_name);
	if (!rc)
		rc = string_of(p, t, f->filename, &key->filename);
	if (!rc)
		rc = evp_intern(&p->functions, key, sizeof(*key), &id);
	if (!rc)
		*ret_number = (uint64_t)id + 1;
	return rc;
}

/* What has no lines gets its text as a function, or honestly nothing. */
static int nameless(struct evp_pprof_tables *p, const struct evp_tables *t, uint32_t location)
{
	struct function_key key = { 0 };
	struct line_key line = { 0 };
	struct evp_str text = { 0 };
	uint32_t id;
	int rc;

	evp_location_text(t, location, &text);
	rc = text.oom ? -ENOMEM : evp_pprof_string(p, text.buf, text.len, &key.name);
	evp_str_release(&text);
	key.system_name = key.name;
	if (!rc)
		rc = evp_intern(&p->functions, &key, sizeof(key), &id);
	if (rc)
		return rc;
	line.function = (uint64_t)id + 1;
	evp_str_add(&p->key, &line, sizeof(line));
	return rc;
}

static int lines(struct evp_pprof_tables *p, const struct evp_tables *t,
		 const struct evp_location *l, struct evp_pprof_mapping *m)
{
	struct function_key f;
	struct line_key line;
	uint32_t i;
	int rc;

	for (i = 0; i < l->nlines; i++) {
		line = (struct line_key){ l->lines[i].line, l->lines[i].column, 0 };
		rc = function(p, t, l->lines[i].function, &f, &line.function);
		if (rc)
			return rc;
		evp_str_add(&p->key, &line, sizeof(line));
		if (m) {
			m->functions &= f.name != 0;
			m->filenames &= f.filename != 0;
			m->lines &= line.line > 0;
		}
	}
	if (m && !l->nlines)
		m->functions = m->filenames = m->lines = false;
	if (m)
		m->inlines &= l->source == EVP_SRC_DWARF;
	return 0;
}

int evp_pprof_location(struct evp_pprof_tables *p, const struct evp_tables *t, uint32_t location,
		       uint32_t *ret_number)
{
	const struct evp_location *l = &t->locations[location];
	struct location_key key = { .nlines = l->nlines };
	struct place at;
	uint32_t id;
	int rc = find_place(p, t, l, &at);

	if (!rc && at.mapped)
		rc = mapping(p, t, l, &at, &key.mapping);
	key.address = at.address;
	evp_str_clear(&p->key);
	evp_str_add(&p->key, &key, sizeof(key));
	if (!rc)
		rc = lines(p, t, l, key.mapping ? &p->mapping[key.mapping - 1] : NULL);
	if (!rc && !l->nlines && at.named)
		rc = nameless(p, t, location);
	if (!rc && p->key.oom)
		rc = -ENOMEM;
	if (!rc)
		rc = evp_intern(&p->locations, p->key.buf, p->key.len, &id);
	if (!rc)
		*ret_number = id + 1;
	return rc;
}

static void mapping_put(const struct evp_pprof_tables *p, size_t i, struct evp_str *m,
			struct evp_str *out)
{
	const struct evp_pprof_mapping *has = &p->mapping[i];
	uint64_t limit = has->limit + PAGE - 1;
	struct mapping_key key;

	memcpy(&key, p->mappings.item[i].ptr, sizeof(key));
	evp_str_clear(m);
	evp_pb_put_u64(m, MAPPING_ID, i + 1);
	evp_pb_put_u64(m, MAPPING_START, key.start);
	evp_pb_put_u64(m, MAPPING_LIMIT, limit < has->limit ? UINT64_MAX : limit / PAGE * PAGE);
	evp_pb_put_u64(m, MAPPING_OFFSET, key.offset);
	evp_pb_put_u64(m, MAPPING_FILE, key.file);
	evp_pb_put_u64(m, MAPPING_BUILD_ID, key.build_id);
	evp_pb_put_u64(m, MAPPING_HAS_FUNCTIONS, has->functions);
	evp_pb_put_u64(m, MAPPING_HAS_FILENAMES, has->filenames);
	evp_pb_put_u64(m, MAPPING_HAS_LINES, has->lines);
	evp_pb_put_u64(m, MAPPING_HAS_INLINES, has->functions && has->inlines);
	evp_pb_put_bytes(out, PP_MAPPING, m->buf, m->len);
}

/* Neither a library nor "[kernel.kallsyms]" and the like. */
static bool is_program(const struct evp_pprof_tables *p, size_t i)
{
	struct mapping_key key;
	const struct evp_bytes *name;
	const char *so;

	memcpy(&key, p->mappings.item[i].ptr, sizeof(key));
	name = &p->strings.item[key.file];
	if (!name->len || name->ptr[0] == '[')
		return false;
	so = memmem(name->ptr, name->len, ".so", 3);
	return !so || (so + 3 < name->ptr + name->len && so[3] != '.');
}

/* A program comes first: pprof takes the first mapping for the main binary. */
static void mappings_put(struct evp_pprof_tables *p, struct evp_str *out)
{
	struct evp_str m = { 0 };
	size_t i, first = 0;

	while (first < p->mappings.n && !is_program(p, first))
		first++;
	if (first < p->mappings.n)
		mapping_put(p, first, &m, out);
	for (i = 0; i < p->mappings.n; i++)
		if (i != first)
			mapping_put(p, i, &m, out);
	out->oom |= m.oom;
	evp_str_release(&m);
}

static void location_put(const struct evp_bytes *bytes, uint64_t number, struct evp_str *m,
			 struct evp_str *sub)
{
	struct location_key key;
	struct line_key line;
	size_t at;

	memcpy(&key, bytes->ptr, sizeof(key));
	evp_str_clear(m);
	evp_pb_put_u64(m, LOCATION_ID, number);
	evp_pb_put_u64(m, LOCATION_MAPPING, key.mapping);
	evp_pb_put_u64(m, LOCATION_ADDRESS, key.address);
	for (at = sizeof(key); at < bytes->len; at += sizeof(line)) {
		memcpy(&line, bytes->ptr + at, sizeof(line));
		evp_str_clear(sub);
		evp_pb_put_u64(sub, LINE_FUNCTION, line.function);
		evp_pb_put_i64(sub, LINE_LINE, line.line);
		evp_pb_put_i64(sub, LINE_COLUMN, line.column);
		evp_pb_put_bytes(m, LOCATION_LINE, sub->buf, sub->len);
	}
}

static void function_put(const struct evp_bytes *bytes, uint64_t number, struct evp_str *m)
{
	struct function_key key;

	memcpy(&key, bytes->ptr, sizeof(key));
	evp_str_clear(m);
	evp_pb_put_u64(m, FUNCTION_ID, number);
	evp_pb_put_u64(m, FUNCTION_NAME, key.name);
	evp_pb_put_u64(m, FUNCTION_SYSTEM, key.system_name);
	evp_pb_put_u64(m, FUNCTION_FILE, key.filename);
	evp_pb_put_i64(m, FUNCTION_START, key.start_line);
}

void evp_pprof_tables_put(struct evp_pprof_tables *p, struct evp_str *out)
{
	struct evp_str m = { 0 }, sub = { 0 };
	size_t i;

	mappings_put(p, out);
	for (i = 0; i < p->locations.n; i++) {
		location_put(&p->locations.item[i], i + 1, &m, &sub);
		evp_pb_put_bytes(out, PP_LOCATION, m.buf, m.len);
	}
	for (i = 0; i < p->functions.n; i++) {
		function_put(&p->functions.item[i], i + 1, &m);
		evp_pb_put_bytes(out, PP_FUNCTION, m.buf, m.len);
	}
	out->oom |= m.oom || sub.oom;
	evp_str_release(&m);
	evp_str_release(&sub);
}

void evp_pprof_strings_put(const struct evp_pprof_tables *p, struct evp_str *out)
{
	size_t i;

	for (i = 0; i < p->strings.n; i++)
		evp_pb_put_bytes(out, PP_STRING, p->strings.item[i].ptr, p->strings.item[i].len);
}
