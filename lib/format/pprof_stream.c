// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "format/pprof_stream.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/pprof_proto.h"

struct import { /* one profile on its way into the writer */
	const struct evp_import_opts *opts;
	struct evp_writer *w;
	const struct evp_pprof_parsed *p;
	struct evp_event event;
	uint32_t event_id;
	size_t counts; /* index of the type that the derived value is made of */
	bool derived;
	uint32_t *file, *function, *location; /* ids + 1 in this epoch, by index */
	uint64_t *path;			      /* locations of a sample, leaf first */
	size_t cpath;
};

/* ---- the event ---- */

static const struct evp_pprof_message *string(const struct import *im, uint32_t i)
{
	return &im->p->strings.item[i];
}

static bool is(const struct import *im, uint32_t i, const char *text)
{
	const struct evp_pprof_message *s = string(im, i);

	return s->len == strlen(text) && !memcmp(s->bytes, text, s->len);
}

static int put_string(const struct import *im, uint32_t i, uint32_t *ret_id)
{
	return evp_writer_string(im->w, string(im, i)->bytes, string(im, i)->len, ret_id);
}

static int put_type(const struct import *im, struct evp_pprof_type in, struct evp_value_type *out)
{
	int rc = put_string(im, in.type, &out->type);

	return rc ? rc : put_string(im, in.unit, &out->unit);
}

/* Which types count, and which is shown. pprof shows the last one unless the profile says. */
static void choose(struct import *im, size_t *ret_samples, size_t *ret_value, bool *ret_ns)
{
	size_t i;

	*ret_samples = 0;
	*ret_value = im->p->types.n;
	*ret_ns = false;
	for (i = im->p->types.n; i-- > 0;) {
		struct evp_pprof_type t = evp_pprof_get_type(&im->p->types.item[i]);

		if (im->p->default_type && t.type == im->p->default_type)
			*ret_value = i + 1;
		if (is(im, t.unit, "nanoseconds"))
			*ret_ns = true;
		if (is(im, t.unit, "count") && (!*ret_samples || !is(im, t.type, "objects")))
			*ret_samples = i + 1;
	}
	for (i = 0; i < im->p->types.n; i++) {
		struct evp_pprof_type t = evp_pprof_get_type(&im->p->types.item[i]);

		if (is(im, t.type, "samples") && is(im, t.unit, "count"))
			*ret_samples = i + 1;
	}
}

/* [a-z][a-z0-9_]* out of anything. */
static int event_name(struct import *im, uint32_t string_index, uint32_t *ret_id)
{
	const struct evp_pprof_message *s = string(im, string_index);
	struct evp_str name = { 0 };
	size_t i;
	int rc;

	if (im->opts->type)
		return evp_writer_cstring(im->w, im->opts->type, ret_id);
	for (i = 0; i < s->len && i < 64; i++) {
		char c = (char)s->bytes[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!(c >= 'a' && c <= 'z') && !(i && c >= '0' && c <= '9'))
			c = i ? '_' : 'x';
		evp_str_putc(&name, c);
	}
	if (!name.len)
		evp_str_puts(&name, "profile");
	rc = name.oom ? -ENOMEM : evp_writer_string(im->w, name.buf, name.len, ret_id);
	evp_str_release(&name);
	return rc;
}

/*
 * Counts of a profile that is sampled by cpu time get that time as a second value, as Parca and
 * others show them: what the store calls cpu is nanoseconds.
 */
static int derive(struct import *im)
{
	struct evp_event *e = &im->event;
	int rc;

	im->derived = true;
	im->counts = e->samples_type - 1;
	rc = put_type(im, im->p->period_type, &e->types[e->ntypes]);
	e->value_type = ++e->ntypes;
	return rc ? rc : event_name(im, im->p->period_type.type, &e->name);
}

