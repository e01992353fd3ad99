// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/common/input.h"

#include "cmd/common/cmd.h"
#include "cmd/common/labels.h"

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

int evp_input_read(int fd, const char *name, evp_stream_fn *fn, void *arg)
{
	struct evp_reader *r = NULL;
	struct evp_err err;
	int status;

	if (evp_reader_open_fd(&r, fd, name, &err) || fn(arg, r, &err))
		status = evp_error_from(&err);
	else
		status = evp_input_verdict(r, name);
	evp_reader_free(r);
	return status;
}

struct with {
	evp_stream_fn *fn;
	void *arg;
};

static int read_operand(int fd, const char *name, void *arg)
{
	const struct with *with = arg;

	return evp_input_read(fd, name, with->fn, with->arg);
}

int evp_input_each(evp_stream_fn *fn, void *arg)
{
	return evp_each_input(read_operand, &(struct with){ fn, arg });
}

/* ---- profiles ---- */

static int add_to_profile(void *p, struct evp_reader *r, struct evp_err *err)
{
	return evp_profile_add_reader(p, r, err);
}

int evp_input_profile(const char *by, const char *event, const char *value,
		      unsigned int profile_flags, struct evp_profile **ret_p)
{
	struct evp_profile_opts opts = { .event = event, .flags = profile_flags, .value = value };
	struct evp_label_list labels = { 0 };
	struct evp_err err;
	int status = evp_labels_split(&labels, "--by", by);

	if (status)
		return status;
	opts.by = labels.name;
	opts.nby = labels.n;
	if (evp_profile_new(ret_p, &opts, &err))
		return evp_error_from(&err);
	status = evp_input_each(add_to_profile, *ret_p);
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
