// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "store/parquet.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/parquet_format.h"
#include "store/thrift.h"

#define MIN_PAGE 16 /* header and body */

static int damaged(const struct evp_pq_file *f, uint64_t offset, const char *what,
		   struct evp_err *err)
{
	return evp_fail(err, EBADMSG, "'%s': %s at offset %llu", f->path, what,
			(unsigned long long)offset);
}

static bool is_text(struct evp_bytes b, const char *text)
{
	return b.len == strlen(text) && !memcmp(b.ptr, text, b.len);
}

/* ---- the schema ---- */

struct element {
	int64_t type, repetition, children, converted;
	bool has_type;
	struct evp_bytes name;
};

static struct element take_element(struct evp_cursor *c)
{
	struct element e = { .converted = -1 };
	int last = 0, type;

	while ((type = evp_thrift_field(c, &last)))
		switch (last) {
		case PQ_SCHEMA_TYPE:
			e.type = evp_thrift_int(c, type);
			e.has_type = true;
			break;
		case PQ_SCHEMA_REPETITION:
			e.repetition = evp_thrift_int(c, type);
			break;
		case PQ_SCHEMA_NAME:
			e.name = evp_thrift_text(c, type);
			break;
		case PQ_SCHEMA_NUM_CHILDREN:
			e.children = evp_thrift_int(c, type);
			break;
		case PQ_SCHEMA_CONVERTED_TYPE:
			e.converted = evp_thrift_int(c, type);
			break;
		default:
			evp_thrift_skip(c, type);
		}
	return e;
}

static int take_field(struct evp_pq_file *f, const struct element *e, struct evp_pq_field *field)
{
	if (e->children || !e->has_type || e->repetition != PQ_REQUIRED)
		return -EBADMSG;
	switch (e->type) {
	case PQ_BYTE_ARRAY:
		field->type = EVP_PQ_STRING;
		break;
	case PQ_INT32:
		field->type = EVP_PQ_INT32;
		break;
	case PQ_INT64:
		field->type = e->converted == PQ_TIMESTAMP_MILLIS ? EVP_PQ_TIME_MS : EVP_PQ_INT64;
		break;
	default:
		return -EBADMSG;
	}
	field->name = evp_arena_dup(&f->arena, e->name.ptr ? e->name.ptr : "", e->name.len);
	return field->name ? 0 : -ENOMEM;
}

static int take_schema(struct evp_pq_file *f, struct evp_cursor *c, int type)
{
	size_t n = evp_thrift_list_begin(c, type, EVP_THRIFT_STRUCT), i;
	int rc = 0;

	if (c->bad || f->fields || n < 2 || n > EVP_PQ_MAX_FIELDS + 1)
		return -EBADMSG;
	f->fields = calloc(n - 1, sizeof(*f->fields));
	if (!f->fields)
		return -ENOMEM;
	take_element(c); /* the root */
	for (i = 1; !rc && i < n; i++) {
		struct element e = take_element(c);

		rc = c->bad ? -EBADMSG : take_field(f, &e, &f->fields[f->nfields++]);
	}
	return rc;
}

/* ---- row groups ---- */

static void take_statistics(struct evp_cursor *c, struct evp_pq_chunk *chunk)
{
	int last = 0, type;

	while ((type = evp_thrift_field(c, &last)))
		switch (last) {
		case PQ_STATS_MAX_VALUE:
			chunk->max = evp_thrift_text(c, type);
			chunk->has_max = true;
			break;
		case PQ_STATS_MIN_VALUE:
			chunk->min = evp_thrift_text(c, type);
			chunk->has_min = true;
			break;
		default:
			evp_thrift_skip(c, type);
		}
}

static void take_column(struct evp_cursor *c, struct evp_pq_chunk *chunk)
{
	int64_t data = 0, dictionary = 0;
	int last = 0, type;

	while ((type = evp_thrift_field(c, &last)))
		switch (last) {
		case PQ_COLUMN_CODEC:
			chunk->codec = (uint8_t)evp_thrift_int(c, type);
			break;
		case PQ_COLUMN_NUM_VALUES:
			chunk->nvalues = (uint64_t)evp_thrift_int(c, type);
			break;
		case PQ_COLUMN_COMPRESSED_SIZE:
			chunk->size = (uint64_t)evp_thrift_int(c, type);
			break;
		case PQ_COLUMN_DATA_PAGE_OFFSET:
			data = evp_thrift_int(c, type);
			break;
		case PQ_COLUMN_DICTIONARY_PAGE_OFFSET:
			dictionary = evp_thrift_int(c, type);
			break;
		case PQ_COLUMN_STATISTICS:
			if (evp_thrift_is_struct(c, type))
				take_statistics(c, chunk);
			break;
		default:
			evp_thrift_skip(c, type);
		}
	chunk->offset = (uint64_t)(dictionary > 0 && dictionary < data ? dictionary : data);
}

