// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>

#include "base/sum.h"
#include "stream/reader_private.h"

void evp_reader_settle(struct evp_reader *r)
{
	int64_t short_of;

	if (r->since_promised > r->since_read) {
		if (__builtin_sub_overflow(r->since_promised, r->since_read, &short_of))
			short_of = INT64_MAX;
		r->missing_here = evp_sum(r->missing_here, short_of);
	}
	r->since_promised = r->since_read = 0;
}

static int64_t take_length(struct evp_cursor *c)
{
	uint64_t v = evp_cursor_varint(c);

	if (v <= INT64_MAX)
		return (int64_t)v;
	c->bad = 1;
	return 0;
}

/* Sums that the writer makes as well: equal modulo 2^64, whatever the values. */
static int64_t plus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* A window whose end has no time is none. */
static void take_window(struct evp_cursor *c, int64_t *start, int64_t *len)
{
	int64_t end;

	*start = evp_cursor_zigzag(c);
	*len = take_length(c);
	c->bad |= __builtin_add_overflow(*start, *len, &end);
}

static void take_sample(struct evp_reader *r, struct evp_cursor *c, bool exact,
			struct evp_sample *s)
{
	const struct evp_tables *t = &r->tables;
	const struct evp_event *e;
	uint32_t i;
	int64_t n;

	s->event = evp_cursor_below(c, t->nevents);
	s->process = evp_cursor_below(c, t->nprocesses);
	s->labels = evp_cursor_below(c, t->nlabel_sets);
	s->stack = evp_cursor_below(c, t->nstacks);
	s->window_ns = r->window_ns;
	s->window_len_ns = r->window_len_ns;
	if (exact) {
		c->bad |= __builtin_add_overflow(r->window_ns, evp_cursor_zigzag(c), &s->window_ns);
		s->window_len_ns = 0;
	}
	s->values = r->values;
	if (c->bad)
		return;
	e = &t->events[s->event];
	for (i = 0; i < e->ntypes; i++)
		r->values[i] = evp_cursor_zigzag(c);
	if (c->bad)
		return;
	n = e->samples_type ? r->values[e->samples_type - 1] : 1;
	r->status.samples++;
	r->since_read = plus(r->since_read, n);
	r->read_all = plus(r->read_all, n);
}

static void take_provenance(struct evp_cursor *c, struct evp_provenance *p)
{
	struct evp_bytes *field[] = { &p->tool, &p->version, &p->options };
	size_t i;

	for (i = 0; i < EVP_ARRAY_SIZE(field); i++) {
		field[i]->len = (size_t)take_length(c);
		field[i]->ptr = (const char *)evp_cursor_bytes(c, field[i]->len);
	}
}

static void take_end(struct evp_reader *r, struct evp_cursor *c)
{
	uint32_t n = evp_cursor_below(c, r->tables.nevents + 1), i;
	int64_t all = 0;

	for (i = 0; i < n; i++)
		all = plus(all, evp_cursor_zigzag(c));
	evp_cursor_zigzag(c);
	if (c->bad)
		return;
	/* The end record knows exactly; what watermarks told before it was only a lower bound. */
	r->missing_here = 0;
	r->since_promised = all;
	r->since_read = r->read_all;
	evp_reader_settle(r);
	r->status.missing_samples = evp_sum(r->status.missing_samples, r->missing_here);
	r->missing_here = 0;
	r->open_stream = false;
	r->in_epoch = false;
	if (r->cursor.p != r->cursor.end)
		evp_reader_damaged(r, r->block_offset, "records behind the end record");
}

/* Records that stand for themselves, without a payload of samples: true if it is one of them. */
static bool take_other(struct evp_reader *r, enum evp_tag tag, struct evp_cursor *c,
		       struct evp_record *rec)
{
	switch (tag) {
	case EVP_TAG_WATERMARK:
		rec->type = EVP_REC_WATERMARK;
		rec->watermark_ns = evp_cursor_zigzag(c);
		if (!c->bad)
			evp_reader_settle(r);
		return true;
	case EVP_TAG_CLOCK:
		rec->type = EVP_REC_CLOCK;
		rec->clock.realtime_ns = evp_cursor_zigzag(c);
		rec->clock.monotonic_ns = evp_cursor_zigzag(c);
		rec->clock.boottime_ns = evp_cursor_zigzag(c);
		return true;
	case EVP_TAG_RATE:
		rec->type = EVP_REC_RATE;
		rec->rate.event = evp_cursor_below(c, r->tables.nevents);
		rec->rate.from_ns = evp_cursor_zigzag(c);
		rec->rate.period = evp_cursor_zigzag(c);
		return true;
	case EVP_TAG_COST:
		rec->type = EVP_REC_COST;
		rec->cost.from_ns = evp_cursor_zigzag(c);
		rec->cost.to_ns = evp_cursor_zigzag(c);
		rec->cost.user_ns = evp_cursor_zigzag(c);
		rec->cost.system_ns = evp_cursor_zigzag(c);
		rec->cost.kernel_ns = evp_cursor_zigzag(c);
		rec->cost.peak_rss_bytes = evp_cursor_zigzag(c);
		return true;
	default:
		return false;
	}
}

