// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/parquet.h"

#include <isa-l/crc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "store/encode.h"
#include "store/parquet_format.h"
#include "store/thrift.h"

#define WINDOW	   (256u << 10) /* bytes read at a time, at least */
#define MAX_HEADER 4096		/* of a page; ours take 30 bytes, others put statistics in */

static int damaged(const struct evp_pq_column *c, uint64_t offset, const char *what,
		   struct evp_err *err)
{
	return evp_fail(err, EBADMSG, "'%s': column '%s': %s at offset %llu", c->file->path,
			c->file->fields[c->field].name, what, (unsigned long long)offset);
}

static uint64_t chunk_end(const struct evp_pq_column *c)
{
	return c->chunk->offset + c->chunk->size;
}

int evp_pq_column_open(struct evp_pq_column *c, const struct evp_pq_file *f, size_t group,
		       size_t field, struct evp_err *err)
{
	if (group >= f->ngroups || field >= f->nfields)
		return evp_fail(err, EINVAL, "'%s' has no such row group or column", f->path);
	if (!c->zstd && !(c->zstd = ZSTD_createDCtx()))
		return evp_fail_oom(err);
	c->file = f;
	c->field = field;
	c->chunk = &f->groups[group].chunks[field];
	c->type = f->fields[field].type;
	c->nrows = f->groups[group].nrows;
	c->at = c->chunk->offset;
	c->page_row = c->page_end = 0;
	c->ndict = 0;
	c->dict = NULL;
	c->dict_ints = NULL;
	c->have_dict = c->decoded = c->loaded = false;
	c->ints_page = 0;
	c->window_at = 0;
	c->raw.len = 0;
	return 0;
}

void evp_pq_column_release(struct evp_pq_column *c)
{
	evp_str_release(&c->raw);
	evp_str_release(&c->page);
	evp_str_release(&c->dict_page);
	free(c->index);
	free(c->ints);
	free(c->dict_store);
	free(c->dict_ints_store);
	ZSTD_freeDCtx(c->zstd);
	*c = (struct evp_pq_column){ 0 };
}

/* The chunk's bytes [at, at + len), in place until the next call; len is within the chunk. */
static int window(struct evp_pq_column *c, uint64_t at, size_t len, const uint8_t **ret_p,
		  struct evp_err *err)
{
	uint64_t left = chunk_end(c) - at;
	size_t want = len > WINDOW ? len : WINDOW, got = 0;
	char *room;

