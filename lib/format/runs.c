// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "format/runs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct head {
	int64_t ts_ns, len_ns, samples, value;
	uint32_t labels_len, stack_len;
};

struct cursor { /* the row at which a run stands */
	FILE *file;
	struct evp_row row;
	struct evp_str bytes;
	bool done;
};

static FILE *temp_file(struct evp_err *err)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	FILE *file;
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	snprintf(path, sizeof(path), "%s/evp-import.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0) {
		evp_fail_errno(err, errno, "cannot create a temporary file in '%s'", dir);
		return NULL;
	}
	unlink(path);
	file = fdopen(fd, "w+");
	if (!file) {
		close(fd);
		evp_fail_oom(err);
	}
	return file;
}

static int put(FILE *file, const struct evp_row *row, struct evp_err *err)
{
	struct head h = { row->ts_ns,
			  row->len_ns,
			  row->samples,
			  row->value,
			  (uint32_t)row->labels_len,
			  (uint32_t)row->stack_len };

	if (fwrite_unlocked(&h, sizeof(h), 1, file) != 1 ||
	    fwrite_unlocked(row->labels, 1, row->labels_len, file) != row->labels_len ||
	    fwrite_unlocked(row->stack, 1, row->stack_len, file) != row->stack_len)
		return evp_fail_errno(err, errno, "cannot write a temporary file");
	return 0;
}

static int ends(FILE *file, struct evp_err *err)
{
	if (fflush(file) || fseek(file, 0, SEEK_SET))
		return evp_fail_errno(err, errno, "cannot write a temporary file");
	return 0;
}

int evp_runs_begin(struct evp_runs *r, struct evp_err *err)
{
	r->open = temp_file(err);
	return r->open ? 0 : -EIO;
}

int evp_runs_put(struct evp_runs *r, const struct evp_row *row, struct evp_err *err)
{
	return put(r->open, row, err);
}

static int put_merged(void *arg, const struct evp_row *row, struct evp_err *err)
{
	return put(arg, row, err);
}

int evp_runs_end(struct evp_runs *r, struct evp_err *err)
{
	FILE *merged;
	int rc = ends(r->open, err);

	if (rc)
		return rc;
	r->file[r->n++] = r->open;
	r->open = NULL;
	if (r->n < EVP_RUNS_MAX)
		return 0;
	merged = temp_file(err);
	if (!merged)
		return -EIO;
	rc = evp_runs_merge(r, put_merged, merged, err);
	if (!rc)
		rc = ends(merged, err);
	if (rc) {
		fclose(merged);
		return rc;
	}
	r->file[r->n++] = merged;
	return 0;
}

static int next(struct cursor *c, struct evp_err *err)
{
	struct head h;
	size_t len;
	char *p;

	if (fread_unlocked(&h, sizeof(h), 1, c->file) != 1) {
		c->done = true;
		return ferror(c->file) ? evp_fail_errno(err, EIO, "cannot read a temporary file")
				       : 0;
	}
	len = (size_t)h.labels_len + h.stack_len;
	evp_str_clear(&c->bytes);
	p = evp_str_reserve(&c->bytes, len);
	if (!p)
		return evp_fail_oom(err);
	if (fread_unlocked(p, 1, len, c->file) != len)
		return evp_fail_errno(err, EIO, "cannot read a temporary file");
	c->row = (struct evp_row){ h.ts_ns, h.len_ns,	  h.samples,	    h.value,
				   p,	    h.labels_len, p + h.labels_len, h.stack_len };
	return 0;
}

static bool before(const struct cursor *a, const struct cursor *b)
{
	if (a->row.ts_ns != b->row.ts_ns)
		return a->row.ts_ns < b->row.ts_ns;
	return a->row.len_ns < b->row.len_ns;
}

int evp_runs_merge(struct evp_runs *r, evp_runs_fn fn, void *arg, struct evp_err *err)
{
	struct cursor c[EVP_RUNS_MAX] = { 0 };
	size_t i, best;
	int rc = 0;

	for (i = 0; !rc && i < r->n; i++) {
		c[i].file = r->file[i];
		rc = next(&c[i], err);
	}
	while (!rc) {
		for (best = r->n, i = 0; i < r->n; i++)
			if (!c[i].done && (best == r->n || before(&c[i], &c[best])))
				best = i;
		if (best == r->n)
			break;
		rc = fn(arg, &c[best].row, err);
		if (!rc)
			rc = next(&c[best], err);
	}
	for (i = 0; i < r->n; i++)
		evp_str_release(&c[i].bytes);
	evp_runs_release(r);
	return rc;
}

void evp_runs_release(struct evp_runs *r)
{
	while (r->n)
		fclose(r->file[--r->n]);
	if (r->open)
		fclose(r->open);
	r->open = NULL;
}
