// SPDX-License-Identifier: GPL-2.0-or-later
/* Locations of a stream named on their way through a copier. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "symbol/object.h"

#define MAX_OPEN	    128 /* objects, each with a few files */
#define DEFAULT_CACHE_BYTES ((size_t)256 << 20)
#define NAMES_BYTES	    ((size_t)32 << 20)

/* An object as streams name it. It may be closed and opened again; why there is none stays. */
struct entry {
	struct evp_object *object;
	const char *reason; /* NULL: there is or was an object */
	uint64_t used;
	size_t bytes;
};

struct evp_symbolizer {
	struct evp_symbol_opts opts;
	struct evp_writer *w;
	struct evp_interner keys; /* kind, build ID, path -> index of entries */
	struct entry *entries;
	size_t nentries, centries;
	size_t nopen, bytes;
	uint64_t clock;
	struct evp_interner names; /* as the linker knows them ... */
	struct evp_bytes *plain;   /* ... and for people */
	size_t cplain;
	struct evp_arena plain_arena;
	struct evp_str text;
	struct evp_line lines[EVP_MAX_LINES];
	struct evp_symbolizer_stats stats;
};

int evp_symbolizer_new(struct evp_symbolizer **ret_s, const struct evp_symbol_opts *opts,
		       struct evp_err *err)
{
	struct evp_symbolizer *s = calloc(1, sizeof(*s));

	if (!s)
		return evp_fail_oom(err);
	s->opts = *opts;
	if (!s->opts.cache_bytes)
		s->opts.cache_bytes = DEFAULT_CACHE_BYTES;
	*ret_s = s;
	return 0;
}

void evp_symbolizer_free(struct evp_symbolizer *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nentries; i++)
		evp_object_close(s->entries[i].object);
	free(s->entries);
	evp_interner_release(&s->keys);
	evp_interner_release(&s->names);
	evp_arena_release(&s->plain_arena);
	evp_str_release(&s->text);
	free(s->plain);
	free(s);
}

/* ---- objects ---- */

static void close_entry(struct evp_symbolizer *s, struct entry *e)
{
	evp_object_close(e->object);
	e->object = NULL;
	s->bytes -= e->bytes;
	e->bytes = 0;
	s->nopen--;
}

/* Closes what was not used for longest until the bounds hold; `keep` stays. */
static void evict(struct evp_symbolizer *s, const struct entry *keep)
{
	while (s->nopen > MAX_OPEN || s->bytes > s->opts.cache_bytes) {
		struct entry *oldest = NULL;

		for (size_t i = 0; i < s->nentries; i++) {
			struct entry *e = &s->entries[i];

			if (e->object && e != keep && (!oldest || e->used < oldest->used))
				oldest = e;
		}
		if (!oldest)
			return;
		close_entry(s, oldest);
	}
}

static int find_entry(struct evp_symbolizer *s, uint8_t kind, const struct evp_build_id *id,
		      const struct evp_bytes *path, struct entry **ret_e)
{
	uint32_t index;
	int rc;

	evp_str_clear(&s->text);
	evp_str_putc(&s->text, (char)kind);
	evp_str_putc(&s->text, (char)id->len);
	evp_str_add(&s->text, id->bytes, id->len);
	evp_str_add(&s->text, path->ptr, path->len);
	if (s->text.oom)
		return -ENOMEM;
	rc = evp_intern(&s->keys, s->text.buf, s->text.len, &index);
	if (rc)
		return rc;
	if (index >= s->nentries) {
		if (evp_grow(&s->entries, &s->centries, (size_t)index + 1, sizeof(*s->entries)))
			return -ENOMEM;
		s->entries[s->nentries++] = (struct entry){ 0 };
	}
	*ret_e = &s->entries[index];
	return 0;
}

/* The object behind a file record, ready for a look-up; *ret_e has none but a reason otherwise. */
static int get_object(struct evp_symbolizer *s, const struct evp_tables *t,
		      const struct evp_location *in, struct entry **ret_e)
{
	const struct evp_file *f = &t->files[in->file];
	const struct evp_bytes *path = evp_string(t, f->path);
	struct evp_build_id id = { .len = f->build_id_len };
	struct entry *e;
	int rc;

	memcpy(id.bytes, f->build_id, id.len);
	rc = find_entry(s, in->kind, &id, path, &e);
	if (rc)
		return rc;
	*ret_e = e;
	e->used = ++s->clock;
	if (e->object || e->reason)
		return 0;
	if (in->kind == EVP_LOC_VDSO)
		rc = evp_object_find_vdso(&e->object, &id, &s->opts, &e->reason);
	else
		rc = evp_object_find(&e->object, path->ptr, &id, &s->opts, &e->reason);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	e->reason = NULL;
	s->nopen++;
	s->stats.objects++;
	return 0;
}

/* ---- names ---- */