static int declare(struct import *im)
{
	struct evp_event *e = &im->event;
	size_t i, samples, value;
	bool ns;
	int rc = 0;

	choose(im, &samples, &value, &ns);
	for (i = 0; !rc && i < im->p->types.n; i++)
		rc = put_type(im, evp_pprof_get_type(&im->p->types.item[i]), &e->types[i]);
	e->ntypes = (uint32_t)im->p->types.n;
	e->samples_type = (uint32_t)samples;
	e->value_type = (uint32_t)value;
	e->period = im->p->period;
	if (!rc)
		rc = put_type(im, im->p->period_type, &e->period_type);
	if (!rc && samples && !ns && e->period > 0 &&
	    is(im, im->p->period_type.unit, "nanoseconds"))
		rc = derive(im);
	else if (!rc)
		rc = event_name(im, evp_pprof_get_type(&im->p->types.item[value - 1]).type,
				&e->name);
	return rc ? rc : evp_writer_event(im->w, e, &im->event_id);
}

/* ---- places ---- */

/* Hexadecimal as build IDs are; others (a Go build ID) are text that no ELF lookup understands. */
static void build_id(const struct evp_pprof_message *s, struct evp_file *f)
{
	size_t i;

	if (s->len % 2 || s->len > 2 * EVP_MAX_BUILD_ID)
		return;
	for (i = 0; i < s->len; i += 2) {
		int high = evp_hex_digit((char)tolower(s->bytes[i]));
		int low = evp_hex_digit((char)tolower(s->bytes[i + 1]));

		if (high < 0 || low < 0)
			return;
		f->build_id[i / 2] = (uint8_t)(high << 4 | low);
	}
	f->build_id_len = (uint32_t)(s->len / 2);
}

static int file_of(struct import *im, uint64_t index, const struct evp_pprof_mapping_fields *m,
		   uint32_t *ret_id)
{
	struct evp_file f = { 0 };
	int rc;

	if (!im->file[index]) {
		build_id(string(im, m->build_id), &f);
		rc = put_string(im, m->file, &f.path);
		if (!rc)
			rc = evp_writer_file(im->w, &f, ret_id);
		if (rc)
			return rc;
		im->file[index] = *ret_id + 1;
	}
	*ret_id = im->file[index] - 1;
	return 0;
}

static bool module_name(const struct evp_pprof_message *s)
{
	const char *text = (const char *)s->bytes;

	return memmem(text, s->len, ".ko", 3) ||
	       (s->len > 2 && *text == '[' && text[s->len - 1] == ']');
}

static uint8_t kind_of(const struct import *im, const struct evp_pprof_mapping_fields *m)
{
	if (is(im, m->file, EVP_PPROF_KERNEL) || is(im, m->file, "[kernel]"))
		return EVP_LOC_KERNEL;
	if (is(im, m->file, EVP_PPROF_VDSO))
		return EVP_LOC_VDSO;
	if (is(im, m->file, EVP_PPROF_BPF))
		return EVP_LOC_BPF;
	if (is(im, m->file, EVP_PPROF_JIT))
		return EVP_LOC_JIT;
	if (!string(im, m->file)->len && !string(im, m->build_id)->len)
		return EVP_LOC_UNKNOWN;
	return module_name(string(im, m->file)) ? EVP_LOC_MODULE : EVP_LOC_NATIVE;
}

static int place(struct import *im, const struct evp_pprof_location_fields *in,
		 struct evp_location *l)
{
	struct evp_pprof_mapping_fields m;
	bool in_file;

	l->offset = in->address;
	l->kind = in->address ? EVP_LOC_UNKNOWN : EVP_LOC_NONE;
	if (!in->mapping)
		return 0;
	evp_pprof_get_mapping(im->p, in->mapping - 1, &m);
	l->kind = kind_of(im, &m);
	in_file = l->kind == EVP_LOC_NATIVE || l->kind == EVP_LOC_MODULE ||
		  l->kind == EVP_LOC_VDSO || l->kind == EVP_LOC_KERNEL;
	if (in_file && in->address >= m.start)
		l->offset = in->address - m.start + (l->kind == EVP_LOC_KERNEL ? 0 : m.offset);
	/* A kernel without build ID and address is a mark on a name, nothing to look up. */
	if (!in_file || (l->kind == EVP_LOC_KERNEL && !l->offset && !string(im, m.build_id)->len))
		return 0;
	return file_of(im, in->mapping - 1, &m, &l->file);
}

