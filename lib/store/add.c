// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "store/add.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/text.h"
#include "store/root.h"

#define MAX_ROWS   (16u << 20)	/* held at once; more are published as parts of their slot */
#define MAX_POOL   (256u << 20) /* bytes of everything else */
#define IDLE_POOL  (8u << 20)	/* kept from slot to slot */
#define DAY_MS	   86400000LL
#define FIRST_YEAR 1420070400000LL /* 2015, ms */

struct evp_store_add {
	struct evp_store_add_opts opts;
	struct evp_store_add_stats stats;
	int dirfd;
	uint64_t nonce;
	struct evp_pool pool;
	int64_t every_ms, now_ms;

	/* The stream being read. */
	char stream[33];
	uint64_t epoch; /* number of the last one */
	bool open, ended;
	bool damaged; /* from the first damage on its slots are parts: not all of them is there */
	int64_t watermark_ms; /* slots that end here or before are complete */
	int64_t oldest;	      /* first slot of the rows held, INT64_MAX: none */
	struct evp_map parts; /* slot -> segments' parts published so far */
	struct evp_map lost;  /* slot -> samples that the stream reports lost, all events */
	int64_t pending;      /* the sum of those that no segment tells of yet */
};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int evp_store_add_new(struct evp_store_add **ret_a, const char *dir,
		      const struct evp_store_add_opts *opts, struct evp_err *err)
{
	struct evp_store_add *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return evp_fail_oom(err);
	a->opts = *opts;
	a->dirfd = -1;
	a->every_ms = (opts->every_ns ? opts->every_ns : EVP_STORE_EVERY) / 1000000;
	a->now_ms = evp_now_ns() / 1000000;
	a->oldest = INT64_MAX;
	if (a->every_ms < 1000)
		rc = evp_fail(err, EINVAL, "a segment every %" PRId64 " ms: at least a second",
			      a->every_ms);
	else if (opts->again && getrandom(&a->nonce, sizeof(a->nonce), 0) != sizeof(a->nonce))
		rc = evp_fail_errno(err, errno, "no random bytes");
	else
		rc = evp_store_root_create(dir, &a->dirfd, err);
	if (!rc && faccessat(a->dirfd, ".", W_OK | X_OK, AT_EACCESS))
		rc = evp_fail_errno(err, errno, "cannot write to the store '%s'", dir);
	if (!rc && evp_pool_init(&a->pool))
		rc = evp_fail_oom(err);
	if (rc) {
		evp_store_add_free(a);
		return rc;
	}
	*ret_a = a;
	return 0;
}

void evp_store_add_free(struct evp_store_add *a)
{
	if (!a)
		return;
	if (a->dirfd >= 0)
		close(a->dirfd);
	evp_pool_release(&a->pool);
	evp_map_release(&a->parts);
	evp_map_release(&a->lost);
	free(a);
}

const struct evp_store_add_stats *evp_store_add_stats(const struct evp_store_add *a)
{
	return &a->stats;
}

/* ---- publishing ---- */

static int64_t row_ts(const struct evp_store_add *a, const struct evp_pool_row *r)
{
	return evp_pool_window(&a->pool, r->window).ts_ms;
}

static int compare_rows(const void *x, const void *y, void *arg)
{
	const struct evp_store_add *a = arg;
	const struct evp_pool_row *r = x, *s = y;
	int64_t t = row_ts(a, r), u = row_ts(a, s);
	int64_t k = floor_div(t, a->every_ms), l = floor_div(u, a->every_ms);

	if (k != l)
		return k < l ? -1 : 1;
	k = floor_div(t, DAY_MS);
	l = floor_div(u, DAY_MS);
	if (k != l)
		return k < l ? -1 : 1;
	return (r->event > s->event) - (r->event < s->event);
}

/* Rows of one segment: the same slot, date and event. */
static size_t run_of(const struct evp_store_add *a, const struct evp_pool_row *rows, size_t n)
{
	size_t i = 1;

	while (i < n && !compare_rows(&rows[0], &rows[i], (void *)(uintptr_t)a))
		i++;
	return i;
}

static int put_lost(struct evp_store_add *a, int64_t slot, int64_t samples)
{
	uint64_t *lost = samples ? evp_map_at(&a->lost, (uint64_t)slot, NULL) : NULL;

	if (samples > INT64_MAX - a->pending)
		samples = INT64_MAX - a->pending;
	if (lost) {
		*lost += (uint64_t)samples;
		a->pending += samples;
	}
	return samples && !lost ? -ENOMEM : 0;
}

/* What was lost in this slot, and in those before that had no sample of their own. */
static int64_t take_lost(struct evp_store_add *a, int64_t slot)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; a->pending && i < a->lost.nslots; i++) {
		struct evp_map_slot *s = &a->lost.slot[i];

		if (!s->used || (int64_t)s->key > slot)
			continue;
		n += (int64_t)s->value;
		s->value = 0;
	}
	a->pending -= n;
	if (!a->pending)
		evp_map_clear(&a->lost);
	return n;
}