/* The name for people, remembered. */
static int plain_name(struct evp_symbolizer *s, const char *name, struct evp_bytes *ret)
{
	size_t before = s->names.n;
	uint32_t id;
	char *copy;
	int rc;

	if (s->names.arena.bytes + s->plain_arena.bytes > NAMES_BYTES) {
		evp_interner_release(&s->names);
		evp_arena_release(&s->plain_arena);
		before = 0;
	}
	rc = evp_intern(&s->names, name, strlen(name), &id);
	if (rc)
		return rc;
	if (s->names.n > before) {
		evp_str_clear(&s->text);
		evp_demangle(&s->text, name, s->opts.demangle);
		copy = s->text.oom ? NULL
				   : evp_arena_dup(&s->plain_arena, s->text.buf, s->text.len);
		if (!copy || evp_grow(&s->plain, &s->cplain, s->names.n, sizeof(*s->plain)))
			return -ENOMEM;
		s->plain[id] = (struct evp_bytes){ copy, s->text.len };
	}
	*ret = s->plain[id];
	return 0;
}

static int make_function(struct evp_symbolizer *s, const struct evp_symbol_frame *f,
			 uint32_t *ret_id)
{
	struct evp_function fn = { .start_line = f->start_line };
	const char *name = f->name ? f->name : "??";
	struct evp_bytes plain;
	int rc = plain_name(s, name, &plain);

	if (!rc)
		rc = evp_writer_string(s->w, plain.ptr, plain.len, &fn.name);
	if (!rc && (plain.len != strlen(name) || memcmp(plain.ptr, name, plain.len)))
		rc = evp_writer_cstring(s->w, name, &fn.system_name);
	if (!rc)
		rc = evp_writer_cstring(s->w, f->filename, &fn.filename);
	return rc ? rc : evp_writer_function(s->w, &fn, ret_id);
}

static int apply(struct evp_symbolizer *s, const struct evp_symbol_answer *a,
		 struct evp_location *out)
{
	uint32_t n = 0;
	int rc = 0;

	for (; !rc && n < a->nframes && n < EVP_MAX_LINES; n++) {
		s->lines[n] = (struct evp_line){ .line = a->frames[n].line,
						 .column = a->frames[n].column };
		rc = make_function(s, &a->frames[n], &s->lines[n].function);
	}
	out->lines = s->lines;
	out->nlines = n;
	out->source = (uint8_t)a->source;
	out->text = 0;
	return rc ? rc : 1;
}

/* ---- the hook ---- */

static void count_reason(struct evp_symbolizer *s, const char *reason)
{
	struct evp_symbolizer_stats *st = &s->stats;
	size_t i = 0;

	while (i < st->nreasons && strcmp(st->reasons[i].reason, reason))
		i++;
	if (i == EVP_ARRAY_SIZE(st->reasons))
		return;
	if (i == st->nreasons)
		st->reasons[st->nreasons++] = (struct evp_symbolizer_reason){ reason, 0 };
	st->reasons[i].locations++;
}

static int look_up(struct evp_symbolizer *s, const struct evp_tables *t,
		   const struct evp_location *in, struct evp_symbol_answer *a)
{
	const struct evp_file *f = &t->files[in->file];
	struct evp_file_offset offset = { in->offset };
	struct evp_elf_vaddr addr;
	struct entry *e;
	int rc = get_object(s, t, in, &e);

	if (rc)
		return rc;
	a->reason = e->reason;
	if (!e->object)
		return 0;
	if (!evp_object_vaddr(e->object, f->segments, f->nsegments, offset, &addr)) {
		a->reason = "not covered";
		return 0;
	}
	rc = evp_object_lookup(e->object, addr, a);
	s->bytes -= e->bytes;
	e->bytes = evp_object_bytes(e->object);
	s->bytes += e->bytes;
	evict(s, e);
	return rc;
}

static int name_location(void *arg, const struct evp_tables *t, const struct evp_location *in,
			 struct evp_location *out)
{
	struct evp_symbolizer *s = arg;
	struct evp_symbol_answer a = { 0 };
	int rc = 0;

	s->stats.locations++;
	if ((in->kind == EVP_LOC_NATIVE || in->kind == EVP_LOC_VDSO) && in->source < EVP_SRC_DWARF)
		rc = look_up(s, t, in, &a);
	if (rc)
		return rc;
	if (a.source > in->source) {
		s->stats.improved++;
		s->stats.by_source[a.source]++;
		return apply(s, &a, out);
	}
	s->stats.by_source[in->source < EVP_SRC_KINDS ? in->source : EVP_SRC_NONE]++;
	if (in->nlines || !a.reason)
		return 0;
	count_reason(s, a.reason);
	rc = evp_writer_cstring(s->w, a.reason, &out->text);
	return rc ? rc : 1;
}

void evp_symbolizer_attach(struct evp_symbolizer *s, struct evp_copy *c, struct evp_writer *w)
{
	s->w = w;
	evp_copy_location_hook(c, name_location, s);
}

static int compare_reasons(const void *pa, const void *pb)
{
	const struct evp_symbolizer_reason *a = pa, *b = pb;

	if (a->locations != b->locations)
		return a->locations > b->locations ? -1 : 1;
	return strcmp(a->reason, b->reason);
}

void evp_symbolizer_stats(const struct evp_symbolizer *s, struct evp_symbolizer_stats *ret_stats)
{
	*ret_stats = s->stats;
	qsort(ret_stats->reasons, ret_stats->nreasons, sizeof(*ret_stats->reasons),
	      compare_reasons);
}
