// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/text.h"
#include "store/add.h"
#include "store/catalog.h"

/* What the segments already there mean for the one that is to be written. */
struct verdict {
	bool present;		 /* it, or more of it, is there */
	struct evp_str replaces; /* parts of the same slot that it stands for, ',' between */
};

static int64_t to_ns(int64_t ms)
{
	int64_t ns;

	return __builtin_mul_overflow(ms, (int64_t)1000000, &ns) ? (ms < 0 ? INT64_MIN : INT64_MAX)
								 : ns;
}

static void put_dir(struct evp_str *out, const char *type, int64_t from_ms)
{
	time_t t = from_ms / 1000 - (from_ms % 1000 < 0);
	struct tm tm;

	gmtime_r(&t, &tm);
	evp_str_printf(out, "type=%s/date=%04d-%02d-%02d", type, tm.tm_year + 1900, tm.tm_mon + 1,
		       tm.tm_mday);
}

/* The name is a hash of the stream's id, the slot and the rows, so that adding twice finds it. */
static uint64_t name_hash(const struct evp_place *pl, const char *type, const char *unit,
			  uint64_t rows)
{
	XXH3_state_t *state = XXH3_createState();
	uint64_t hash;

	if (!state)
		return rows;
	XXH3_64bits_reset(state);
	XXH3_64bits_update(state, pl->stream, strlen(pl->stream) + 1);
	XXH3_64bits_update(state, pl->slot, strlen(pl->slot) + 1);
	XXH3_64bits_update(state, type, strlen(type) + 1);
	XXH3_64bits_update(state, unit, strlen(unit) + 1);
	XXH3_64bits_update(state, &rows, sizeof(rows));
	XXH3_64bits_update(state, &pl->nonce, sizeof(pl->nonce));
	hash = XXH3_64bits_digest(state);
	XXH3_freeState(state);
	return hash;
}

static bool names_it(struct evp_bytes list, const char *name)
{
	const char *p = list.ptr, *end = p + list.len, *q;

	for (; p < end; p = q + 1) {
		q = memchr(p, ',', (size_t)(end - p));
		q = q ? q : end;
		if ((size_t)(q - p) == strlen(name) && !memcmp(p, name, (size_t)(q - p)))
			return true;
	}
	return false;
}

static bool is_meta(const struct evp_store_segment *s, const char *key, const char *text)
{
	const struct evp_bytes *b = evp_pq_meta(s->file, key);

	return b && b->len == strlen(text) && !memcmp(b->ptr, text, b->len);
}

/* One present segment that shares time with ours. Of the same slot, the one with more rows is the better. */
static int judge_one(const struct evp_place *pl, int dirfd, const struct evp_catalog_item *item,
		     const char *name, uint64_t rows, struct verdict *v)
{
	struct evp_store_segment *s;
	struct evp_err err;

	if (evp_segment_open(&s, dirfd, item->name, &err))
		return 0; /* damaged: no reason not to store what we have */
	if (names_it(s->info.replaces, name))
		v->present = true;
	if (item->level == 0 && is_meta(s, "evp.streams", pl->stream) &&
	    is_meta(s, "evp.slot", pl->slot) && strcmp(item->name, name)) {
		if (pl->partial && (!item->partial || s->info.rows >= rows)) {
			v->present = true;
		} else if (item->partial) {
			if (v->replaces.len)
				evp_str_putc(&v->replaces, ',');
			evp_str_puts(&v->replaces, item->name);
		}
	}
	evp_segment_close(s);
	return v->replaces.oom ? -ENOMEM : 0;
}

