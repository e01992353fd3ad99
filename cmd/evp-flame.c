// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-flame: a flame graph as one HTML page.
 *
 *	evp-record -a --duration 5 | evp-symbolize | evp-flame -o out.html
 *	stackcollapse.pl out.stacks | evp-flame --title 'before the change' > before.html
 */
#include "cmd/common/cmd.h"
#include "cmd/common/input.h"
#include "cmd/flame/any.h"
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

static int run(void)
{
	struct evp_flame_opts f = { .title = o.title, .value = o.value };
	struct evp_any any = { 0 };
	struct evp_origin *s = &any.origin;
	struct evp_out out;
	struct evp_err err = { 0 };
	int status = evp_labels_split(&any.by, "--by", o.by ? o.by : "comm");

	if (status)
		return status;
	if (evp_profile_new(
		    &s->profile,
		    &(struct evp_profile_opts){ .by = any.by.name,
						.nby = any.by.n,
						.event = o.event,
						.flags = EVP_PROFILE_MODULES | EVP_PROFILE_KINDS |
							 (o.by ? 0 : EVP_PROFILE_SKIP_ABSENT) },
		    &err))
		return evp_error_from(&err);
	status = evp_each_input(evp_any_add, &any);
	status = evp_worse(status, evp_input_event(s->profile, o.event));
	if (status != EVP_TROUBLE &&
	    (evp_origin_finish(s, &err) || evp_out_open(&out, o.output, 0, &err))) {
		status = evp_error_from(&err);
	} else if (status != EVP_TROUBLE) {
		if (evp_flame(s, &f, &out, &err)) {
			evp_out_drop(&out);
			status = evp_error_from(&err);
		} else {
			status = evp_worse(status, evp_finish(&out));
		}
	}
	evp_profile_free(s->profile);
	evp_origin_release(s);
	return status;
}

int main(int argc, char **argv)
{
	int status = evp_cmd_parse(&cmd, argc, argv);

	return status >= 0 ? status : run();
}