/* One segment. -ENOSPC and -EDQUOT leave the rows where they are, to be tried again. */
static int publish_run(struct evp_store_add *a, const struct evp_pool_row *rows, size_t n,
		       bool last, struct evp_err *err)
{
	int64_t slot = floor_div(row_ts(a, rows), a->every_ms), lost = take_lost(a, slot);
	uint64_t *part = evp_map_find(&a->parts, (uint64_t)slot);
	struct evp_place pl = { .dirfd = a->dirfd,
				.stream = a->stream,
				.nonce = a->nonce,
				.zstd_level = a->opts.zstd_level,
				.lost_samples = lost };
	struct evp_build_info info;
	char name[80];
	int rc;

	snprintf(name, sizeof(name), "%" PRId64 ",%" PRId64 ",%" PRIu64, slot * a->every_ms,
		 a->every_ms, part ? *part : 0);
	pl.slot = name;
	pl.partial = a->damaged ||
		     (last && !a->ended && (slot + 1) * a->every_ms > a->watermark_ms);
	rc = evp_place_segment(&pl, &a->pool, rows, n, &info, err);
	if (rc) {
		put_lost(a, slot, lost); /* without memory for it there is no next time either */
		return rc;
	}
	if (pl.present) {
		a->stats.present++;
		return 0;
	}
	a->stats.segments++;
	a->stats.bytes += pl.size;
	a->stats.rows += info.rows;
	a->stats.samples = evp_segment_clamp((__int128)a->stats.samples + info.samples);
	if (info.from_ms < FIRST_YEAR || info.to_ms > a->now_ms + DAY_MS)
		a->stats.odd_windows++;
	return 0;
}

/* The slots of these rows have had a segment: what comes for them later is another part. */
static int count_parts(struct evp_store_add *a, const struct evp_pool_row *rows, size_t n)
{
	int64_t slot, before = 0;
	uint64_t *part;
	size_t i;

	for (i = 0; i < n; i++, before = slot) {
		slot = floor_div(row_ts(a, &rows[i]), a->every_ms);
		if (i && slot == before)
			continue;
		part = evp_map_at(&a->parts, (uint64_t)slot, NULL);
		if (!part)
			return -ENOMEM;
		++*part;
	}
	return 0;
}

static int reset_pool(struct evp_store_add *a)
{
	a->stats.dropped_types += a->pool.dropped_types;
	evp_pool_release(&a->pool);
	return evp_pool_init(&a->pool);
}

/* While the disk is full: rows are kept up to a bound, then all that is complete goes. */
static void drop_rows(struct evp_store_add *a, size_t n)
{
	int64_t ts, before = INT64_MIN;
	size_t i;

	for (i = 0; i < n; i++, before = ts) {
		ts = row_ts(a, &a->pool.rows[i]);
		a->stats.dropped_windows += ts != before;
		a->stats.dropped_samples = evp_segment_clamp((__int128)a->stats.dropped_samples +
							     a->pool.rows[i].samples);
	}
	memmove(a->pool.rows, a->pool.rows + n, (a->pool.nrows - n) * sizeof(*a->pool.rows));
	a->pool.nrows -= n;
}

/* Moves rows of slots before `limit` to the front, sorted; returns how many they are. */
static size_t select_rows(struct evp_store_add *a, int64_t limit)
{
	struct evp_pool_row *rows = a->pool.rows, r;
	size_t i, n = 0;
	bool sorted = true;

	a->oldest = INT64_MAX;
	for (i = 0; i < a->pool.nrows; i++) {
		int64_t slot = floor_div(row_ts(a, &rows[i]), a->every_ms);

		if (slot >= limit) {
			a->oldest = slot < a->oldest ? slot : a->oldest;
			continue;
		}
		r = rows[i];
		rows[i] = rows[n];
		rows[n++] = r;
		sorted = sorted && (n < 2 || compare_rows(&rows[n - 2], &rows[n - 1], a) <= 0);
	}
	if (!sorted)
		qsort_r(rows, n, sizeof(*rows), compare_rows, a);
	return n;
}

/* Publishes every slot before `limit` (a slot number). `last`: nothing more of this stream comes. */
static int publish(struct evp_store_add *a, int64_t limit, bool last, struct evp_err *err)
{
	size_t n = select_rows(a, limit), done = 0, k;
	struct evp_pool *p = &a->pool;
	struct evp_err why = { 0 };
	int rc = 0;

	for (; done < n; done += k) {
		k = run_of(a, p->rows + done, n - done);
		rc = publish_run(a, p->rows + done, k, last, &why);
		if (rc)
			break;
	}
	if (count_parts(a, p->rows, done))
		return evp_fail_oom(err);
	memmove(p->rows, p->rows + done, (p->nrows - done) * sizeof(*p->rows));
	p->nrows -= done;
	n -= done;
	if (n)
		a->oldest = floor_div(row_ts(a, p->rows), a->every_ms);
	if (rc && ((rc != -ENOSPC && rc != -EDQUOT) || !a->opts.endless))
		return evp_fail(err, -rc, "%s", why.msg);
	if (rc && (last || evp_pool_bytes(p) > EVP_STORE_MAX_HELD))
		drop_rows(a, n);
	if (rc && !a->stats.held && a->opts.warn)
		a->opts.warn("no space left: keeping up to 64 MiB of rows until there is");
	a->stats.held = rc != 0;
	if (!p->nrows && evp_pool_bytes(p) > IDLE_POOL && reset_pool(a))
		return evp_fail_oom(err);
	return 0;
}

