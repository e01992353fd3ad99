// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/common/input.h"
#include "cmd/common/view.h"

#include <string.h>

int evp_input_verdict(const struct evp_reader *r, const char *name)
{
	struct evp_str why = { 0 };
	int status = EVP_DONE;

	if (!evp_reader_whole(r, &why)) {
		evp_warn("'%s': %s", name, why.buf ? why.buf : "incomplete");
		status = EVP_INCOMPLETE;
	}
	evp_str_release(&why);
	return status;
}

/* ---- profiles ---- */

static int profile_from(int fd, const char *name, void *arg)
{
	struct evp_profile *p = arg;
	struct evp_reader *r;
	struct evp_err err;
	int status;

	if (evp_reader_open_fd(&r, fd, name, &err))
		return evp_error_from(&err);
	if (evp_profile_add_reader(p, r, &err))
		status = evp_error_from(&err);
	else
		status = evp_input_verdict(r, name);
	evp_reader_free(r);
	return status;
}

int evp_input_profile(const char *by, const char *event, const char *value,
		      unsigned int profile_flags, struct evp_profile **ret_p)
{
	struct evp_profile_opts opts = { .event = event, .flags = profile_flags, .value = value };
	struct evp_labels labels = { 0 };
	struct evp_err err;
	int status = evp_labels_split(&labels, "--by", by);

	if (status)
		return status;
	opts.by = labels.name;
	opts.nby = labels.n;
	if (evp_profile_new(ret_p, &opts, &err))
		return evp_error_from(&err);
	status = evp_each_input(profile_from, *ret_p);
	status = evp_worse(status, evp_input_event(*ret_p, event));
	if ((*ret_p)->event && (*ret_p)->other_events)
		evp_warn("%llu samples of other events left out (this is '%s'; see --type)",
			 (unsigned long long)(*ret_p)->other_events, (*ret_p)->event);
	if ((*ret_p)->lost_samples)
		evp_warn("%lld samples were lost while recording",
			 (long long)(*ret_p)->lost_samples);
	return status;
}

int evp_input_no_event(const char *event, uint64_t others)
{
	evp_error("no samples of event '%s', %llu of others", event, (unsigned long long)others);
	return EVP_NO;
}

int evp_input_event(const struct evp_profile *p, const char *event)
{
	if (!event || p->event || !p->other_events)
		return EVP_DONE;
	return evp_input_no_event(event, p->other_events);
}

int evp_input_value(const struct evp_profile *p, const char *name, size_t *ret_type)
{
	struct evp_str choices = { 0 };
	size_t i;

	*ret_type = name ? evp_profile_type_index(p, name) : evp_profile_default_type(p);
	if (*ret_type != SIZE_MAX || !p->event) {
		*ret_type = *ret_type == SIZE_MAX ? 0 : *ret_type;
		return 0;
	}
	for (i = 0; i < p->ntypes; i++)
		evp_str_printf(&choices, "%s%s", i ? ", " : "", p->types[i].type);
	evp_error("no value '%s' (there are %s)", name, choices.buf ? choices.buf : "none");
	evp_str_release(&choices);
	return EVP_TROUBLE;
}

/* ---- copies ---- */

struct copying {
	const struct evp_input_filter *f;
	struct evp_out *out;
	struct evp_writer *w; /* made when the first epoch of the first input is there */
};

/*
 * The stream is named after what it is made from, so that doing it again gives the same bytes and
 * a store knows what it has already.
 */
static void derive_id(const struct evp_input_filter *f, const struct evp_record *first,
		      uint8_t id[16])
{
	struct evp_str s = { 0 };
	uint64_t half;
	int i;

	evp_str_puts(&s, f->tool);
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
	struct evp_writer_opts opts = {
		.sink = evp_writer_out_sink,
		.flush = evp_writer_out_flush,
		.sink_arg = c->out,
		.tool = evp_no_prov ? NULL : c->f->tool,
		.options = evp_cmd_options_given(),
		.level = c->f->level,
		.stream_id = first ? id : NULL,
	};

	if (c->w)
		return 0;
	if (first)
		derive_id(c->f, first, id);
	return evp_writer_new(&c->w, &opts, err);
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

static int copy_from(int fd, const char *name, void *arg)
{
	struct evp_copy *copy = NULL;
	struct evp_reader *r;
	struct evp_err err;
	int status;

	if (evp_reader_open_fd(&r, fd, name, &err))
		return evp_error_from(&err);
	if (copy_records(arg, r, &copy, &err))
		status = evp_error_from(&err);
	else
		status = evp_input_verdict(r, name);
	evp_copy_free(copy);
	evp_reader_free(r);
	return status;
}

int evp_input_copy(const struct evp_input_filter *f, struct evp_out *out)
{
	struct copying c = { .f = f, .out = out };
	struct evp_err err;
	int status = evp_each_input(copy_from, &c), rc;

	if (!c.w && status == EVP_TROUBLE)
		return status;
	if (open_writer(&c, NULL, &err))
		return evp_error_from(&err);
	/* Who reads on must know that something is missing: only a whole input gives a whole output. */
	rc = status == EVP_DONE || f->mend ? evp_writer_end(c.w) : evp_writer_stop(c.w);
	if (evp_writer_truncated(c.w))
		evp_warn("%llu names or labels were longer than the limit and cut",
			 (unsigned long long)evp_writer_truncated(c.w));
	if (rc && status != EVP_TROUBLE)
		status = evp_error("cannot write the stream: %s", strerror(-rc));
	evp_writer_free(c.w);
	return status;
}