static void take_chunk(struct evp_cursor *c, struct evp_pq_chunk *chunk)
{
	int last = 0, type;

	while ((type = evp_thrift_field(c, &last))) {
		if (last == PQ_CHUNK_META_DATA && evp_thrift_is_struct(c, type))
			take_column(c, chunk);
		else if (last == PQ_CHUNK_FILE_PATH)
			c->bad = 1; /* pages in another file */
		else
			evp_thrift_skip(c, type);
	}
}

static int take_chunks(struct evp_pq_file *f, struct evp_cursor *c, int type,
		       struct evp_pq_group *g)
{
	size_t n = evp_thrift_list_begin(c, type, EVP_THRIFT_STRUCT), i;

	if (c->bad || !f->fields || n != f->nfields || g->chunks)
		return -EBADMSG;
	g->chunks = evp_arena_alloc(&f->arena, n * sizeof(*g->chunks));
	if (!g->chunks)
		return -ENOMEM;
	memset(g->chunks, 0, n * sizeof(*g->chunks));
	for (i = 0; i < n; i++)
		take_chunk(c, &g->chunks[i]);
	return c->bad ? -EBADMSG : 0;
}

/*
 * A group's chunks lie before the footer and have a value for each of its rows, whose number the
 * chunks' size bears out (a page is of MIN_PAGE bytes at least): callers allocate by it.
 */
static bool group_fits(const struct evp_pq_file *f, const struct evp_pq_group *g)
{
	size_t i;

	for (i = 0; g->chunks && i < f->nfields; i++) {
		const struct evp_pq_chunk *k = &g->chunks[i];

		if (k->nvalues != g->nrows ||
		    g->nrows / EVP_PQ_MAX_PAGE_ROWS > k->size / MIN_PAGE || k->offset < 4 ||
		    k->offset > f->footer_offset || k->size > f->footer_offset - k->offset ||
		    (k->codec != PQ_UNCOMPRESSED && k->codec != PQ_ZSTD))
			return false;
	}
	return g->chunks && g->nrows > 0 && g->nrows <= INT32_MAX;
}

static int take_group(struct evp_pq_file *f, struct evp_cursor *c, struct evp_pq_group *g)
{
	int last = 0, type, rc = 0;

	while (!rc && (type = evp_thrift_field(c, &last))) {
		if (last == PQ_GROUP_COLUMNS)
			rc = take_chunks(f, c, type, g);
		else if (last == PQ_GROUP_NUM_ROWS)
			g->nrows = (uint64_t)evp_thrift_int(c, type);
		else
			evp_thrift_skip(c, type);
	}
	return rc ? rc : c->bad || !group_fits(f, g) ? -EBADMSG : 0;
}

static int take_groups(struct evp_pq_file *f, struct evp_cursor *c, int type)
{
	size_t n = evp_thrift_list_begin(c, type, EVP_THRIFT_STRUCT);
	int rc = 0;

	if (c->bad || f->groups || n > EVP_PQ_MAX_GROUPS)
		return -EBADMSG;
	f->groups = calloc(n + 1, sizeof(*f->groups));
	if (!f->groups)
		return -ENOMEM;
	while (!rc && f->ngroups < n)
		rc = take_group(f, c, &f->groups[f->ngroups++]);
	return rc;
}

/* ---- metadata, the footer as a whole ---- */

static int take_pairs(struct evp_pq_file *f, struct evp_cursor *c, int type)
{
	size_t n = evp_thrift_list_begin(c, type, EVP_THRIFT_STRUCT), i;

	if (c->bad || f->meta)
		return -EBADMSG;
	f->meta = calloc(n + 1, sizeof(*f->meta));
	if (!f->meta)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		int last = 0, t;

		while ((t = evp_thrift_field(c, &last))) {
			if (last == 1)
				f->meta[i].key = evp_thrift_text(c, t);
			else if (last == 2)
				f->meta[i].value = evp_thrift_text(c, t);
			else
				evp_thrift_skip(c, t);
		}
	}
	f->nmeta = n;
	return c->bad ? -EBADMSG : 0;
}