	if (at >= c->window_at && at - c->window_at <= c->raw.len &&
	    len <= c->raw.len - (at - c->window_at)) {
		*ret_p = (uint8_t *)c->raw.buf + (at - c->window_at);
		return 0;
	}
	want = want < left ? want : (size_t)left;
	evp_str_clear(&c->raw);
	room = evp_str_reserve(&c->raw, want + EVP_DECODE_SLACK);
	if (!room)
		return evp_fail_oom(err);
	while (got < want) {
		ssize_t n = pread(c->file->fd, room + got, want - got, (off_t)(at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return evp_fail_errno(err, errno, "cannot read '%s'", c->file->path);
		if (!n)
			return damaged(c, at + got, "the file ends", err);
		got += (size_t)n;
	}
	c->raw.len = want;
	c->window_at = at;
	*ret_p = (uint8_t *)room;
	return 0;
}

static void take_values(struct evp_cursor *c, struct pq_page *page)
{
	int last = 0, type;

	while ((type = evp_thrift_field(c, &last)))
		if (last == PQ_VALUES_NUM)
			page->nvalues = (uint64_t)evp_thrift_int(c, type);
		else if (last == PQ_VALUES_ENCODING)
			page->encoding = (int)evp_thrift_int(c, type);
		else
			evp_thrift_skip(c, type);
}

static void take_header(struct evp_cursor *c, struct pq_page *page)
{
	int last = 0, type;

	*page = (struct pq_page){ .type = -1, .encoding = -1 };
	while ((type = evp_thrift_field(c, &last)))
		switch (last) {
		case PQ_PAGE_TYPE:
			page->type = (int)evp_thrift_int(c, type);
			break;
		case PQ_PAGE_UNCOMPRESSED_SIZE:
			page->raw_len = (uint64_t)evp_thrift_int(c, type);
			break;
		case PQ_PAGE_COMPRESSED_SIZE:
			page->stored_len = (uint64_t)evp_thrift_int(c, type);
			break;
		case PQ_PAGE_CRC:
			page->crc = (uint32_t)evp_thrift_int(c, type);
			page->has_crc = true;
			break;
		case PQ_PAGE_DATA:
		case PQ_PAGE_DICTIONARY:
			if (evp_thrift_is_struct(c, type))
				take_values(c, page);
			break;
		default:
			evp_thrift_skip(c, type);
		}
}

/* The page header at c->at; *ret_body is the offset of the page's bytes. */
static int page_header(struct evp_pq_column *c, struct pq_page *page, uint64_t *ret_body,
		       struct evp_err *err)
{
	uint64_t left = chunk_end(c) - c->at;
	const uint8_t *p;
	struct evp_cursor cur;
	size_t max;
	int rc = window(c, c->at, left < MAX_HEADER ? (size_t)left : MAX_HEADER, &p, err);

	if (rc)
		return rc;
	cur = (struct evp_cursor){ p, p + (left < MAX_HEADER ? left : MAX_HEADER), 0 };
	take_header(&cur, page);
	*ret_body = c->at + (uint64_t)(cur.p - p);
	max = page->type == PQ_DICTIONARY_PAGE ? EVP_PQ_MAX_DICTIONARY : EVP_PQ_MAX_PAGE;
	if (cur.bad || page->stored_len > chunk_end(c) - *ret_body || page->raw_len > max ||
	    page->nvalues > INT32_MAX)
		return damaged(c, c->at, "a bad page header", err);
	return 0;
}

/* A page's bytes as they are stored, checked, in place until the next call. */
static int stored_bytes(struct evp_pq_column *c, const struct pq_page *page, uint64_t header,
			uint64_t body, const uint8_t **ret_p, struct evp_err *err)
{
	int rc = window(c, body, (size_t)page->stored_len, ret_p, err);

	if (rc)
		return rc;
	if (page->has_crc && crc32_gzip_refl(0, *ret_p, page->stored_len) != page->crc)
		return damaged(c, header, "a page whose checksum is wrong", err);
	if (c->chunk->codec == PQ_ZSTD
		    ? ZSTD_getFrameContentSize(*ret_p, page->stored_len) != page->raw_len
		    : page->stored_len != page->raw_len)
		return damaged(c, header, "a page of another size than it says", err);
	return 0;
}

/* Reads, checks and decompresses a page's bytes into `to` (with slack behind them). */
static int page_bytes(struct evp_pq_column *c, const struct pq_page *page, uint64_t body,
		      struct evp_str *to, struct evp_err *err)
{
	const uint8_t *p;
	char *room;
	size_t got;
	int rc = stored_bytes(c, page, c->at, body, &p, err);

	if (rc)
		return rc;
	evp_str_clear(to);
	room = evp_str_reserve(to, page->raw_len + EVP_DECODE_SLACK);
	if (!room)
		return evp_fail_oom(err);
	if (c->chunk->codec == PQ_ZSTD) {
		got = ZSTD_decompressDCtx(c->zstd, room, page->raw_len, p, page->stored_len);
		if (ZSTD_isError(got) || got != page->raw_len)
			return damaged(c, c->at, "a page that does not decompress", err);
	} else {
		memcpy(room, p, page->raw_len);
	}
	to->len = page->raw_len;
	return 0;
}

static int index_strings(struct evp_pq_column *c, size_t n)
{
	const char *p = c->dict_page.buf, *end = p + c->dict_page.len;
	size_t i;

	if (evp_grow(&c->dict_store, &c->cdict, n + 1, sizeof(*c->dict_store)))
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		uint32_t len;

		if (end - p < 4 || (len = evp_le32(p)) > (size_t)(end - p - 4))
			return -EBADMSG;
		c->dict_store[i] = (struct evp_bytes){ p + 4, len };
		p += 4 + len;
	}
	c->dict = c->dict_store;
	return p == end ? 0 : -EBADMSG;
}

static int index_ints(struct evp_pq_column *c, size_t n)
{
	const char *p = c->dict_page.buf;
	size_t i, width = c->type == EVP_PQ_INT32 ? 4 : 8;

	if (c->dict_page.len != n * width)
		return -EBADMSG;
	if (evp_grow(&c->dict_ints_store, &c->cdict_ints, n + 1, sizeof(*c->dict_ints_store)))
		return -ENOMEM;
	for (i = 0; i < n; i++, p += width)
		c->dict_ints_store[i] = width == 4 ? (int32_t)evp_le32(p) : (int64_t)evp_le64(p);
	c->dict_ints = c->dict_ints_store;
	return 0;
}

/* The dictionary page's header, at the chunk's start. 1; 0: there is none. */
static int dictionary_header(struct evp_pq_column *c, struct pq_page *page, uint64_t *ret_body,
			     struct evp_err *err)
{
	uint64_t first = c->chunk->offset, at = c->at;
	int rc;

