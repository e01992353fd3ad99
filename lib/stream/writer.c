// SPDX-License-Identifier: GPL-2.0-or-later
#include "stream/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <zstd.h>

#include "base/io.h"
#include "stream/format.h"

/* A filter looks whether an epoch is due between samples; one sample's stack still has to fit. */
#define EPOCH_DUE (EVP_EPOCH_BYTES / 8 * 5)

struct total_key {
	int64_t window_ns, window_len_ns;
	uint32_t event, reason; /* a reason: this is a loss */
};

struct total {
	int64_t samples, value;
};

struct event_sum {
	struct evp_event event; /* strings as ids of `texts` */
	int64_t samples;
};

struct evp_writer {
	struct evp_writer_opts opts;
	int error;
	ZSTD_CCtx *zstd;
	uint8_t stream_id[16];
	uint64_t epoch;
	bool begun; /* the current epoch's header is written */
	bool provenance_done;
	uint64_t truncated;

	uint8_t *raw, *stored; /* the block being filled; where it is compressed to */
	size_t raw_len, stored_cap;
	uint16_t block;

	struct evp_tables tables;
	struct evp_interner
		known[EVP_TAG_LABELS + 1]; /* payloads of processes, files, ... -> id - 1 */
	struct evp_map stacks;		   /* parent << 32 | location -> id */
	struct evp_str payload;

	/* Of the whole stream: strings that outlive epochs, events, sums for the end record. */
	struct evp_interner texts;
	struct event_sum *events;
	size_t nevents, events_cap;
	int64_t lost;

	/* Since the last watermark, keyed by struct total_key. */
	struct evp_interner total_keys;
	struct total *totals;
	size_t totals_cap;
	uint32_t last_total;

	int64_t window_ns, window_len_ns;
	bool window_known;
	int64_t epoch_first_ns, epoch_last_ns;
};

static int fail(struct evp_writer *w, int rc)
{
	if (rc && !w->error)
		w->error = rc;
	return w->error;
}

int evp_writer_error(const struct evp_writer *w)
{
	return w->error;
}

const struct evp_tables *evp_writer_tables(const struct evp_writer *w)
{
	return &w->tables;
}

const uint8_t *evp_writer_stream_id(const struct evp_writer *w)
{
	return w->stream_id;
}

uint64_t evp_writer_truncated(const struct evp_writer *w)
{
	return w->truncated;
}

/* ---- blocks ---- */

static int emit(struct evp_writer *w, const void *bytes, size_t len)
{
	return w->error ? w->error : fail(w, w->opts.sink(w->opts.sink_arg, bytes, len));
}

static int write_epoch_header(struct evp_writer *w)
{
	uint8_t h[EVP_EPOCH_HEADER] = { 0 };

	memcpy(h, evp_sync_mark, EVP_MARK_LEN);
	evp_put_le16(h + 16, EVP_FORMAT_MAJOR);
	evp_put_le16(h + 18, EVP_FORMAT_MINOR);
	evp_put_le32(h + 20, EVP_EPOCH_HEADER);
	memcpy(h + 24, w->stream_id, 16);
	evp_put_le64(h + 40, w->epoch);
	evp_put_le32(h + EVP_EPOCH_HEADER - 4, evp_crc32c(0, h, EVP_EPOCH_HEADER - 4));
	return emit(w, h, sizeof(h));
}

static int write_block(struct evp_writer *w)
{
	uint8_t h[EVP_BLOCK_HEADER] = { EVP_BLOCK_PLAIN };
	const uint8_t *bytes = w->raw;
	size_t len = w->raw_len;

	if (!len || w->error)
		return w->error;
	if (w->zstd) {
		size_t n = ZSTD_compress2(w->zstd, w->stored, w->stored_cap, w->raw, w->raw_len);

		if (!ZSTD_isError(n) && n < len) {
			h[0] = EVP_BLOCK_ZSTD;
			bytes = w->stored;
			len = n;
		}
	}
	evp_put_le16(h + 2, w->block++);
	evp_put_le32(h + 4, (uint32_t)len);
	evp_put_le32(h + 8, (uint32_t)w->raw_len);
	evp_put_le32(h + 12, evp_crc32c(evp_crc32c(0, h, 12), bytes, len));
	w->raw_len = 0;
	emit(w, h, sizeof(h));
	return emit(w, bytes, len);
}

