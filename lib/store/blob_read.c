// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/segment.h"

#include <isa-l/crc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct evp_segment_blob {
	char *bytes;
	size_t len, at;
	const char *path;
	size_t ngroups;
	struct evp_reader *reader;
	uint64_t epoch, entries;
	size_t group;
	uint32_t stack, variant;
};

static int64_t read_bytes(void *arg, void *buf, size_t len)
{
	struct evp_segment_blob *b = arg;

	len = len < b->len - b->at ? len : b->len - b->at;
	memcpy(buf, b->bytes + b->at, len);
	b->at += len;
	return (int64_t)len;
}

static int load(struct evp_segment_blob *b, const struct evp_store_segment *s, struct evp_err *err)
{
	while (b->at < b->len) {
		ssize_t n = pread(s->file->fd, b->bytes + b->at, b->len - b->at,
				  (off_t)(s->info.blob_offset + b->at));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return evp_fail_errno(err, errno, "cannot read '%s'", b->path);
		if (!n)
			return evp_fail(err, EBADMSG, "'%s': cut in its precision blob", b->path);
		b->at += (size_t)n;
	}
	b->at = 0;
	if (crc32_gzip_refl(0, (unsigned char *)b->bytes, b->len) != s->info.blob_crc)
		return evp_fail(err, EBADMSG, "'%s': the precision blob's checksum is wrong",
				b->path);
	return 0;
}

int evp_segment_blob_open(struct evp_segment_blob **ret_b, const struct evp_store_segment *s,
			  struct evp_err *err)
{
	struct evp_segment_blob *b = calloc(1, sizeof(*b));
	int rc = 0;

	if (!b)
		return evp_fail_oom(err);
	b->len = s->info.blob_len;
	b->path = s->file->path;
	b->ngroups = s->file->ngroups;
	if (b->len) {
		b->bytes = malloc(b->len);
		rc = b->bytes ? load(b, s, err) : evp_fail_oom(err);
		if (!rc)
			rc = evp_reader_new(&b->reader,
					    &(struct evp_reader_opts){
						    .read = read_bytes, .arg = b, .name = b->path },
					    err);
	}
	if (rc) {
		evp_segment_blob_close(b);
		return rc;
	}
	*ret_b = b;
	return 0;
}

void evp_segment_blob_close(struct evp_segment_blob *b)
{
	if (!b)
		return;
	evp_reader_free(b->reader);
	free(b->bytes);
	free(b);
}

struct evp_reader *evp_segment_blob_reader(struct evp_segment_blob *b)
{
	return b->reader;
}

/* Entries come in the order (group, stack, variant); every stack begins with its variant 0. */
static bool take_place(struct evp_segment_blob *b, int64_t group, int64_t variant)
{
	bool first = !b->entries || (uint64_t)group != b->group;

	if (group < 0 || (size_t)group >= b->ngroups || variant < 0 || variant > INT32_MAX)
		return false;
	if (b->entries && ((size_t)group < b->group || (size_t)group > b->group + 1))
		return false;
	if (first ? variant != 0 : variant && variant != (int64_t)b->variant + 1)
		return false;
	b->stack = first ? 0 : b->stack + !variant;
	b->group = (size_t)group;
	b->variant = (uint32_t)variant;
	b->entries++;
	return true;
}

int evp_segment_blob_next(struct evp_segment_blob *b, struct evp_segment_blob_entry *e,
			  struct evp_err *err)
{
	struct evp_record rec;
	int rc = 0;

	while (b->reader && (rc = evp_reader_next(b->reader, &rec, err)) > 0) {
		const struct evp_tables *t = evp_reader_tables(b->reader);

		if (rec.type == EVP_REC_EPOCH)
			b->epoch++;
		if (rec.type != EVP_REC_SAMPLE)
			continue;
		if (t->events[rec.sample.event].ntypes < 2 ||
		    !take_place(b, rec.sample.values[0], rec.sample.values[1]))
			return evp_fail(err, EBADMSG, "'%s': a precision blob out of order",
					b->path);
		*e = (struct evp_segment_blob_entry){ .group = b->group,
						      .stack = b->stack,
						      .variant = b->variant,
						      .id = rec.sample.stack,
						      .tables = t,
						      .epoch = b->epoch };
		return 1;
	}
	if (!rc && b->reader && !evp_reader_whole(b->reader, NULL))
		return evp_fail(err, EBADMSG, "'%s': a damaged precision blob", b->path);
	return rc;
}