	c->at = first;
	rc = page_header(c, page, ret_body, err);
	c->at = at;
	if (rc)
		return rc;
	if (page->type != PQ_DICTIONARY_PAGE)
		return 0;
	/* A string takes 4 bytes at least, an integer 4: nothing is allocated by the count alone.
	 */
	if ((page->encoding != PQ_PLAIN && page->encoding != PQ_PLAIN_DICTIONARY) ||
	    !page->nvalues || page->nvalues > page->raw_len / 4)
		return damaged(c, first, "a bad dictionary page", err);
	return 1;
}

int evp_pq_column_dictionary(struct evp_pq_column *c, struct evp_err *err)
{
	struct pq_page page;
	uint64_t body;
	int rc;

	if (c->have_dict)
		return 0;
	if (c->at != c->chunk->offset)
		return evp_fail(err, EINVAL, "the dictionary comes before the pages");
	rc = dictionary_header(c, &page, &body, err);
	c->have_dict = rc >= 0;
	if (rc <= 0)
		return rc;
	rc = page_bytes(c, &page, body, &c->dict_page, err);
	if (rc)
		return rc;
	rc = c->type == EVP_PQ_STRING ? index_strings(c, page.nvalues)
				      : index_ints(c, page.nvalues);
	if (rc == -ENOMEM)
		return evp_fail_oom(err);
	if (rc)
		return damaged(c, c->chunk->offset, "a bad dictionary page", err);
	c->ndict = page.nvalues;
	c->at = body + page.stored_len;
	return 0;
}

int evp_pq_column_count(struct evp_pq_column *c, struct evp_err *err)
{
	struct pq_page page;
	uint64_t body;
	int rc;

	if (c->have_dict)
		return 0;
	rc = dictionary_header(c, &page, &body, err);
	c->have_dict = rc >= 0;
	if (rc <= 0)
		return rc;
	c->ndict = page.nvalues;
	c->at = body + page.stored_len;
	return 0;
}

struct each {
	evp_pq_value_fn fn;
	void *arg;
	size_t i, n;
};

/* Hands on the whole strings at the front of `bytes`. The bytes taken, or fn's error. */
static int each_string(struct each *e, const char *bytes, size_t len, size_t *ret_taken)
{
	size_t at = 0;
	int rc = 0;

	while (!rc && e->i < e->n && len - at >= 4) {
		struct evp_bytes v = { bytes + at + 4, evp_le32(bytes + at) };

		if (v.len > len - at - 4)
			break;
		rc = e->fn(e->arg, e->i++, &v);
		at += 4 + v.len;
	}
	*ret_taken = at;
	return rc;
}

/* Decompresses through a buffer that grows only for a string that is larger. */
static int each_compressed(struct evp_pq_column *c, const struct pq_page *page, const uint8_t *p,
			   struct each *e, struct evp_err *err)
{
	ZSTD_inBuffer in = { p, page->stored_len, 0 };
	struct evp_str *buf = &c->dict_page;
	size_t taken, got, more = 1;
	int rc;