/* One data record. 1: give it to the caller; 0: only state. Sets c->bad. */
static int take_data(struct evp_reader *r, enum evp_tag tag, struct evp_cursor *c,
		     struct evp_record *rec)
{
	const struct evp_tables *t = &r->tables;
	int64_t *sum;

	switch (tag) {
	case EVP_TAG_WINDOW:
		take_window(c, &r->window_ns, &r->window_len_ns);
		return 0;
	case EVP_TAG_SAMPLE:
	case EVP_TAG_SAMPLE_AT:
		rec->type = EVP_REC_SAMPLE;
		take_sample(r, c, tag == EVP_TAG_SAMPLE_AT, &rec->sample);
		return 1;
	case EVP_TAG_LOSS:
	case EVP_TAG_DROPPED:
		rec->type = tag == EVP_TAG_LOSS ? EVP_REC_LOSS : EVP_REC_DROPPED;
		rec->loss.event = evp_cursor_below(c, t->nevents);
		rec->loss.reason = evp_cursor_below(c, t->strings.n);
		take_window(c, &rec->loss.window_ns, &rec->loss.window_len_ns);
		rec->loss.samples = evp_cursor_zigzag(c);
		c->bad |= !rec->loss.reason || rec->loss.samples < 0;
		sum = tag == EVP_TAG_LOSS ? &r->status.lost_samples : &r->status.dropped_samples;
		if (!c->bad)
			*sum = evp_sum(*sum, rec->loss.samples);
		return 1;
	case EVP_TAG_TOTALS:
		rec->type = EVP_REC_TOTALS;
		rec->totals.event = evp_cursor_below(c, t->nevents);
		take_window(c, &rec->totals.window_ns, &rec->totals.window_len_ns);
		rec->totals.samples = evp_cursor_zigzag(c);
		rec->totals.value = evp_cursor_zigzag(c);
		if (!c->bad)
			r->since_promised = plus(r->since_promised, rec->totals.samples);
		return 1;
	case EVP_TAG_END:
		rec->type = EVP_REC_END;
		take_end(r, c);
		return 1;
	case EVP_TAG_PROVENANCE:
		rec->type = EVP_REC_PROVENANCE;
		take_provenance(c, &rec->provenance);
		return 1;
	default:
		if (take_other(r, tag, c, rec))
			return 1;
		if ((unsigned int)tag >= EVP_TAG_OPTIONAL)
			r->status.unknown_records++;
		else
			c->bad = 1;
		return 0;
	}
}

int evp_reader_record(struct evp_reader *r, struct evp_record *rec, struct evp_err *err)
{
	uint64_t tag = evp_cursor_varint(&r->cursor), len = evp_cursor_varint(&r->cursor);
	const uint8_t *payload = evp_cursor_bytes(&r->cursor, len);
	struct evp_cursor c;
	const char *what = "a bad record";
	char text[80];
	int rc;

	if (!payload) {
		evp_reader_damaged(r, r->block_offset, "a block that ends inside a record");
		return 0;
	}
	if (tag >= EVP_TAG_STRING && tag <= EVP_TAG_LABELS) {
		rc = evp_tables_define(&r->tables, (enum evp_tag)tag, payload, len, &what);
		if (rc == -ENOMEM)
			return evp_fail_oom(err);
		if (rc)
			evp_reader_damaged(r, r->block_offset, what);
		return 0;
	}
	c = (struct evp_cursor){ payload, payload + len, 0 };
	rc = take_data(r, tag < INT32_MAX ? (enum evp_tag)tag : EVP_TAG_OPTIONAL + 63, &c, rec);
	if (!c.bad)
		return rc;
	snprintf(text, sizeof(text),
		 !tag || (tag > EVP_TAG_END && tag < EVP_TAG_OPTIONAL)
			 ? "an unknown mandatory record (type %d)"
			 : "a bad record (type %d)",
		 (int)tag);
	evp_reader_damaged(r, r->block_offset, text);
	return 0;
}