static int put_record(struct evp_writer *w, enum evp_tag tag, const void *payload, size_t len)
{
	uint8_t *p;

	if (w->error)
		return w->error;
	if (w->raw_len + len + 2 * EVP_VARINT_MAX > EVP_MAX_BLOCK && write_block(w))
		return w->error;
	p = w->raw + w->raw_len;
	p += evp_varint_put(p, tag);
	p += evp_varint_put(p, len);
	memcpy(p, payload, len);
	w->raw_len = (size_t)(p - w->raw) + len;
	return 0;
}

/* ---- payloads ---- */

static void put(struct evp_str *s, uint64_t v)
{
	char *p = evp_str_reserve(s, EVP_VARINT_MAX);

	if (p)
		s->len += evp_varint_put((uint8_t *)p, v);
}

static void put_signed(struct evp_str *s, int64_t v)
{
	put(s, evp_zigzag(v));
}

static struct evp_str *payload(struct evp_writer *w)
{
	evp_str_clear(&w->payload);
	return &w->payload;
}

static int finish_record(struct evp_writer *w, enum evp_tag tag)
{
	if (w->payload.oom)
		return fail(w, -ENOMEM);
	return put_record(w, tag, w->payload.buf, w->payload.len);
}

/* Writes the definition in w->payload and takes it into the tables. */
static int define(struct evp_writer *w, enum evp_tag tag)
{
	const char *what = "";

	if (w->payload.oom)
		return fail(w, -ENOMEM);
	if (fail(w, evp_tables_define(&w->tables, tag, (uint8_t *)w->payload.buf, w->payload.len,
				      &what)))
		return w->error;
	return put_record(w, tag, w->payload.buf, w->payload.len);
}

/* The id of the thing whose payload was just built; written if it is new. */
static int define_once(struct evp_writer *w, enum evp_tag tag, uint32_t *ret_id)
{
	struct evp_interner *known = &w->known[tag];
	size_t before = known->n;
	uint32_t id;

	if (w->error || w->payload.oom)
		return fail(w, -ENOMEM);
	if (fail(w, evp_intern(known, w->payload.buf, w->payload.len, &id)))
		return w->error;
	*ret_id = id + 1;
	return known->n == before ? 0 : define(w, tag);
}

/* ---- epochs ---- */

static int write_event(struct evp_writer *w, const struct event_sum *e);

static int begin_epoch(struct evp_writer *w)
{
	size_t i;

	if (w->begun || w->error)
		return w->error;
	w->begun = true;
	w->block = 0;
	w->window_known = false;
	w->epoch_first_ns = INT64_MAX;
	w->epoch_last_ns = INT64_MIN;
	for (i = 0; i < EVP_ARRAY_SIZE(w->known); i++)
		evp_interner_release(&w->known[i]);
	evp_map_clear(&w->stacks);
	if (fail(w, evp_tables_begin(&w->tables)) || write_epoch_header(w))
		return w->error;
	for (i = 0; i < w->nevents && !w->error; i++)
		write_event(w, &w->events[i]);
	return w->error;
}

bool evp_writer_epoch_due(const struct evp_writer *w)
{
	return w->tables.bytes > EPOCH_DUE ||
	       (w->epoch_last_ns > w->epoch_first_ns &&
		(uint64_t)w->epoch_last_ns - (uint64_t)w->epoch_first_ns > EVP_EPOCH_NS);
}

int evp_writer_epoch(struct evp_writer *w)
{
	if (write_block(w))
		return w->error;
	w->begun = false;
	w->epoch++;
	return begin_epoch(w);
}

int evp_writer_new(struct evp_writer **ret_w, const struct evp_writer_opts *opts,
		   struct evp_err *err)
{
	struct evp_writer *w = calloc(1, sizeof(*w));
	uint32_t none;
	int rc;

