// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-flame: a flame graph as one HTML page.
 *
 *	evp-record -a --duration 5 | evp-symbolize | evp-flame -o out.html
 *	stackcollapse.pl out.stacks | evp-flame --title 'before the change' > before.html
 */
#include "cmd/common/cmd.h"
#include "cmd/common/input.h"
#include "cmd/common/labels.h"
#include "format/any.h"
#include "view/flame.h"

static struct {
	const char *output, *by, *title, *event, *value;
} o;

static const struct evp_opt opts[] = {
	EVP_OPT_OUTPUT(o.output),
	{ 0, "title", EVP_TEXT, &o.title, "TEXT", "heading of the page" },
	{ 'L', "by", EVP_TEXT, &o.by, "LABEL,...",
	  "labels as leading frames (default comm; '' none)" },
	{ 0, "type", EVP_TEXT, &o.event, "EVENT", "the event to show (default the first)" },
	{ 0, "value", EVP_TEXT, &o.value, "NAME", "widths by this value (default samples)" },
	EVP_OPT_END,
};

static const struct evp_cmd cmd = {
	.name = "evp-flame",
	.synopsis = "[-qv] [-o FILE] [--title TEXT] [--by LABEL,...] [--type EVENT] [--value NAME] "
		    "[FILE...]",
	.summary = "Stream or folded text to a flame graph: one HTML page.",
	.opts = opts,
	.formats = EVP_STREAM_FORMATS,
};

struct job {
	struct evp_origin origin;
	struct evp_label_list by; /* the first frames of folded text */
};

static int add_input(int fd, const char *name, void *arg)
{
	struct job *j = arg;
	struct evp_any *a = NULL;
	struct evp_err err;
	int status;

	if (evp_any_open(&a, fd, name, j->by.name, j->by.n, &err) ||
	    evp_origin_read(&j->origin, evp_any_reader(a), &err))
		status = evp_error_from(&err);
	else
		status = evp_input_verdict(evp_any_reader(a), name);
	evp_any_close(a);
	return status;
}

static int write_page(const struct evp_origin *s, int status)
{
	const struct evp_flame_opts f = { .title = o.title, .value = o.value };
	struct evp_out out;
	struct evp_err err;

	if (evp_output_open(&out, o.output, 0))
		return EVP_TROUBLE;
	if (evp_flame(s, &f, &out, &err)) {
		evp_out_drop(&out);
		return evp_error_from(&err);
	}
	return evp_worse(status, evp_finish(&out));
}

static int run(void)
{
	struct job j = { 0 };
	struct evp_origin *s = &j.origin;
	struct evp_err err;
	int status = evp_labels_split(&j.by, "--by", o.by ? o.by : "comm");

	if (status)
		return status;
	if (evp_profile_new(
		    &s->profile,
		    &(struct evp_profile_opts){ .by = j.by.name,
						.nby = j.by.n,
						.event = o.event,
						.flags = EVP_PROFILE_MODULES | EVP_PROFILE_KINDS |
							 (o.by ? 0 : EVP_PROFILE_SKIP_ABSENT) },
		    &err))
		return evp_error_from(&err);
	status = evp_each_input(add_input, &j);
	status = evp_worse(status, evp_input_event(s->profile, o.event));
	if (status != EVP_TROUBLE && evp_origin_finish(s, &err))
		status = evp_error_from(&err);
	if (status != EVP_TROUBLE)
		status = write_page(s, status);
	evp_profile_free(s->profile);
	evp_origin_release(s);
	return status;
}

int main(int argc, char **argv)
{
	int status = evp_cmd_parse(&cmd, argc, argv);

	return status >= 0 ? status : run();
}