static int take_footer(struct evp_pq_file *f, struct evp_cursor *c)
{
	uint64_t rows = 0;
	int last = 0, type, rc = 0;
	size_t i;

	while (!rc && (type = evp_thrift_field(c, &last)))
		switch (last) {
		case PQ_FILE_SCHEMA:
			rc = take_schema(f, c, type);
			break;
		case PQ_FILE_NUM_ROWS:
			f->nrows = (uint64_t)evp_thrift_int(c, type);
			break;
		case PQ_FILE_ROW_GROUPS:
			rc = take_groups(f, c, type);
			break;
		case PQ_FILE_KEY_VALUE:
			rc = take_pairs(f, c, type);
			break;
		case PQ_FILE_CREATED_BY:
			f->created_by = evp_thrift_text(c, type);
			break;
		default:
			evp_thrift_skip(c, type);
		}
	for (i = 0; i < f->ngroups; i++)
		rows += f->groups[i].nrows;
	return rc ? rc : c->bad || !f->fields || rows != f->nrows ? -EBADMSG : 0;
}

static int read_at(const struct evp_pq_file *f, void *buf, size_t len, uint64_t offset,
		   struct evp_err *err)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = pread(f->fd, (char *)buf + got, len - got, (off_t)(offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return evp_fail_errno(err, errno, "cannot read '%s'", f->path);
		if (!n)
			return damaged(f, offset + got, "the file ends", err);
		got += (size_t)n;
	}
	return 0;
}

static int read_footer(struct evp_pq_file *f, struct evp_err *err)
{
	char tail[8], head[4];
	struct evp_cursor c;
	uint32_t len;
	int rc;

	if (f->size < 12)
		return damaged(f, f->size, "too short for a Parquet file: cut", err);
	rc = read_at(f, head, sizeof(head), 0, err);
	if (!rc)
		rc = read_at(f, tail, sizeof(tail), f->size - sizeof(tail), err);
	if (rc)
		return rc;
	if (memcmp(head, EVP_PQ_MAGIC, 4))
		return damaged(f, 0, "no Parquet file: another magic", err);
	if (memcmp(tail + 4, EVP_PQ_MAGIC, 4))
		return damaged(f, f->size - 4, "no Parquet footer: cut or overwritten", err);
	len = evp_le32(tail);
	if (len > f->size - 12 || len > EVP_PQ_MAX_FOOTER)
		return damaged(f, f->size - 8, "a footer of impossible length", err);
	f->footer_offset = f->size - 8 - len;
	f->footer = malloc(len + 1);
	if (!f->footer)
		return evp_fail_oom(err);
	rc = read_at(f, f->footer, len, f->footer_offset, err);
	if (rc)
		return rc;
	c = (struct evp_cursor){ (uint8_t *)f->footer, (uint8_t *)f->footer + len, 0 };
	rc = take_footer(f, &c);
	if (rc == -ENOMEM)
		return evp_fail_oom(err);
	return rc ? damaged(f, f->footer_offset + (uint64_t)(c.p - (uint8_t *)f->footer),
			    "a footer that is damaged or not of our kind", err)
		  : 0;
}

int evp_pq_open(struct evp_pq_file **ret_f, int dirfd, const char *path, struct evp_err *err)
{
	struct evp_pq_file *f = calloc(1, sizeof(*f));
	struct stat st;
	int rc;

	if (!f)
		return evp_fail_oom(err);
	f->path = strdup(path);
	f->fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (!f->path)
		rc = evp_fail_oom(err);
	else if (f->fd < 0 || fstat(f->fd, &st))
		rc = evp_fail_errno(err, errno, "cannot open '%s'", path);
	else if (!S_ISREG(st.st_mode))
		rc = evp_fail(err, EBADMSG, "'%s': not a regular file", path);
	else {
		f->size = (uint64_t)st.st_size;
		rc = read_footer(f, err);
	}
	if (rc) {
		evp_pq_close(f);
		return rc;
	}
	*ret_f = f;
	return 0;
}

void evp_pq_close(struct evp_pq_file *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f->fields);
	free(f->groups);
	free(f->meta);
	free(f->footer);
	evp_arena_release(&f->arena);
	free(f);
}

const struct evp_bytes *evp_pq_meta(const struct evp_pq_file *f, const char *key)
{
	size_t i;

	for (i = 0; i < f->nmeta; i++)
		if (is_text(f->meta[i].key, key))
			return &f->meta[i].value;
	return NULL;
}