	if (!w)
		return evp_fail_oom(err);
	w->opts = *opts;
	w->raw = malloc(EVP_MAX_BLOCK);
	w->stored_cap = ZSTD_compressBound(EVP_MAX_BLOCK);
	w->stored = malloc(w->stored_cap);
	if (opts->level >= 0) {
		w->zstd = ZSTD_createCCtx();
		if (w->zstd)
			ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel,
					       opts->level ? opts->level : 3);
	}
	if (!w->raw || !w->stored || (opts->level >= 0 && !w->zstd) ||
	    evp_intern(&w->texts, "", 0, &none)) {
		evp_writer_free(w);
		return evp_fail_oom(err);
	}
	if (opts->stream_id)
		memcpy(w->stream_id, opts->stream_id, 16);
	else if (getrandom(w->stream_id, 16, 0) != 16) {
		evp_writer_free(w);
		return evp_fail_errno(err, EIO, "cannot make a stream id");
	}
	rc = begin_epoch(w);
	if (rc) {
		evp_writer_free(w);
		return evp_fail_errno(err, -rc, "cannot write the stream");
	}
	*ret_w = w;
	return 0;
}

void evp_writer_free(struct evp_writer *w)
{
	size_t i;

	if (!w)
		return;
	ZSTD_freeCCtx(w->zstd);
	free(w->raw);
	free(w->stored);
	evp_tables_release(&w->tables);
	for (i = 0; i < EVP_ARRAY_SIZE(w->known); i++)
		evp_interner_release(&w->known[i]);
	evp_map_release(&w->stacks);
	evp_str_release(&w->payload);
	evp_interner_release(&w->texts);
	free(w->events);
	evp_interner_release(&w->total_keys);
	free(w->totals);
	free(w);
}

/* ---- definitions ---- */

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

static int to_texts(struct evp_writer *w, uint32_t *id)
{
	const struct evp_bytes *b = evp_string(&w->tables, *id);

	return evp_intern(&w->texts, b->ptr, b->len, id);
}

static int from_texts(struct evp_writer *w, uint32_t *id)
{
	const struct evp_bytes *b = &w->texts.item[*id];

	return evp_writer_string(w, b->ptr, b->len, id);
}

static int write_event(struct evp_writer *w, const struct event_sum *sum)
{
	struct evp_event e = sum->event;
	struct evp_str *s;
	uint32_t i;

	if (fail(w, event_strings(w, &e, from_texts)))
		return w->error;
	s = payload(w);
	put(s, e.name);
	put(s, e.ntypes);
	for (i = 0; i < e.ntypes; i++) {
		put(s, e.types[i].type);
		put(s, e.types[i].unit);
	}
	put(s, e.samples_type);
	put(s, e.value_type);
	put(s, e.period_type.type);
	put(s, e.period_type.unit);
	put_signed(s, e.period);
	put(s, e.cumulative);
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
		return fail(w, -EINVAL);
	if (fail(w, event_strings(w, &e, to_texts)))
		return w->error;
	for (i = 0; i < w->nevents; i++)
		if (same_event(&w->events[i].event, &e)) {
			*ret_id = (uint32_t)i;
			return 0;
		}
	if (evp_grow(&w->events, &w->events_cap, w->nevents + 1, sizeof(*w->events)))
		return fail(w, -ENOMEM);
	w->events[w->nevents] = (struct event_sum){ .event = e };
	*ret_id = (uint32_t)w->nevents++;
	return write_event(w, &w->events[*ret_id]);
}

int evp_writer_process(struct evp_writer *w, const struct evp_process *p, uint32_t *ret_id)
{
	struct evp_str *s = payload(w);

	put(s, p->node);
	put(s, p->boot_id);
	put_signed(s, p->pid);
	put_signed(s, p->ns_pid);
	put_signed(s, p->start_ns);
	put(s, p->exec_generation);
	put(s, p->comm);
	put(s, p->exe);
	put(s, p->cgroup);
	return define_once(w, EVP_TAG_PROCESS, ret_id);
}