/* Only compacted segments and parts of slots matter; a part must look at whole slots, too. */
static int judge(const struct evp_place *pl, const char *dir, const char *name,
		 const struct evp_build *b, struct verdict *v)
{
	int64_t from = to_ns(b->info.from_ms), to = to_ns(b->info.to_ms);
	int fd = openat(pl->dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		rc = errno == ENOENT ? 0 : -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	v->present = !faccessat(fd, name, F_OK, 0);
	while (!rc && !v->present && (e = readdir(d))) {
		struct evp_catalog_item item = { .name = e->d_name };

		if (!evp_segment_name_parse(e->d_name, &item))
			continue;
		if (item.from_ns >= to || item.to_ns < from)
			continue;
		if (item.level > 0 || item.partial || pl->partial)
			rc = judge_one(pl, fd, &item, name, b->info.rows, v);
	}
	closedir(d);
	return rc;
}

/* The parts that are replaced now: other engines would count them twice, so they go at once. */
static void remove_parts(const struct evp_place *pl, const char *dir, const char *names)
{
	char path[600];
	const char *p = names, *q;

	for (; *p; p = *q ? q + 1 : q) {
		q = p + strcspn(p, ",");
		snprintf(path, sizeof(path), "%s/%.*s", dir, (int)(q - p), p);
		unlinkat(pl->dirfd, path, 0);
	}
}

static int write_segment(struct evp_place *pl, struct evp_build *b, const char *path,
			 const char *replaces, struct evp_err *err)
{
	const struct evp_build_opts o = { .zstd_level = pl->zstd_level,
					  .lost_samples = pl->lost_samples,
					  .streams = pl->stream,
					  .slot = pl->slot,
					  .partial = pl->partial,
					  .replaces = replaces };
	struct evp_publish pub;
	struct evp_err why = { 0 };
	int rc = evp_publish_begin(&pub, pl->dirfd, path, err);

	if (rc)
		return rc;
	rc = evp_build_write(b, pub.fd, &o, &pl->size, &why);
	if (rc) {
		evp_publish_drop(&pub);
		return evp_fail(err, -rc, "'%s': %s", path, why.msg);
	}
	rc = evp_publish_commit(&pub, err);
	if (rc == -EEXIST) {
		pl->present = true;
		rc = 0;
	}
	return rc;
}

static const char *event_text(const struct evp_pool *p, uint32_t string)
{
	return evp_pool_text(p, string)->ptr; /* interned strings have a NUL behind them */
}

int evp_place_segment(struct evp_place *pl, const struct evp_pool *p,
		      const struct evp_pool_row *rows, size_t nrows,
		      struct evp_build_info *ret_info, struct evp_err *err)
{
	struct evp_str dir = { 0 }, path = { 0 };
	struct verdict v = { 0 };
	struct evp_pool_event event;
	struct evp_build *b;
	const char *type, *name;
	int rc = evp_build_new(&b, p, rows, nrows, err);

	if (rc)
		return rc;
	memcpy(&event, p->events.item[rows[0].event].ptr, sizeof(event));
	type = event_text(p, event.type);
	put_dir(&dir, type, b->info.from_ms);
	evp_str_printf(&path, "%s/", dir.buf ? dir.buf : "");
	evp_segment_name(&path, 0, to_ns(b->info.from_ms), to_ns(b->info.to_ms),
			 name_hash(pl, type, event_text(p, event.unit), b->hash), pl->partial);
	if (dir.oom || path.oom) {
		rc = evp_fail_oom(err);
		goto out;
	}
	name = path.buf + dir.len + 1;
	pl->present = false;
	rc = judge(pl, dir.buf, name, b, &v);
	if (rc)
		rc = evp_fail_errno(err, -rc, "cannot read the directory '%s'", dir.buf);
	else if (v.present && !pl->nonce)
		pl->present = true;
	else
		rc = write_segment(pl, b, path.buf, v.replaces.buf, err);
	if (!rc && !v.present && v.replaces.len)
		remove_parts(pl, dir.buf, v.replaces.buf);
	*ret_info = b->info;
out:
	evp_str_release(&dir);
	evp_str_release(&path);
	evp_str_release(&v.replaces);
	evp_build_free(b);
	return rc;
}
