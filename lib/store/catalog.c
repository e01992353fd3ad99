// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "store/catalog.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "store/root.h"

/* ---- names ---- */

static void put_stamp(struct evp_str *out, int64_t sec)
{
	time_t t = sec;
	struct tm tm;

	gmtime_r(&t, &tm);
	evp_str_printf(out, "%04d%02d%02dT%02d%02d%02dZ", tm.tm_year + 1900, tm.tm_mon + 1,
		       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static int64_t floor_sec(int64_t ns)
{
	return ns / EVP_NSEC - (ns % EVP_NSEC < 0);
}

void evp_segment_name(struct evp_str *out, int level, int64_t from_ns, int64_t to_ns, uint64_t hash,
		      bool partial)
{
	evp_str_printf(out, "%d-", level);
	put_stamp(out, floor_sec(from_ns));
	evp_str_putc(out, '-');
	put_stamp(out, floor_sec(to_ns) + (to_ns % EVP_NSEC != 0));
	evp_str_printf(out, "-%016llx%s.parquet", (unsigned long long)hash, partial ? "-part" : "");
}

static bool take_number(const char **p, int digits, int *ret)
{
	for (*ret = 0; digits > 0; digits--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		*ret = *ret * 10 + (**p - '0');
	}
	return true;
}

static bool take_char(const char **p, char c)
{
	return *(*p)++ == c;
}

static bool take_stamp(const char **p, int64_t *ret_ns)
{
	struct tm tm = { 0 };
	time_t t;

	if (!take_number(p, 4, &tm.tm_year) || !take_number(p, 2, &tm.tm_mon) ||
	    !take_number(p, 2, &tm.tm_mday) || !take_char(p, 'T') ||
	    !take_number(p, 2, &tm.tm_hour) || !take_number(p, 2, &tm.tm_min) ||
	    !take_number(p, 2, &tm.tm_sec) || !take_char(p, 'Z'))
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	t = timegm(&tm);
	return !__builtin_mul_overflow((int64_t)t, EVP_NSEC, ret_ns);
}

bool evp_segment_name_parse(const char *name, struct evp_catalog_item *item)
{
	const char *p = name;
	char *end;

	if (!take_number(&p, 1, &item->level) || !take_char(&p, '-') ||
	    !take_stamp(&p, &item->from_ns) || !take_char(&p, '-') ||
	    !take_stamp(&p, &item->to_ns) || !take_char(&p, '-') ||
	    strspn(p, "0123456789abcdef") != 16)
		return false;
	item->hash = strtoull(p, &end, 16);
	item->partial = !strcmp(end, "-part.parquet");
	return item->partial || !strcmp(end, ".parquet");
}

static bool date_name(const char *name)
{
	const char *p = name;
	int y, m, d;

	return take_number(&p, 4, &y) && take_char(&p, '-') && take_number(&p, 2, &m) &&
	       take_char(&p, '-') && take_number(&p, 2, &d) && !*p;
}

static bool type_name(const char *name)
{
	return *name >= 'a' && *name <= 'z' &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

/* ---- the walk ---- */

int evp_catalog_bad(struct evp_catalog *c, const char *path, const char *reason)
{
	struct evp_catalog_bad bad;
	size_t len = strlen(path);

	/* Messages about a file begin with its name, which stands beside the reason anyway. */
	if (reason[0] == '\'' && !strncmp(reason + 1, path, len) &&
	    !strncmp(reason + 1 + len, "': ", 3))
		reason += len + 4;
	bad.path = evp_arena_dup(&c->arena, path, strlen(path));
	bad.reason = evp_arena_dup(&c->arena, reason, strlen(reason));
	if (!bad.path || !bad.reason || evp_grow(&c->bad, &c->cbad, c->nbad + 1, sizeof(*c->bad)))
		return -ENOMEM;
	c->bad[c->nbad++] = bad;
	return 0;
}

struct walk {
	struct evp_catalog *c;
	const struct evp_catalog_filter *filter;
	char *type, *date;
	char path[600];
};

/* Calls fn for every entry of a directory below the store; one that cannot be read is a bad entry. */
static int each_entry(struct walk *w, const char *path, int (*fn)(struct walk *w, const char *name))
{
	int fd = openat(w->c->dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		int code = errno;

		if (fd >= 0)
			close(fd);
		return code == ENOENT || code == ENOTDIR
			       ? 0
			       : evp_catalog_bad(w->c, path, strerror(code));
	}
	while (!rc && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			rc = fn(w, e->d_name);
	closedir(dir);
	return rc;
}

static bool wanted(const struct evp_catalog_filter *f, const struct evp_catalog_item *i)
{
	int64_t to = i->to_ns > i->from_ns ? i->to_ns : i->from_ns + 1;

	if (!f || (!f->from_ns && !f->to_ns))
		return true;
	return i->from_ns < f->to_ns && to > f->from_ns;
}

static int add_file(struct walk *w, const char *name)
{
	struct evp_catalog *c = w->c;
	struct evp_catalog_item item = { .type = w->type, .date = w->date };
	struct stat st;

	if (!evp_segment_name_parse(name, &item) || !wanted(w->filter, &item))
		return 0;
	snprintf(w->path, sizeof(w->path), "type=%s/date=%s/%s", w->type, w->date, name);
	if (fstatat(c->dirfd, w->path, &st, 0)) {
		return errno == ENOENT ? 0 : evp_catalog_bad(c, w->path, strerror(errno));
	}
	item.size = (uint64_t)st.st_size;
	item.path = evp_arena_dup(&c->arena, w->path, strlen(w->path));
	if (!item.path || evp_grow(&c->item, &c->cap, c->n + 1, sizeof(*c->item)))
		return -ENOMEM;
	item.name = strrchr(item.path, '/') + 1;
	c->item[c->n++] = item;
	return 0;
}

static int enter_date(struct walk *w, const char *name)
{
	char path[300];

	if (strncmp(name, "date=", 5) || !date_name(name + 5))
		return 0;
	w->date = evp_arena_dup(&w->c->arena, name + 5, strlen(name + 5));
	if (!w->date)
		return -ENOMEM;
	snprintf(path, sizeof(path), "type=%s/%s", w->type, name);
	return each_entry(w, path, add_file);
}

static int enter_type(struct walk *w, const char *name)
{
	char path[300];

	if (strncmp(name, "type=", 5) || !type_name(name + 5) || strlen(name) > 200 ||
	    (w->filter && w->filter->type && strcmp(w->filter->type, name + 5)))
		return 0;
	w->type = evp_arena_dup(&w->c->arena, name + 5, strlen(name + 5));
	if (!w->type)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s", name);
	return each_entry(w, path, enter_date);
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(((const struct evp_catalog_item *)a)->path,
		      ((const struct evp_catalog_item *)b)->path);
}

/* ---- what replaces what ---- */

static struct evp_catalog_item *find_name(struct evp_catalog *c, const char *type, const char *name,
					  size_t len)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (strlen(c->item[i].name) == len && !memcmp(c->item[i].name, name, len) &&
		    !strcmp(c->item[i].type, type))
			return &c->item[i];
	return NULL;
}

static void mark(struct evp_catalog *c, const char *type, struct evp_bytes names)
{
	const char *p = names.ptr, *end = p + names.len, *q;
	struct evp_catalog_item *i;

	for (; p < end; p = q + 1) {
		q = memchr(p, ',', (size_t)(end - p));
		q = q ? q : end;
		if ((i = find_name(c, type, p, (size_t)(q - p))))
			i->replaced = true;
	}
}

/* Level 0 replaces nothing but a part of its own slot, so its footer is read only beside a part. */
static bool may_replace(const struct evp_catalog *c, const struct evp_catalog_item *item)
{
	size_t i;

	for (i = 0; item->level == 0 && i < c->n; i++)
		if (c->item[i].partial && &c->item[i] != item &&
		    c->item[i].from_ns < item->to_ns + EVP_NSEC &&
		    item->from_ns < c->item[i].to_ns + EVP_NSEC &&
		    !strcmp(c->item[i].type, item->type))
			return true;
	return item->level > 0;
}

static int drop_replaced(struct evp_catalog *c, bool keep)
{
	struct evp_store_segment *s;
	bool any = false;
	size_t i, n;

	for (i = 0; i < c->n; i++)
		any |= c->item[i].partial || c->item[i].level > 0;
	for (i = 0; any && i < c->n; i++) {
		/* One that does not open replaces nothing; whoever reads it will say why. */
		if (!may_replace(c, &c->item[i]) ||
		    evp_segment_open(&s, c->dirfd, c->item[i].path, NULL))
			continue;
		mark(c, c->item[i].type, s->info.replaces);
		evp_segment_close(s);
	}
	for (i = n = 0; i < c->n; i++)
		if (keep || !c->item[i].replaced)
			c->item[n++] = c->item[i];
	c->n = n;
	return 0;
}

int evp_catalog_open(struct evp_catalog **ret_c, const char *dir,
		     const struct evp_catalog_filter *filter, struct evp_err *err)
{
	struct evp_catalog *c = calloc(1, sizeof(*c));
	struct walk w = { .c = c, .filter = filter };
	struct evp_err why = { 0 };
	int rc;

	if (!c)
		return evp_fail_oom(err);
	c->dirfd = -1;
	c->dir = dir ? strdup(dir) : evp_store_default_dir();
	if (!c->dir) {
		rc = evp_fail_oom(err);
		goto out;
	}
	rc = evp_store_root_open(c->dir, &c->dirfd, &why);
	if (rc == -EPROTONOSUPPORT)
		rc = evp_catalog_bad(c, EVP_STORE_FILE, why.msg);
	else if (rc)
		rc = evp_fail(err, -rc, "%s", why.msg);
	if (rc)
		goto out;
	rc = each_entry(&w, ".", enter_type);
	if (!rc && c->n)
		qsort(c->item, c->n, sizeof(*c->item), compare_items);
	if (!rc)
		rc = drop_replaced(c, filter && filter->replaced);
	if (rc)
		rc = evp_fail_oom(err);
out:
	if (rc) {
		evp_catalog_close(c);
		return rc;
	}
	*ret_c = c;
	return 0;
}

void evp_catalog_close(struct evp_catalog *c)
{
	if (!c)
		return;
	if (c->dirfd >= 0)
		close(c->dirfd);
	free(c->dir);
	free(c->item);
	free(c->bad);
	evp_arena_release(&c->arena);
	free(c);
}