static int function_of(struct import *im, uint64_t index, uint32_t *ret_id)
{
	struct evp_pprof_function_fields in;
	struct evp_function f = { 0 };
	int rc;

	if (!im->function[index]) {
		evp_pprof_get_function(im->p, index, &in);
		f.start_line = in.start_line;
		rc = put_string(im, in.name ? in.name : in.system_name, &f.name);
		if (!rc && in.system_name != in.name)
			rc = put_string(im, in.system_name, &f.system_name);
		if (!rc)
			rc = put_string(im, in.filename, &f.filename);
		if (!rc)
			rc = evp_writer_function(im->w, &f, ret_id);
		if (rc)
			return rc;
		im->function[index] = *ret_id + 1;
	}
	*ret_id = im->function[index] - 1;
	return 0;
}

/* Chains longer than a location may be lose what was inlined outermost; the owner stays last. */
static int lines(struct import *im, struct evp_pb *pb, struct evp_line *lines, uint32_t *ret_n)
{
	struct evp_pprof_line_fields in;
	int rc;

	while (evp_pprof_next_line(im->p, pb, &in)) {
		struct evp_line *line = &lines[*ret_n];

		line->line = in.line;
		line->column = in.column;
		rc = function_of(im, in.function, &line->function);
		if (rc)
			return rc;
		if (*ret_n < EVP_MAX_LINES - 1)
			++*ret_n;
		else
			lines[EVP_MAX_LINES - 1] = *line;
	}
	return 0;
}

/* "[cut:REASON]" without an address is what our own export makes of a cut. */
static bool cut(struct import *im, const struct evp_pprof_location_fields *in, uint32_t nlines,
		const struct evp_line *lines, struct evp_location *l, int *rc)
{
	const struct evp_tables *t = evp_writer_tables(im->w);
	const struct evp_bytes *name;

	if (in->address || in->mapping || nlines != 1)
		return false;
	name = evp_string(t, t->functions[lines[0].function].name);
	if (name->len < 6 || memcmp(name->ptr, "[cut:", 5) || name->ptr[name->len - 1] != ']')
		return false;
	*l = (struct evp_location){ .kind = EVP_LOC_CUT };
	*rc = evp_writer_string(im->w, name->ptr + 5, name->len - 6, &l->text);
	return true;
}

static int make_location(struct import *im, uint64_t index, uint32_t *ret_id)
{
	struct evp_line chain[EVP_MAX_LINES + 1];
	struct evp_pprof_location_fields in;
	struct evp_location l = { 0 };
	struct evp_pb pb;
	uint32_t n = 0;
	int rc;

	evp_pprof_get_location(im->p, index, &in, &pb);
	rc = place(im, &in, &l);
	if (!rc)
		rc = lines(im, &pb, chain, &n);
	if (rc)
		return rc;
	if (!cut(im, &in, n, chain, &l, &rc)) {
		l.lines = chain;
		l.nlines = n;
		l.source = n ? EVP_SRC_TEXT : EVP_SRC_NONE;
	}
	return rc ? rc : evp_writer_location(im->w, &l, ret_id);
}

static int location_of(struct import *im, uint64_t id, uint32_t *ret_id)
{
	uint64_t index = *evp_map_find(&im->p->locations.by_id, id);
	int rc;

	if (!im->location[index]) {
		rc = make_location(im, index, ret_id);
		if (rc)
			return rc;
		im->location[index] = *ret_id + 1;
	}
	*ret_id = im->location[index] - 1;
	return 0;
}

/* ---- samples ---- */