int evp_writer_file(struct evp_writer *w, const struct evp_file *f, uint32_t *ret_id)
{
	uint32_t n = f->nsegments < EVP_MAX_SEGMENTS ? f->nsegments : EVP_MAX_SEGMENTS, i;
	struct evp_str *s = payload(w);

	w->truncated += f->nsegments > n;
	put(s, f->path);
	put(s, f->build_id_len);
	evp_str_add(s, f->build_id, f->build_id_len);
	put(s, n);
	for (i = 0; i < n; i++) {
		put(s, f->segments[i].offset);
		put(s, f->segments[i].vaddr);
		put(s, f->segments[i].size);
	}
	return define_once(w, EVP_TAG_FILE, ret_id);
}

int evp_writer_function(struct evp_writer *w, const struct evp_function *f, uint32_t *ret_id)
{
	struct evp_str *s = payload(w);

	put(s, f->name);
	put(s, f->system_name == f->name ? 0 : f->system_name);
	put(s, f->filename);
	put_signed(s, f->start_line);
	return define_once(w, EVP_TAG_FUNCTION, ret_id);
}

int evp_writer_location(struct evp_writer *w, const struct evp_location *l, uint32_t *ret_id)
{
	uint32_t n = l->nlines < EVP_MAX_LINES ? l->nlines : EVP_MAX_LINES, i;
	/* The function that owns the code is the one to keep. */
	const struct evp_line *line = l->lines + (l->nlines - n);
	struct evp_str *s = payload(w);

	w->truncated += l->nlines > n;
	put(s, l->kind);
	put(s, l->source);
	put(s, l->file);
	put(s, l->process);
	put(s, l->text);
	put(s, l->offset);
	put(s, n);
	for (i = 0; i < n; i++) {
		put(s, line[i].function);
		put_signed(s, line[i].line);
		put_signed(s, line[i].column);
	}
	return define_once(w, EVP_TAG_LOCATION, ret_id);
}

int evp_writer_stack(struct evp_writer *w, uint32_t parent, uint32_t location, uint32_t *ret_id)
{
	uint64_t *id;
	struct evp_str *s;
	int fresh;

	if (w->error || parent >= w->tables.nstacks)
		return fail(w, -EINVAL);
	if (w->tables.depths[parent] >= EVP_MAX_DEPTH) {
		w->truncated++;
		*ret_id = parent;
		return 0;
	}
	id = evp_map_at(&w->stacks, (uint64_t)parent << 32 | location, &fresh);
	if (!id)
		return fail(w, -ENOMEM);
	if (!fresh) {
		*ret_id = (uint32_t)*id;
		return 0;
	}
	*id = *ret_id = (uint32_t)w->tables.nstacks;
	s = payload(w);
	put(s, *ret_id - parent);
	put(s, location);
	return define(w, EVP_TAG_STACK);
}

struct label_order {
	const struct evp_label *label;
	const struct evp_bytes *key;
	size_t given; /* position, so that the last of equal keys wins */
};

static int compare_labels(const void *va, const void *vb)
{
	const struct label_order *a = va, *b = vb;
	size_t n = a->key->len < b->key->len ? a->key->len : b->key->len;
	int c = memcmp(a->key->ptr, b->key->ptr, n);

	if (c)
		return c;
	if (a->key->len != b->key->len)
		return a->key->len < b->key->len ? -1 : 1;
	return a->given < b->given ? -1 : 1;
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
		return fail(w, -ENOMEM);
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
	s = payload(w);
	put(s, n);
	for (i = 0; i < n; i++) {
		const struct evp_label *l = order[i].label;

		put(s, l->key);
		put(s, l->is_number);
		if (l->is_number) {
			put_signed(s, l->number);
			put(s, l->unit);
		} else
			put(s, texts[i]);
	}
	if (order != small)
		free(order);
	*ret_id = 0;
	rc = n ? define_once(w, EVP_TAG_LABELS, ret_id) : 0;
	return rc ? rc : w->error;
}

/* ---- data ---- */

static void put_bytes(struct evp_str *s, const char *bytes, size_t len)
{
	put(s, len);
	evp_str_add(s, bytes, len);
}

static int write_provenance(struct evp_writer *w, const struct evp_bytes b[3])
{
	struct evp_str *s = payload(w);
	int i;

	for (i = 0; i < 3; i++)
		put_bytes(s, b[i].ptr, b[i].len < 4096 ? b[i].len : 4096);
	return finish_record(w, EVP_TAG_PROVENANCE);
}