/* ---- the stream ---- */

static int end_stream(struct evp_store_add *a, struct evp_err *err)
{
	int rc = 0;

	if (a->open && a->pool.nrows)
		rc = publish(a, INT64_MAX, true, err);
	a->open = a->ended = a->damaged = false;
	a->pool.nrows = 0;
	a->oldest = INT64_MAX;
	a->watermark_ms = INT64_MIN;
	evp_map_clear(&a->parts);
	a->stats.lost_samples += (uint64_t)a->pending;
	a->pending = 0;
	evp_map_clear(&a->lost);
	if (!rc && reset_pool(a)) /* ids of one stream give another's segments no order */
		rc = evp_fail_oom(err);
	return rc;
}

static int take_epoch(struct evp_store_add *a, const uint8_t *id, uint64_t number,
		      struct evp_err *err)
{
	char stream[33];
	int i, rc = 0;

	for (i = 0; i < 16; i++)
		snprintf(stream + 2 * i, 3, "%02x", id[i]);
	if (a->open && (strcmp(stream, a->stream) || number <= a->epoch))
		rc = end_stream(a, err);
	if (!a->open)
		a->watermark_ms = INT64_MIN;
	a->open = true;
	a->epoch = number;
	memcpy(a->stream, stream, sizeof(stream));
	evp_pool_forget(&a->pool);
	return rc;
}

static int take_sample(struct evp_store_add *a, const struct evp_tables *t,
		       const struct evp_sample *s, struct evp_err *err)
{
	int64_t slot;
	int rc = evp_pool_add_sample(&a->pool, t, s);

	if (rc)
		return evp_fail_errno(err, -rc, "cannot take a sample in");
	slot = floor_div(row_ts(a, &a->pool.rows[a->pool.nrows - 1]), a->every_ms);
	a->oldest = slot < a->oldest ? slot : a->oldest;
	if (a->pool.nrows < MAX_ROWS &&
	    (a->pool.nrows % 4096 || evp_pool_bytes(&a->pool) < MAX_POOL))
		return 0;
	/* Too much for one slot: this part of it goes now. The place depends on the stream alone. */
	rc = publish(a, INT64_MAX, false, err);
	if (!rc && !a->pool.nrows && reset_pool(a))
		rc = evp_fail_oom(err);
	return rc;
}

static int take_watermark(struct evp_store_add *a, int64_t t_ns, struct evp_err *err)
{
	int64_t ms = floor_div(t_ns, 1000000), limit = floor_div(ms, a->every_ms);

	a->watermark_ms = ms;
	return a->oldest < limit ? publish(a, limit, false, err) : 0;
}

static int take_loss(struct evp_store_add *a, const struct evp_loss *l, struct evp_err *err)
{
	int64_t slot = floor_div(floor_div(l->window_ns, 1000000), a->every_ms);

	return l->samples > 0 && put_lost(a, slot, l->samples) ? evp_fail_oom(err) : 0;
}

static int take_record(struct evp_store_add *a, const struct evp_tables *t,
		       const struct evp_record *rec, struct evp_err *err)
{
	switch (rec->type) {
	case EVP_REC_EPOCH:
		return take_epoch(a, rec->epoch.stream_id, rec->epoch.number, err);
	case EVP_REC_SAMPLE:
		return take_sample(a, t, &rec->sample, err);
	case EVP_REC_LOSS:
		return take_loss(a, &rec->loss, err);
	case EVP_REC_WATERMARK:
		return take_watermark(a, rec->watermark_ns, err);
	case EVP_REC_END:
		a->ended = true;
		return end_stream(a, err);
	default:
		return 0;
	}
}

int evp_store_add_stream(struct evp_store_add *a, struct evp_reader *r, struct evp_err *err)
{
	struct evp_record rec;
	int rc, end;

	while ((rc = evp_reader_next(r, &rec, err)) > 0) {
		a->damaged = evp_reader_status(r)->damaged != 0;
		rc = take_record(a, evp_reader_tables(r), &rec, err);
		if (rc < 0)
			return rc;
	}
	/* Damage that ends the input leaves what came before it: that is stored all the same. */
	end = end_stream(a, rc < 0 ? NULL : err);
	return rc < 0 ? rc : end;
}
