// SPDX-License-Identifier: GPL-2.0-or-later
#include "stream/writer_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/io.h"
#include "base/sum.h"
#include "base/text.h"

/* A filter looks whether an epoch is due between samples; one sample's stack still has to fit. */
#define EPOCH_DUE (EVP_EPOCH_BYTES / 8 * 5)

int evp_writer_fail(struct evp_writer *w, int rc)
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
	return w->error ? w->error : evp_writer_fail(w, w->opts.sink(w->opts.sink_arg, bytes, len));
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

int evp_writer_record(struct evp_writer *w, enum evp_tag tag, const void *payload, size_t len)
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

void evp_writer_put(struct evp_str *s, uint64_t v)
{
	char *p = evp_str_reserve(s, EVP_VARINT_MAX);

	if (p)
		s->len += evp_varint_put((uint8_t *)p, v);
}

void evp_writer_put_signed(struct evp_str *s, int64_t v)
{
	evp_writer_put(s, evp_zigzag(v));
}

struct evp_str *evp_writer_payload(struct evp_writer *w)
{
	evp_str_clear(&w->payload);
	return &w->payload;
}

static int finish_record(struct evp_writer *w, enum evp_tag tag)
{
	if (w->payload.oom)
		return evp_writer_fail(w, -ENOMEM);
	return evp_writer_record(w, tag, w->payload.buf, w->payload.len);
}

/* ---- epochs ---- */

static int begin_epoch(struct evp_writer *w)
{
	size_t i;

	if (w->begun || w->error)
		return w->error;
	w->begun = true;
	w->block = 0;
	w->window_known = false;
	w->watermark_ns = INT64_MIN;
	w->epoch_first_ns = INT64_MAX;
	w->epoch_last_ns = INT64_MIN;
	for (i = 0; i < EVP_ARRAY_SIZE(w->known); i++)
		evp_interner_release(&w->known[i]);
	w->slotted = 1;
	if (w->stack_slot)
		memset(w->stack_slot, 0, w->nstack_slots * sizeof(*w->stack_slot));
	if (evp_writer_fail(w, evp_tables_begin(&w->tables)) || write_epoch_header(w))
		return w->error;
	for (i = 0; i < w->nevents && !w->error; i++)
		evp_writer_define_event(w, &w->events[i]);
	return w->error;
}

bool evp_writer_epoch_due(const struct evp_writer *w)
{
	return w->tables.bytes > EPOCH_DUE ||
	       (w->epoch_last_ns > w->epoch_first_ns &&
		(uint64_t)w->epoch_last_ns - (uint64_t)w->epoch_first_ns > EVP_EPOCH_NS);
}

bool evp_writer_late(const struct evp_writer *w, int64_t window_ns)
{
	return window_ns < w->watermark_ns;
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
	w->tables.indexed = true;
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
	free(w->stack_slot);
	evp_str_release(&w->payload);
	evp_interner_release(&w->texts);
	free(w->events);
	evp_interner_release(&w->total_keys);
	free(w->totals);
	free(w);
}

/* ---- data ---- */

static void put_bytes(struct evp_str *s, const char *bytes, size_t len)
{
	evp_writer_put(s, len);
	evp_str_add(s, bytes, len);
}

static int write_provenance(struct evp_writer *w, const struct evp_bytes b[3])
{
	struct evp_str *s = evp_writer_payload(w);
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
	s = evp_writer_payload(w);
	evp_writer_put_signed(s, start);
	evp_writer_put(s, (uint64_t)len);
	return finish_record(w, EVP_TAG_WINDOW);
}

/*
 * A sample at an exact time goes into the second that holds it, so that such samples do not need a
 * window record each. The first and last second of all time are not whole: no window there.
 */
static int enter_second(struct evp_writer *w, int64_t t)
{
	int64_t rest = t % EVP_NSEC;

	if (t < INT64_MIN + EVP_NSEC || t > INT64_MAX - EVP_NSEC)
		return enter_window(w, t, 0);
	return enter_window(w, t - (rest < 0 ? rest + EVP_NSEC : rest), EVP_NSEC);
}

static int add_total(struct evp_writer *w, const struct evp_sample *s)
{
	const struct evp_event *e = &w->events[s->event].event;
	struct total_key key = { w->window_ns, w->window_len_ns, s->event, 0, 0 };
	struct total *total = total_at(w, &key);
	int64_t n = e->samples_type ? s->values[e->samples_type - 1] : 1;

	if (!total)
		return evp_writer_fail(w, -ENOMEM);
	total->samples = (int64_t)((uint64_t)total->samples + (uint64_t)n);
	if (e->value_type)
		total->value = (int64_t)((uint64_t)total->value +
					 (uint64_t)s->values[e->value_type - 1]);
	w->events[s->event].samples = (int64_t)((uint64_t)w->events[s->event].samples +
						(uint64_t)n);
	return 0;
}