static int own_provenance(struct evp_writer *w)
{
	const char *options = w->opts.options ? w->opts.options : "";

	if (w->provenance_done || !w->opts.tool)
		return w->error;
	w->provenance_done = true;
	return write_provenance(w, (struct evp_bytes[]){ { w->opts.tool, strlen(w->opts.tool) },
							 { EVP_VERSION, strlen(EVP_VERSION) },
							 { options, strlen(options) } });
}

int evp_writer_provenance(struct evp_writer *w, const struct evp_provenance *p)
{
	return write_provenance(w, (struct evp_bytes[]){ p->tool, p->version, p->options });
}

static struct total *total_at(struct evp_writer *w, const struct total_key *key)
{
	struct evp_interner *keys = &w->total_keys;
	size_t before = keys->n;
	uint32_t id;

	if (w->last_total < keys->n && !memcmp(keys->item[w->last_total].ptr, key, sizeof(*key)))
		return &w->totals[w->last_total];
	if (evp_intern(keys, key, sizeof(*key), &id) ||
	    evp_grow(&w->totals, &w->totals_cap, keys->n, sizeof(*w->totals)))
		return NULL;
	if (keys->n != before)
		w->totals[id] = (struct total){ 0 };
	w->last_total = id;
	return &w->totals[id];
}

static int enter_window(struct evp_writer *w, int64_t start, int64_t len)
{
	struct evp_str *s;

	if (w->window_known && w->window_ns == start && w->window_len_ns == len)
		return w->error;
	w->window_ns = start;
	w->window_len_ns = len;
	w->window_known = true;
	if (start < w->epoch_first_ns)
		w->epoch_first_ns = start;
	if (start > w->epoch_last_ns)
		w->epoch_last_ns = start;
	s = payload(w);
	put_signed(s, start);
	put(s, (uint64_t)len);
	return finish_record(w, EVP_TAG_WINDOW);
}

/*
 * A sample at an exact time goes into the second that holds it, so that such samples do not need a
 * window record each.
 */
static int64_t second_of(int64_t t)
{
	int64_t rest = t % 1000000000;

	return t - (rest < 0 ? rest + 1000000000 : rest);
}

static int add_total(struct evp_writer *w, const struct evp_sample *s)
{
	const struct evp_event *e = &w->events[s->event].event;
	struct total_key key = { w->window_ns, w->window_len_ns, s->event, 0 };
	struct total *total = total_at(w, &key);
	int64_t n = e->samples_type ? s->values[e->samples_type - 1] : 1;

	if (!total)
		return fail(w, -ENOMEM);
	total->samples = (int64_t)((uint64_t)total->samples + (uint64_t)n);
	if (e->value_type)
		total->value = (int64_t)((uint64_t)total->value +
					 (uint64_t)s->values[e->value_type - 1]);
	w->events[s->event].samples = (int64_t)((uint64_t)w->events[s->event].samples +
						(uint64_t)n);
	return 0;
}

int evp_writer_sample(struct evp_writer *w, const struct evp_sample *s)
{
	const struct evp_tables *t = &w->tables;
	uint8_t buf[(5 + EVP_MAX_TYPES) * EVP_VARINT_MAX], *p = buf;
	bool exact = !s->window_len_ns;
	uint32_t i;

	if (w->error)
		return w->error;
	if (s->event >= w->nevents || s->process >= t->nprocesses || s->labels >= t->nlabel_sets ||
	    s->stack >= t->nstacks || s->window_len_ns < 0)
		return fail(w, -EINVAL);
	own_provenance(w);
	if (exact ? enter_window(w, second_of(s->window_ns), 1000000000)
		  : enter_window(w, s->window_ns, s->window_len_ns))
		return w->error;
	p += evp_varint_put(p, s->event);
	p += evp_varint_put(p, s->process);
	p += evp_varint_put(p, s->labels);
	p += evp_varint_put(p, s->stack);
	if (exact)
		p += evp_varint_put(p, evp_zigzag(s->window_ns - w->window_ns));
	for (i = 0; i < w->events[s->event].event.ntypes; i++)
		p += evp_varint_put(p, evp_zigzag(s->values[i]));
	if (put_record(w, exact ? EVP_TAG_SAMPLE_AT : EVP_TAG_SAMPLE, buf, (size_t)(p - buf)))
		return w->error;
	return add_total(w, s);
}