static int label_key(struct import *im, uint32_t key, uint32_t *ret_id)
{
	const struct evp_pprof_message *s = string(im, key);
	char name[64];
	size_t i, len = s->len < sizeof(name) ? s->len : sizeof(name);

	for (i = 0; i < len; i++) {
		char c = (char)s->bytes[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		name[i] = letter || (i && c >= '0' && c <= '9') ? c : '_';
	}
	return evp_writer_string(im->w, len ? name : "_", len ? len : 1, ret_id);
}

static int add_label(struct import *im, const struct evp_pb_field *f, struct evp_label *l)
{
	struct evp_pprof_label_fields in;
	int rc;

	evp_pprof_get_label(f, &in);
	*l = (struct evp_label){ .number = in.num, .is_number = !in.str };
	rc = label_key(im, in.key, &l->key);
	if (!rc && in.str)
		rc = put_string(im, in.str, &l->text);
	if (!rc && !in.str)
		rc = put_string(im, in.unit, &l->unit);
	return rc;
}

static int add_location(struct import *im, uint64_t id, size_t *n)
{
	if (*n == EVP_MAX_DEPTH)
		return -E2BIG;
	if (evp_grow(&im->path, &im->cpath, *n + 1, sizeof(*im->path)))
		return -ENOMEM;
	im->path[(*n)++] = id;
	return 0;
}

struct sample { /* decoded */
	int64_t values[EVP_MAX_TYPES];
	struct evp_label labels[EVP_MAX_LABELS];
	size_t nvalues, nlabels, npath;
	bool any; /* a value other than 0 */
};

static int decode(struct import *im, const struct evp_pprof_message *m, struct sample *s)
{
	struct evp_pb pb = evp_pb_from(m->bytes, m->len);
	struct evp_pb_values v;
	struct evp_pb_field f;
	uint64_t x;
	int rc = 0;

	while (!rc && evp_pb_next(&pb, &f)) {
		v = evp_pb_values(&f);
		switch (f.number) {
		case SAMPLE_LOCATION:
			while (!rc && evp_pb_value(&v, &x))
				rc = add_location(im, x, &s->npath);
			break;
		case SAMPLE_VALUE:
			for (; evp_pb_value(&v, &x); s->any |= x != 0)
				s->values[s->nvalues++] = (int64_t)x;
			break;
		case SAMPLE_LABEL:
			if (s->nlabels < EVP_MAX_LABELS)
				rc = add_label(im, &f, &s->labels[s->nlabels++]);
			break;
		}
	}
	return rc;
}

static int write_sample(struct import *im, const struct evp_pprof_message *m)
{
	struct sample in = { .nvalues = 0 };
	struct evp_sample s = {
		.event = im->event_id,
		.window_ns = im->p->time_ns ? im->p->time_ns : im->opts->time_ns,
		.window_len_ns = im->p->duration_ns ? im->p->duration_ns : im->opts->duration_ns,
		.values = in.values,
	};
	uint32_t location;
	int rc = decode(im, m, &in);

	if (rc || !in.any)
		return rc;
	if (im->derived &&
	    __builtin_mul_overflow(in.values[im->counts], im->p->period, &in.values[in.nvalues]))
		return -EOVERFLOW;
	while (!rc && in.npath) {
		rc = location_of(im, im->path[--in.npath], &location);
		if (!rc)
			rc = evp_writer_stack(im->w, s.stack, location, &s.stack);
	}
	if (!rc)
		rc = evp_writer_label_set(im->w, in.labels, in.nlabels, &s.labels);
	return rc ? rc : evp_writer_sample(im->w, &s);
}

static void forget(struct import *im)
{
	memset(im->file, 0, im->p->mappings.n * sizeof(*im->file));
	memset(im->function, 0, im->p->functions.n * sizeof(*im->function));
	memset(im->location, 0, im->p->locations.n * sizeof(*im->location));
}

static int write_profile(struct import *im)
{
	size_t i;
	int rc = 0;

	im->file = calloc(im->p->mappings.n + 1, sizeof(*im->file));
	im->function = calloc(im->p->functions.n + 1, sizeof(*im->function));
	im->location = calloc(im->p->locations.n + 1, sizeof(*im->location));
	if (!im->file || !im->function || !im->location)
		return -ENOMEM;
	if (evp_writer_epoch_due(im->w))
		rc = evp_writer_epoch(im->w);
	if (!rc)
		rc = declare(im);
	for (i = 0; !rc && i < im->p->samples.n; i++) {
		rc = write_sample(im, &im->p->samples.item[i]);
		if (!rc && evp_writer_epoch_due(im->w)) {
			rc = evp_writer_epoch(im->w);
			forget(im);
		}
	}
	return rc;
}

int evp_pprof_write(const struct evp_pprof_parsed *p, const struct evp_import_opts *opts,
		    struct evp_writer *w)
{
	struct import im = { .opts = opts, .w = w, .p = p };
	int rc = write_profile(&im);

	free(im.file);
	free(im.function);
	free(im.location);
	free(im.path);
	return rc;
}