static bool is_window(int64_t start, int64_t len)
{
	int64_t end;

	return len >= 0 && !__builtin_add_overflow(start, len, &end);
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
	    s->stack >= t->nstacks || !is_window(s->window_ns, s->window_len_ns))
		return evp_writer_fail(w, -EINVAL);
	own_provenance(w);
	if (exact ? enter_second(w, s->window_ns) : enter_window(w, s->window_ns, s->window_len_ns))
		return w->error;
	p += evp_varint_put(p, s->event);
	p += evp_varint_put(p, s->process);
	p += evp_varint_put(p, s->labels);
	p += evp_varint_put(p, s->stack);
	if (exact)
		p += evp_varint_put(p, evp_zigzag(s->window_ns - w->window_ns));
	for (i = 0; i < w->events[s->event].event.ntypes; i++)
		p += evp_varint_put(p, evp_zigzag(s->values[i]));
	if (evp_writer_record(w, exact ? EVP_TAG_SAMPLE_AT : EVP_TAG_SAMPLE, buf,
			      (size_t)(p - buf)))
		return w->error;
	return add_total(w, s);
}

static int add_missing(struct evp_writer *w, const struct evp_loss *l, bool dropped)
{
	struct total_key key = { l->window_ns, l->window_len_ns, l->event, l->reason, dropped };
	struct total *total;

	if (w->error || l->event >= w->nevents || l->reason >= w->tables.strings.n || !l->reason ||
	    l->samples < 0 || !is_window(l->window_ns, l->window_len_ns))
		return evp_writer_fail(w, -EINVAL);
	/* Reasons must survive an epoch that starts before the watermark. */
	if (evp_writer_fail(w, evp_writer_to_texts(w, &key.reason)))
		return w->error;
	total = total_at(w, &key);
	if (!total)
		return evp_writer_fail(w, -ENOMEM);
	total->samples = evp_sum(total->samples, l->samples);
	if (!dropped)
		w->lost = evp_sum(w->lost, l->samples);
	return 0;
}

int evp_writer_loss(struct evp_writer *w, const struct evp_loss *l)
{
	return add_missing(w, l, false);
}

int evp_writer_dropped(struct evp_writer *w, const struct evp_loss *l)
{
	return add_missing(w, l, true);
}

int evp_writer_clock(struct evp_writer *w, const struct evp_clock *c)
{
	struct evp_str *s = evp_writer_payload(w);

	evp_writer_put_signed(s, c->realtime_ns);
	evp_writer_put_signed(s, c->monotonic_ns);
	evp_writer_put_signed(s, c->boottime_ns);
	return finish_record(w, EVP_TAG_CLOCK);
}

int evp_writer_rate(struct evp_writer *w, const struct evp_rate *r)
{
	struct evp_str *s = evp_writer_payload(w);

	if (r->event >= w->nevents)
		return evp_writer_fail(w, -EINVAL);
	evp_writer_put(s, r->event);
	evp_writer_put_signed(s, r->from_ns);
	evp_writer_put_signed(s, r->period);
	return finish_record(w, EVP_TAG_RATE);
}

int evp_writer_cost(struct evp_writer *w, const struct evp_cost *c)
{
	struct evp_str *s = evp_writer_payload(w);

	evp_writer_put_signed(s, c->from_ns);
	evp_writer_put_signed(s, c->to_ns);
	evp_writer_put_signed(s, c->user_ns);
	evp_writer_put_signed(s, c->system_ns);
	evp_writer_put_signed(s, c->kernel_ns);
	evp_writer_put_signed(s, c->peak_rss_bytes);
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
		if (reason && evp_writer_fail(w, evp_writer_from_texts(w, &reason)))
			break;
		s = evp_writer_payload(w);
		evp_writer_put(s, key.event);
		if (reason)
			evp_writer_put(s, reason);
		evp_writer_put_signed(s, key.window_ns);
		evp_writer_put(s, (uint64_t)key.window_len_ns);
		evp_writer_put_signed(s, w->totals[i].samples);
		if (!reason)
			evp_writer_put_signed(s, w->totals[i].value);
		finish_record(w, key.dropped ? EVP_TAG_DROPPED
				 : reason    ? EVP_TAG_LOSS
					     : EVP_TAG_TOTALS);
	}
	evp_interner_release(&w->total_keys);
	return w->error;
}

static int flush_all(struct evp_writer *w)
{
	if (write_block(w))
		return w->error;
	return w->opts.flush ? evp_writer_fail(w, w->opts.flush(w->opts.sink_arg)) : 0;
}

int evp_writer_watermark(struct evp_writer *w, int64_t t_ns)
{
	struct evp_str *s;

	if (own_provenance(w) || write_totals(w))
		return w->error;
	s = evp_writer_payload(w);
	evp_writer_put_signed(s, t_ns);
	finish_record(w, EVP_TAG_WATERMARK);
	w->watermark_ns = t_ns;
	return flush_all(w);
}

int evp_writer_stop(struct evp_writer *w)
{
	if (own_provenance(w) || write_totals(w))
		return w->error;
	return flush_all(w);
}

int evp_writer_end(struct evp_writer *w)
{
	struct evp_str *s;
	size_t i;

	if (own_provenance(w) || write_totals(w))
		return w->error;
	s = evp_writer_payload(w);
	evp_writer_put(s, w->nevents);
	for (i = 0; i < w->nevents; i++)
		evp_writer_put_signed(s, w->events[i].samples);
	evp_writer_put_signed(s, w->lost);
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