int evp_writer_loss(struct evp_writer *w, const struct evp_loss *l)
{
	struct total_key key = { l->window_ns, l->window_len_ns, l->event, l->reason };
	struct total *total;

	if (w->error || l->event >= w->nevents || l->reason >= w->tables.strings.n || !l->reason)
		return fail(w, -EINVAL);
	/* Reasons must survive an epoch that starts before the watermark. */
	if (fail(w, to_texts(w, &key.reason)))
		return w->error;
	total = total_at(w, &key);
	if (!total)
		return fail(w, -ENOMEM);
	total->samples += l->samples;
	w->lost += l->samples;
	return 0;
}

int evp_writer_clock(struct evp_writer *w, const struct evp_clock *c)
{
	struct evp_str *s = payload(w);

	put_signed(s, c->realtime_ns);
	put_signed(s, c->monotonic_ns);
	put_signed(s, c->boottime_ns);
	return finish_record(w, EVP_TAG_CLOCK);
}

int evp_writer_rate(struct evp_writer *w, const struct evp_rate *r)
{
	struct evp_str *s = payload(w);

	if (r->event >= w->nevents)
		return fail(w, -EINVAL);
	put(s, r->event);
	put_signed(s, r->from_ns);
	put_signed(s, r->period);
	return finish_record(w, EVP_TAG_RATE);
}

int evp_writer_cost(struct evp_writer *w, const struct evp_cost *c)
{
	struct evp_str *s = payload(w);

	put_signed(s, c->from_ns);
	put_signed(s, c->to_ns);
	put_signed(s, c->user_ns);
	put_signed(s, c->system_ns);
	put_signed(s, c->kernel_ns);
	put_signed(s, c->peak_rss_bytes);
	return finish_record(w, EVP_TAG_COST);
}

static int write_totals(struct evp_writer *w)
{
	size_t i;

	for (i = 0; i < w->total_keys.n && !w->error; i++) {
		struct total_key key;
		uint32_t reason;
		struct evp_str *s;

		memcpy(&key, w->total_keys.item[i].ptr, sizeof(key));
		reason = key.reason;
		if (reason && fail(w, from_texts(w, &reason)))
			break;
		s = payload(w);
		put(s, key.event);
		if (reason)
			put(s, reason);
		put_signed(s, key.window_ns);
		put(s, (uint64_t)key.window_len_ns);
		put_signed(s, w->totals[i].samples);
		if (!reason)
			put_signed(s, w->totals[i].value);
		finish_record(w, reason ? EVP_TAG_LOSS : EVP_TAG_TOTALS);
	}
	evp_interner_release(&w->total_keys);
	return w->error;
}

static int flush_all(struct evp_writer *w)
{
	if (write_block(w))
		return w->error;
	return w->opts.flush ? fail(w, w->opts.flush(w->opts.sink_arg)) : 0;
}

int evp_writer_watermark(struct evp_writer *w, int64_t t_ns)
{
	struct evp_str *s;

	if (own_provenance(w) || write_totals(w))
		return w->error;
	s = payload(w);
	put_signed(s, t_ns);
	finish_record(w, EVP_TAG_WATERMARK);
	return flush_all(w);
}

int evp_writer_end(struct evp_writer *w)
{
	struct evp_str *s;
	size_t i;

	if (own_provenance(w) || write_totals(w))
		return w->error;
	s = payload(w);
	put(s, w->nevents);
	for (i = 0; i < w->nevents; i++)
		put_signed(s, w->events[i].samples);
	put_signed(s, w->lost);
	finish_record(w, EVP_TAG_END);
	return flush_all(w);
}

int evp_writer_out_sink(void *out, const void *bytes, size_t len)
{
	return evp_out_write(out, bytes, len);
}

int evp_writer_out_flush(void *out)
{
	return evp_out_flush(out);
}
