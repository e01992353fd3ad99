// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pprof in: a profile is one event, its sample types are the event's. See pprof.h for places.
 */
#include <stdlib.h>
#include <string.h>

#include "format/gzip.h"
#include "format/import.h"
#include "format/pprof_proto.h"
#include "format/pprof_parse.h"
#include "format/pprof_stream.h"

#define RAW_MAX	  (256u << 20)
#define PLAIN_MAX (512u << 20)
/* Real profiles shrink to a tenth; what grows more than this is meant to fill our memory. */
#define PLAIN_MIN   (64u << 20)
#define PLAIN_RATIO 100

struct input { /* as read: parsed once to check it, once more to write it */
	struct evp_str bytes;
	char *name;
	int64_t time_ns;
	size_t seq;
};

struct evp_pprofs {
	struct input *input;
	size_t n, cap;
	const struct evp_import_opts *opts;
};

bool evp_pprof_guess(const char *bytes, size_t len)
{
	const uint8_t *b = (const uint8_t *)bytes;

	if (len >= 2 && b[0] == 0x1f && b[1] == 0x8b)
		return true;
	/* Not compressed: sample_type comes first in what everybody writes. */
	return len >= 4 && b[0] == (PP_SAMPLE_TYPE << 3 | EVP_PB_LEN) && b[1] >= 2 && b[1] < 24 &&
	       b[2] == (VALUE_TYPE << 3 | EVP_PB_VARINT);
}

/* ---- reading ---- */

static int plain(const struct input *in, struct evp_str *tmp, const char **ret_bytes,
		 size_t *ret_len, struct evp_err *err)
{
	const uint8_t *b = (const uint8_t *)in->bytes.buf;
	size_t limit = PLAIN_MIN + PLAIN_RATIO * in->bytes.len;
	int rc = 0;

	*ret_bytes = in->bytes.buf;
	*ret_len = in->bytes.len;
	if (in->bytes.len >= 2 && b[0] == 0x1f && b[1] == 0x8b) {
		evp_str_clear(tmp);
		rc = evp_gunzip(in->bytes.buf, in->bytes.len, limit < PLAIN_MAX ? limit : PLAIN_MAX,
				in->name, tmp, err);
		*ret_bytes = tmp->buf;
		*ret_len = tmp->len;
	}
	return rc;
}

static int parse(const struct input *in, struct evp_str *tmp, struct evp_pprof_parsed *p,
		 struct evp_err *err)
{
	struct evp_err why = { 0 };
	const char *bytes;
	size_t len;
	int rc = plain(in, tmp, &bytes, &len, err);

	if (!rc && evp_pprof_parse(bytes, len, p, &why))
		rc = evp_fail(err, why.code, "'%s': %s", in->name, why.msg);
	if (!rc && p->types.n >= EVP_MAX_TYPES) {
		evp_pprof_parsed_release(p);
		rc = evp_fail(err, EBADMSG, "'%s': more than %d sample types", in->name,
			      EVP_MAX_TYPES - 1);
	}
	return rc;
}

static int keep(struct evp_import *im, struct evp_source *s, struct input **ret_in,
		struct evp_err *err)
{
	struct evp_pprofs *ps = im->pprofs;

	if (!ps) {
		ps = im->pprofs = calloc(1, sizeof(*ps));
		if (!ps)
			return evp_fail_oom(err);
		ps->opts = &im->opts;
	}
	if (evp_grow(&ps->input, &ps->cap, ps->n + 1, sizeof(*ps->input)))
		return evp_fail_oom(err);
	*ret_in = &ps->input[ps->n];
	**ret_in = (struct input){ .seq = ps->n, .name = strdup(s->name) };
	ps->n++;
	return (*ret_in)->name ? 0 : evp_fail_oom(err);
}

int evp_pprof_import(struct evp_import *im, struct evp_source *s, struct evp_err *err)
{
	struct evp_pprof_parsed p;
	struct evp_str tmp = { 0 };
	struct input *in = NULL;
	int rc = keep(im, s, &in, err);

	if (!rc)
		rc = evp_source_rest(s, RAW_MAX, &in->bytes, err);
	if (!rc && !in->bytes.len)
		rc = evp_fail(err, ENODATA, "'%s' is empty", s->name);
	if (!rc)
		rc = parse(in, &tmp, &p, err);
	if (!rc) {
		in->time_ns = p.time_ns ? p.time_ns : im->opts.time_ns;
		evp_pprof_parsed_release(&p);
	}
	evp_str_release(&tmp);
	return rc;
}

void evp_pprofs_free(struct evp_pprofs *ps)
{
	if (!ps)
		return;
	while (ps->n) {
		evp_str_release(&ps->input[--ps->n].bytes);
		free(ps->input[ps->n].name);
	}
	free(ps->input);
	free(ps);
}

/* ---- writing ---- */

static int write_input(const struct evp_pprofs *ps, const struct input *in, struct evp_writer *w,
		       struct evp_err *err)
{
	struct evp_str tmp = { 0 };
	struct evp_pprof_parsed p;
	int rc = parse(in, &tmp, &p, err);

	if (!rc) {
		rc = evp_pprof_write(&p, ps->opts, w);
		if (rc)
			evp_fail_errno(err, -rc, "cannot import '%s'", in->name);
		evp_pprof_parsed_release(&p);
	}
	evp_str_release(&tmp);
	return rc;
}

static int by_time(const void *va, const void *vb)
{
	const struct input *a = va, *b = vb;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	return a->seq < b->seq ? -1 : 1;
}

int evp_pprofs_write(struct evp_pprofs *ps, struct evp_writer *w, struct evp_err *err)
{
	size_t i;
	int rc = 0;

	qsort(ps->input, ps->n, sizeof(*ps->input), by_time);
	for (i = 0; !rc && i < ps->n; i++) {
		rc = write_input(ps, &ps->input[i], w, err);
		if (!rc && i + 1 < ps->n && evp_writer_watermark(w, ps->input[i + 1].time_ns))
			rc = evp_fail_errno(err, -evp_writer_error(w), "cannot write the stream");
	}
	return rc;
}
