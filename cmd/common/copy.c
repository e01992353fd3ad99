// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/common/copy.h"

#include <string.h>

#include "base/hash.h"
#include "cmd/common/cmd.h"
#include "cmd/common/input.h"

int evp_output_writer(struct evp_writer **ret_w, struct evp_out *out, const uint8_t *id, int level,
		      struct evp_err *err)
{
	const struct evp_writer_opts opts = {
		.sink = evp_writer_out_sink,
		.flush = evp_writer_out_flush,
		.sink_arg = out,
		.tool = evp_no_prov ? NULL : evp_program,
		.options = evp_cmd_options_given(),
		.level = level,
		.stream_id = id,
	};

	return evp_writer_new(ret_w, &opts, err);
}

void evp_output_tell_cut(const struct evp_writer *w)
{
	if (evp_writer_truncated(w))
		evp_warn("%llu names or labels were longer than the limit and cut",
			 (unsigned long long)evp_writer_truncated(w));
}

struct copying {
	const struct evp_input_filter *f;
	struct evp_out *out;
	struct evp_writer *w; /* made when the first epoch of the first input is there */
};

/*
 * The stream is named after what it is made from, so that doing it again gives the same bytes and
 * a store knows what it has already.
 */
static void derive_id(const struct evp_record *first, uint8_t id[16])
{
	struct evp_str s = { 0 };
	uint64_t half;
	int i;

	evp_str_puts(&s, evp_program);
	evp_str_putc(&s, ' ');
	evp_str_puts(&s, evp_cmd_options_given());
	evp_str_add(&s, first->epoch.stream_id, 16);
	evp_str_add(&s, &first->epoch.number, sizeof(first->epoch.number));
	for (i = 0; i < 2; i++) {
		half = evp_hash_bytes(s.buf ? s.buf : "", s.len);
		memcpy(id + 8 * i, &half, 8);
		evp_str_putc(&s, '+');
	}
	evp_str_release(&s);
}

/* `first`: the record that begins the first input; NULL: there was none, and never will be. */
static int open_writer(struct copying *c, const struct evp_record *first, struct evp_err *err)
{
	uint8_t id[16];

	if (c->w)
		return 0;
	if (first)
		derive_id(first, id);
	return evp_output_writer(&c->w, c->out, first ? id : NULL, 0, err);
}

static int begin_copy(struct copying *c, struct evp_reader *r, const struct evp_record *first,
		      struct evp_copy **ret_copy, struct evp_err *err)
{
	int rc = open_writer(c, first, err);

	if (!rc)
		rc = evp_copy_new(ret_copy, r, c->w, err);
	if (!rc && c->f->prepare && (rc = c->f->prepare(c->f->arg, *ret_copy, r, c->w)))
		evp_fail_errno(err, -rc, "cannot begin");
	return rc;
}

static int copy_records(struct copying *c, struct evp_reader *r, struct evp_copy **copy,
			struct evp_err *err)
{
	struct evp_record rec;
	int rc;

	while ((rc = evp_reader_next(r, &rec, err)) > 0) {
		if (!*copy && (rc = begin_copy(c, r, &rec, copy, err)))
			return rc;
		rc = c->f->record ? c->f->record(c->f->arg, r, &rec) : 1;
		if (rc > 0)
			rc = evp_copy_record(*copy, &rec);
		if (rc < 0)
			return evp_fail_errno(err, -rc, "cannot write the stream");
	}
	return rc;
}

static int copy_stream(void *arg, struct evp_reader *r, struct evp_err *err)
{
	struct evp_copy *copy = NULL;
	int rc = copy_records(arg, r, &copy, err);

	evp_copy_free(copy);
	return rc;
}

int evp_input_copy(const struct evp_input_filter *f, struct evp_out *out)
{
	struct copying c = { .f = f, .out = out };
	struct evp_err err;
	int status = evp_input_each(copy_stream, &c), rc;

	if (!c.w && status == EVP_TROUBLE)
		return status;
	if (open_writer(&c, NULL, &err))
		return evp_error_from(&err);
	/* Who reads on must know that something is missing: only a whole input gives a whole output. */
	rc = status == EVP_DONE || f->mend ? evp_writer_end(c.w) : evp_writer_stop(c.w);
	evp_output_tell_cut(c.w);
	if (rc && status != EVP_TROUBLE)
		status = evp_error("cannot write the stream: %s", strerror(-rc));
	evp_writer_free(c.w);
	return status;
}
