// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the Parquet writer writes, its reader gives back: by pages, by runs, across row groups and
 * pages; and what is damaged is refused, wherever a byte was flipped or the file was cut.
 * With a file name as argument the file is left there (tests/store-parquet.t asks other readers).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/parquet.h"
#include "tap.h"

#define ROWS   150000 /* of the first group: three pages */
#define GROUPS 2

enum { TS, NAME, PID, VALUE, COLS };

static const struct evp_pq_field fields[COLS] = {
	{ "ts", EVP_PQ_TIME_MS },
	{ "name", EVP_PQ_STRING },
	{ "pid", EVP_PQ_INT32 },
	{ "value", EVP_PQ_INT64 },
};

static uint64_t seed = 1;

static uint64_t rnd(void)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> 33;
}

struct data {
	int64_t *ts, *pid, *value;
	uint32_t *name;
	struct evp_bytes dict[1000];
	char text[1000][32];
	size_t ndict, n;
};

static void make(struct data *d, size_t n, size_t ndict)
{
	size_t i;

	*d = (struct data){ .n = n, .ndict = ndict };
	d->ts = calloc(n, 8);
	d->pid = calloc(n, 8);
	d->value = calloc(n, 8);
	d->name = calloc(n, 4);
	for (i = 0; i < ndict; i++) {
		snprintf(d->text[i], sizeof(d->text[i]), "name%03zu", i);
		d->dict[i] = (struct evp_bytes){ d->text[i], strlen(d->text[i]) };
	}
	for (i = 0; i < n; i++) {
		d->ts[i] = 1760000000000LL + (int64_t)(i % 7777) * 10000 -
			   (i % 1000 ? 0 : (int64_t)1 << 40);
		d->name[i] = (uint32_t)(i % 30000 < 20000 ? i / 5000 % ndict : rnd() % ndict);
		d->pid[i] = i % 3 ? (int64_t)rnd() % 4000 : i % 2 ? INT32_MIN : INT32_MAX;
		d->value[i] = i % 5    ? (int64_t)(rnd() << 31 | rnd())
			      : i % 10 ? INT64_MIN
				       : INT64_MAX;
	}
}

static void drop(struct data *d)
{
	free(d->ts);
	free(d->pid);
	free(d->value);
	free(d->name);
}

static void write_file(int fd, struct data *d, size_t ngroups, struct evp_err *err)
{
	static const uint16_t sort[] = { NAME, TS };
	struct evp_pq_writer *w;
	uint64_t offset, size;
	size_t g;
	int rc = evp_pq_writer_new(
		&w,
		&(struct evp_pq_writer_opts){
			.fd = fd, .fields = fields, .nfields = COLS, .sort = sort, .nsort = 2 },
		err);

	for (g = 0; !rc && g < ngroups; g++) {
		rc = evp_pq_writer_group(w, d[g].n, err);
		rc = rc ? rc : evp_pq_write_ints(w, d[g].ts, err);
		rc = rc ? rc : evp_pq_write_strings(w, d[g].dict, d[g].ndict, d[g].name, true, err);
		rc = rc ? rc : evp_pq_write_ints(w, d[g].pid, err);
		rc = rc ? rc : evp_pq_write_ints(w, d[g].value, err);
	}
	rc = rc ? rc : evp_pq_writer_raw(w, "raw bytes", 9, &offset, err);
	rc = rc ? rc : evp_pq_writer_meta(w, "key", "value");
	rc = rc ? rc : evp_pq_writer_finish(w, &size, err);
	if (rc)
		printf("# %s\n", err->msg);
	ok(!rc && lseek(fd, 0, SEEK_END) == (off_t)size, "written");
	evp_pq_writer_free(w);
}

static int ints_same(struct evp_pq_file *f, size_t g, size_t field, const int64_t *want,
		     size_t from)
{
	struct evp_pq_column c = { 0 };
	struct evp_err err = { 0 };
	const int64_t *v;
	size_t row, n, nrows = f->groups[g].nrows;
	int rc = evp_pq_column_open(&c, f, g, field, &err);

	for (row = from; !rc && row < nrows; row += n)
		if (!(rc = evp_pq_column_ints(&c, row, &v, &n, &err)) &&
		    memcmp(v, want + row, n * 8))
			rc = -1;
	if (rc)
		printf("# field %zu row %zu: %s\n", field, row, err.msg);
	evp_pq_column_release(&c);
	return !rc && row == nrows;
}

