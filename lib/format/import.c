// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/import.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "stream/format.h"

struct evp_import_format {
	const char *name;
	bool (*guess)(const char *bytes, size_t len);
	int (*take)(struct evp_import *im, struct evp_source *s, struct evp_err *err);
};

static const struct evp_import_format formats[] = {
	{ "pprof", evp_pprof_guess, evp_pprof_import },
	{ "tsv", evp_tsv_guess, evp_tsv_import },
	{ "folded", evp_folded_guess, evp_folded_import },
};

const char *evp_import_formats(void)
{
	return "pprof, tsv, folded";
}

static int pick(struct evp_import *im, struct evp_err *err)
{
	size_t i;

	for (i = 0; i < EVP_ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, im->opts.format)) {
			im->format = &formats[i];
			return 0;
		}
	return evp_fail(err, EINVAL, "unknown format '%s' (there are: %s)", im->opts.format,
			evp_import_formats());
}

static bool good_type(const char *type)
{
	const char *p = type;

	if (*p < 'a' || *p > 'z')
		return false;
	while ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_')
		p++;
	return !*p;
}

static void hash_text(XXH3_state_t *hash, const char *text)
{
	XXH3_128bits_update(hash, text ? text : "\1", (text ? strlen(text) : 1) + 1);
}

static void hash_opts(struct evp_import *im)
{
	const struct evp_import_opts *o = &im->opts;
	const int64_t numbers[] = { o->period_ns, o->time_ns, o->duration_ns };
	size_t i;

	XXH3_128bits_reset(im->hash);
	hash_text(im->hash, o->type);
	XXH3_128bits_update(im->hash, numbers, sizeof(numbers));
	for (i = 0; i < o->nby; i++)
		hash_text(im->hash, o->by[i]);
}

int evp_import_new(struct evp_import **ret_im, const struct evp_import_opts *opts,
		   struct evp_err *err)
{
	struct evp_import *im;
	int rc = 0;

	if (opts->type && !good_type(opts->type))
		return evp_fail(err, EINVAL, "'%s' is no event name ([a-z][a-z0-9_]*)", opts->type);
	im = calloc(1, sizeof(*im));
	if (!im)
		return evp_fail_oom(err);
	im->opts = *opts;
	im->hash = XXH3_createState();
	if (!im->hash)
		rc = evp_fail_oom(err);
	else if (opts->format)
		rc = pick(im, err);
	if (rc) {
		evp_import_free(im);
		return rc;
	}
	hash_opts(im);
	*ret_im = im;
	return 0;
}

void evp_import_free(struct evp_import *im)
{
	if (!im)
		return;
	evp_rows_free(im->rows);
	evp_pprofs_free(im->pprofs);
	evp_str_release(&im->notes);
	XXH3_freeState(im->hash);
	free(im);
}

static int guess(struct evp_import *im, struct evp_source *s, struct evp_err *err)
{
	const char *bytes;
	size_t len, i;
	int rc = evp_source_peek(s, &bytes, &len, err);

	if (rc)
		return rc;
	if (!len)
		return evp_fail(err, ENODATA, "'%s' is empty", s->name);
	if (len >= EVP_MARK_LEN && !memcmp(bytes, evp_sync_mark, EVP_MARK_LEN))
		return evp_fail(err, EINVAL, "'%s' is a stream already", s->name);
	for (i = 0; !im->format && i < EVP_ARRAY_SIZE(formats); i++)
		if (formats[i].guess(bytes, len))
			im->format = &formats[i];
	if (!im->format)
		return evp_fail(err, EBADMSG, "cannot tell the format of '%s' (-f one of %s)",
				s->name, evp_import_formats());
	return 0;
}

int evp_import_fd(struct evp_import *im, int fd, const char *name, struct evp_err *err)
{
	struct evp_source s;
	int rc = evp_source_open(&s, fd, name, im->hash, err);

	if (!rc && !im->format)
		rc = guess(im, &s, err);
	if (!rc)
		rc = im->format->take(im, &s, err);
	evp_source_close(&s);
	return rc;
}

void evp_import_id(const struct evp_import *im, uint8_t ret_id[16])
{
	XXH128_canonical_t c;

	XXH128_canonicalFromHash(&c, XXH3_128bits_digest(im->hash));
	memcpy(ret_id, c.digest, 16);
}

int evp_import_write(struct evp_import *im, struct evp_writer *w, struct evp_err *err)
{
	if (im->rows)
		return evp_rows_write(im->rows, w, err);
	return im->pprofs ? evp_pprofs_write(im->pprofs, w, err) : 0;
}

void evp_import_note(struct evp_import *im, const char *text)
{
	if (!im->notes.buf || !strstr(im->notes.buf, text))
		evp_str_puts(&im->notes, text);
}

static int check_value(struct evp_import *im, const char *type, bool has_value, struct evp_err *err)
{
	if (has_value || im->opts.period_ns || !strcmp(evp_rows_unit(type), "count"))
		return 0;
	if (strcmp(type, "cpu"))
		return evp_fail(err, EINVAL,
				"event '%s' needs its value in %s (a value column, or --period)",
				type, evp_rows_unit(type));
	evp_import_note(im, "no value and no --period: taking a sample for 1/19 s of cpu\n");
	return 0;
}

int evp_import_rows(struct evp_import *im, const char *name, bool has_samples, bool has_value,
		    struct evp_err *err)
{
	struct evp_rows_opts o = {
		.type = im->opts.type ? im->opts.type : "cpu",
		.period_ns = im->opts.period_ns,
		.has_samples = has_samples,
		.has_value = has_value,
		.memory = im->opts.memory,
	};
	int rc;

	if (im->rows && (im->has_samples != has_samples || im->has_value != has_value))
		return evp_fail(err, EINVAL,
				"'%s' has other columns (samples, value) than the inputs before it",
				name);
	if (im->rows)
		return 0;
	rc = check_value(im, o.type, has_value, err);
	im->has_samples = has_samples;
	im->has_value = has_value;
	return rc ? rc : evp_rows_new(&im->rows, &o, err);
}

bool evp_import_count(const char *text, size_t len, int64_t *ret_v, bool *ret_big)
{
	uint64_t v = 0;
	size_t i;

	*ret_big = false;
	for (i = 0; i < len; i++) {
		unsigned int digit = (unsigned int)(text[i] - '0');

		if (digit > 9)
			return false;
		if (v > ((uint64_t)INT64_MAX - digit) / 10)
			*ret_big = true;
		else
			v = v * 10 + digit;
	}
	*ret_v = (int64_t)v;
	return len && !*ret_big;
}