	evp_str_clear(buf);
	ZSTD_DCtx_reset(c->zstd, ZSTD_reset_session_only);
	while (more) {
		char *room = evp_str_reserve(buf, WINDOW);
		ZSTD_outBuffer out = { room, WINDOW, 0 };

		if (!room)
			return evp_fail_oom(err);
		got = in.pos;
		more = ZSTD_decompressStream(c->zstd, &out, &in);
		if (ZSTD_isError(more) || (more && !out.pos && in.pos == got))
			return damaged(c, c->chunk->offset, "a page that does not decompress", err);
		buf->len += out.pos;
		rc = each_string(e, buf->buf, buf->len, &taken);
		if (rc)
			return rc;
		buf->len -= taken;
		memmove(buf->buf, buf->buf + taken, buf->len);
		if (buf->len > page->raw_len)
			break;
	}
	if (buf->len || in.pos != in.size || e->i != e->n)
		return damaged(c, c->chunk->offset, "a bad dictionary page", err);
	return 0;
}

int evp_pq_column_each(struct evp_pq_column *c, evp_pq_value_fn fn, void *arg, struct evp_err *err)
{
	struct each e = { fn, arg, 0, c->ndict };
	struct pq_page page;
	const uint8_t *p;
	uint64_t body;
	size_t taken;
	int rc;

	if (c->type != EVP_PQ_STRING || !c->ndict)
		return evp_fail(err, EINVAL, "column '%s' has no dictionary of strings",
				c->file->fields[c->field].name);
	rc = dictionary_header(c, &page, &body, err);
	if (rc < 0)
		return rc;
	rc = stored_bytes(c, &page, c->chunk->offset, body, &p, err);
	if (rc)
		return rc;
	if (c->chunk->codec == PQ_ZSTD)
		return each_compressed(c, &page, p, &e, err);
	rc = each_string(&e, (const char *)p, page.raw_len, &taken);
	if (!rc && (taken != page.raw_len || e.i != e.n))
		rc = damaged(c, c->chunk->offset, "a bad dictionary page", err);
	return rc;
}

/* Loads the page that `row` is in, unless it is there already. */
static int load_page(struct evp_pq_column *c, uint64_t row, struct evp_err *err)
{
	struct pq_page page;
	uint64_t body;
	int rc;

	if (c->loaded && row >= c->page_row && row < c->page_end)
		return 0;
	rc = evp_pq_column_dictionary(c, err);
	if (rc)
		return rc;
	if (row < c->page_row || row >= c->nrows)
		return evp_fail(err, EINVAL, "a column read backwards or past its end");
	for (;;) {
		rc = page_header(c, &page, &body, err);
		if (rc)
			return rc;
		if (page.type != PQ_DATA_PAGE || !page.nvalues ||
		    page.nvalues > c->nrows - c->page_end || page.nvalues > EVP_PQ_MAX_PAGE_ROWS)
			return damaged(c, c->at, "a page that is not expected here", err);
		c->page_row = c->page_end;
		c->page_end += page.nvalues;
		if (row < c->page_end)
			break;
		c->at = body + page.stored_len;
	}
	c->loaded = c->decoded = false;
	rc = page_bytes(c, &page, body, &c->page, err);
	if (rc)
		return rc;
	c->encoding = (uint8_t)page.encoding;
	c->page_at = c->at;
	c->at = body + page.stored_len;
	c->p = (uint8_t *)c->page.buf;
	c->end = c->p + c->page.len;
	c->run_row = c->page_row;
	c->run_left = 0;
	if (c->encoding == PQ_RLE_DICTIONARY || c->encoding == PQ_PLAIN_DICTIONARY) {
		if (c->p == c->end || *c->p > 32 || !c->ndict)
			return damaged(c, c->page_at, "a bad page of dictionary indexes", err);
		c->bit_width = *c->p++;
	}
	c->first = c->p;
	c->loaded = true;
	return 0;
}

static bool by_dictionary(const struct evp_pq_column *c)
{
	return c->encoding == PQ_RLE_DICTIONARY || c->encoding == PQ_PLAIN_DICTIONARY;
}

static int decode_indexes(struct evp_pq_column *c, struct evp_err *err)
{
	size_t n = (size_t)(c->page_end - c->page_row);

	if (c->decoded)
		return 0;
	if (evp_grow(&c->index, &c->cindex, n, sizeof(*c->index)))
		return evp_fail_oom(err);
	if (!evp_hybrid_decode(c->first, c->end, c->bit_width, (uint32_t)c->ndict, c->index, n))
		return damaged(c, c->page_at, "a bad page of dictionary indexes", err);
	c->decoded = true;
	return 0;
}

int evp_pq_column_indexes(struct evp_pq_column *c, uint64_t row, const uint32_t **ret_index,
			  size_t *ret_n, struct evp_err *err)
{
	int rc = load_page(c, row, err);

	if (rc)
		return rc;
	if (!by_dictionary(c))
		return evp_fail(err, EINVAL, "column '%s' has no dictionary",
				c->file->fields[c->field].name);
	rc = decode_indexes(c, err);
	if (rc)
		return rc;
	*ret_index = c->index + (row - c->page_row);
	*ret_n = (size_t)(c->page_end - row);
	return 0;
}

static int decode_ints(struct evp_pq_column *c, struct evp_err *err)
{
	size_t n = (size_t)(c->page_end - c->page_row), i;
	bool int32 = c->type == EVP_PQ_INT32;
	int rc;

	if (c->ints_page == c->page_at + 1)
		return 0;
	/* A delta block of equal steps takes next to nothing; the row group's own count bounds n.
	 */
	if (evp_grow(&c->ints, &c->cints, n, sizeof(*c->ints)))
		return evp_fail_oom(err);
	if (by_dictionary(c)) {
		rc = decode_indexes(c, err);
		for (i = 0; !rc && i < n; i++)
			c->ints[i] = c->dict_ints[c->index[i]];
		if (rc)
			return rc;
	} else if (c->encoding != PQ_DELTA_BINARY_PACKED ||
		   !evp_delta_decode(c->first, c->end, c->ints, n, int32)) {
		return damaged(c, c->page_at, "a bad page of integers", err);
	}
	c->ints_page = c->page_at + 1;
	return 0;
}

int evp_pq_column_ints(struct evp_pq_column *c, uint64_t row, const int64_t **ret_values,
		       size_t *ret_n, struct evp_err *err)
{
	int rc;

	if (c->type == EVP_PQ_STRING)
		return evp_fail(err, EINVAL, "column '%s' is no number",
				c->file->fields[c->field].name);
	rc = load_page(c, row, err);
	if (!rc)
		rc = decode_ints(c, err);
	if (rc)
		return rc;
	*ret_values = c->ints + (row - c->page_row);
	*ret_n = (size_t)(c->page_end - row);
	return 0;
}

/* The next run of the page's bytes becomes the current one; a packed run is unpacked to c->index.
 */
static int next_run(struct evp_pq_column *c, struct evp_err *err)
{
	struct evp_cursor cur = { c->p, c->end, 0 };
	struct evp_hybrid_run run;
	uint64_t left = c->page_end - c->run_row;
	bool good = evp_hybrid_next(&cur, c->bit_width, &run);

	if (good) {
		c->p = cur.p;
		c->run_left = run.n < left ? run.n : left;
		c->run_packed = run.packed;
		c->run_index = run.value;
	}
	if (good && run.packed) {
		if (evp_grow(&c->index, &c->cindex, c->run_left, sizeof(*c->index)))
			return evp_fail_oom(err);
		good = evp_unpack_bits(run.bytes, c->bit_width, c->index, c->run_left) < c->ndict;
		c->run_at = 0;
	} else if (good) {
		good = run.value < c->ndict;
	}
	return good ? 0 : damaged(c, c->page_at, "a bad page of dictionary indexes", err);
}

int evp_pq_column_run(struct evp_pq_column *c, uint64_t row, uint32_t *ret_index, uint64_t *ret_n,
		      struct evp_err *err)
{
	int rc = load_page(c, row, err);
	uint64_t n;

	if (rc)
		return rc;
	if (!by_dictionary(c))
		return evp_fail(err, EINVAL, "column '%s' has no dictionary",
				c->file->fields[c->field].name);
	if (c->decoded) {
		const uint32_t *v = c->index + (row - c->page_row);

		for (n = 1; n < c->page_end - row && v[n] == v[0]; n++)
			;
		*ret_index = v[0];
		*ret_n = n;
		return 0;
	}
	if (row < c->run_row)
		return evp_fail(err, EINVAL, "a column read backwards");
	while (row >= c->run_row + c->run_left) {
		c->run_row += c->run_left;
		c->run_left = 0;
		rc = next_run(c, err);
		if (rc)
			return rc;
	}
	n = row - c->run_row;
	c->run_row = row;
	c->run_left -= n;
	if (!c->run_packed) {
		*ret_index = c->run_index;
		*ret_n = c->run_left;
		return 0;
	}
	c->run_at += n;
	for (n = 1; n < c->run_left && c->index[c->run_at + n] == c->index[c->run_at]; n++)
		;
	*ret_index = c->index[c->run_at];
	*ret_n = n;
	return 0;
}