static int strings_same(struct evp_pq_file *f, size_t g, struct data *d, int by_run)
{
	struct evp_pq_column c = { 0 };
	struct evp_err err = { 0 };
	const uint32_t *v;
	uint32_t one;
	size_t row, n, i, nrows = f->groups[g].nrows;
	uint64_t run;
	int rc = evp_pq_column_open(&c, f, g, NAME, &err);

	rc = rc ? rc : evp_pq_column_dictionary(&c, &err);
	if (!rc &&
	    (c.ndict != d->ndict || memcmp(c.dict[d->ndict - 1].ptr, d->text[d->ndict - 1], 7)))
		rc = -1;
	for (row = 0; !rc && row < nrows; row += n) {
		if (by_run) {
			rc = evp_pq_column_run(&c, row, &one, &run, &err);
			n = (size_t)run;
		} else {
			rc = evp_pq_column_indexes(&c, row, &v, &n, &err);
		}
		for (i = 0; !rc && i < n; i++)
			if ((by_run ? one : v[i]) != d->name[row + i])
				rc = -1;
	}
	if (rc)
		printf("# row %zu: %s\n", row, err.msg);
	evp_pq_column_release(&c);
	return !rc && row == nrows;
}

static void read_file(const char *path, struct data *d)
{
	struct evp_pq_file *f;
	struct evp_err err = { 0 };
	const struct evp_bytes *meta;
	size_t g;

	ok(!evp_pq_open(&f, AT_FDCWD, path, &err), "opened");
	meta = evp_pq_meta(f, "key");
	ok(f->nfields == COLS && f->ngroups == GROUPS && f->nrows == ROWS + 5 && meta &&
		   meta->len == 5 && !strcmp(f->fields[PID].name, "pid"),
	   "footer");
	for (g = 0; g < GROUPS; g++) {
		ok(ints_same(f, g, TS, d[g].ts, 0), "timestamps");
		ok(ints_same(f, g, PID, d[g].pid, 0), "32-bit integers");
		ok(ints_same(f, g, VALUE, d[g].value, 0), "64-bit integers");
		ok(strings_same(f, g, &d[g], 0), "strings by page");
		ok(strings_same(f, g, &d[g], 1), "strings by run");
	}
	ok(ints_same(f, 0, TS, d[0].ts, 70001), "pages before the first row are skipped");
	evp_pq_close(f);
}

/* Everything there is to read; 0: no complaint. */
static int read_all(const char *path)
{
	struct evp_pq_file *f;
	struct evp_pq_column c = { 0 };
	struct evp_err err = { 0 };
	const int64_t *v;
	const uint32_t *index;
	size_t g, i, row, n;
	int rc = evp_pq_open(&f, AT_FDCWD, path, &err);

	if (rc)
		return rc;
	for (g = 0; g < f->ngroups; g++)
		for (i = 0; i < f->nfields && !rc; i++) {
			rc = evp_pq_column_open(&c, f, g, i, &err);
			for (row = 0; !rc && row < f->groups[g].nrows; row += n)
				rc = f->fields[i].type == EVP_PQ_STRING
					     ? evp_pq_column_indexes(&c, row, &index, &n, &err)
					     : evp_pq_column_ints(&c, row, &v, &n, &err);
		}
	evp_pq_column_release(&c);
	evp_pq_close(f);
	return rc;
}

static void damage(const char *path, const char *small)
{
	struct data d;
	struct evp_err err = { 0 };
	int fd = open(small, O_RDWR | O_CREAT | O_TRUNC, 0600), silent = 0, cuts = 0;
	off_t size, i;

	make(&d, 300, 40);
	write_file(fd, &d, 1, &err);
	size = lseek(fd, 0, SEEK_END);
	ok(!read_all(small), "small file reads");
	for (i = 4; i < size - 8; i++) {
		char b, flipped;

		if (pread(fd, &b, 1, i) != 1)
			break;
		flipped = (char)(b ^ (1 << (i % 8)));
		if (pwrite(fd, &flipped, 1, i) != 1)
			break;
		silent += !read_all(small);
		if (pwrite(fd, &b, 1, i) != 1)
			break;
	}
	/* Names, metadata, statistics, hints of the footer bear no checksum; pages do. */
	printf("# %d of %ld flipped bytes not noticed\n", silent, (long)size);
	ok(i == size - 8 && silent < 700, "flipped bytes are refused or harmless");
	for (i = size - 1; i >= 0; i--) {
		if (ftruncate(fd, i))
			break;
		cuts += !read_all(small);
	}
	ok(!cuts, "every cut is refused");
	close(fd);
	unlink(small);
	drop(&d);
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/evp-parquet-XXXXXX", small[] = "/tmp/evp-parquet-XXXXXX";
	struct data d[GROUPS];
	struct evp_err err = { 0 };
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600) : mkstemp(path);

	make(&d[0], ROWS, 1000);
	make(&d[1], 5, 1);
	write_file(fd, d, GROUPS, &err);
	read_file(argc > 1 ? argv[1] : path, d);
	close(fd);
	if (argc == 1)
		unlink(path);
	close(mkstemp(small));
	damage(path, small);
	drop(&d[0]);
	drop(&d[1]);
	return done_testing();
}
