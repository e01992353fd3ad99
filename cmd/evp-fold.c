// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-fold: stream to folded text.
 *
 *	evp-record -a --duration 5 | evp-symbolize | evp-fold | flamegraph.pl > out.svg
 */
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/common/cmd.h"
#include "cmd/common/input.h"
#include "view/folded.h"

static struct {
	const char *output, *by, *value, *type;
	bool annotate, lines, modules;
} o;

static const struct evp_opt opts[] = {
	EVP_OPT_OUTPUT(o.output),
	{ 'L', "by", EVP_TEXT, &o.by, "LABEL,...",
	  "labels as leading frames (default comm; '' none)" },
	{ 'a', "annotate", EVP_FLAG, &o.annotate, NULL,
	  "mark _[k] kernel, _[j] JIT, _[i] inlined frames" },
	{ 0, "lines", EVP_FLAG, &o.lines, NULL, "function:line" },
	{ 'm', "modules", EVP_FLAG, &o.modules, NULL, "module`function" },
	{ 0, "value", EVP_TEXT, &o.value, "NAME", "count this value (default samples)" },
	{ 0, "type", EVP_TEXT, &o.type, "EVENT", "the event to fold (default the first)" },
	EVP_OPT_END,
};

static const struct evp_cmd cmd = {
	.name = "evp-fold",
	.synopsis = "[-amqv] [-o FILE] [--by LABEL,...] [--lines] [--value NAME] [--type EVENT] "
		    "[FILE...]",
	.summary = "Stream to folded text, root first, the number of samples last.",
	.opts = opts,
	.formats = EVP_STREAM_FORMATS,
};

static int run(void)
{
	unsigned int flags = (o.by ? 0 : EVP_PROFILE_SKIP_ABSENT) |
			     (o.annotate ? EVP_PROFILE_KINDS : 0) |
			     (o.lines ? EVP_PROFILE_LINES : 0) |
			     (o.modules ? EVP_PROFILE_MODULES : 0);
	unsigned int show = (o.annotate ? EVP_FOLDED_ANNOTATE : 0) |
			    (o.lines ? EVP_FOLDED_LINES : 0) | (o.modules ? EVP_FOLDED_MODULES : 0);
	struct evp_profile *p = NULL;
	struct evp_out out;
	struct evp_err err;
	size_t type;
	int status;

	if (evp_output_open(&out, o.output, 0))
		return EVP_TROUBLE;
	status = evp_input_profile(o.by ? o.by : "comm", o.type, o.value ? o.value : "", flags, &p);
	if (p && status != EVP_TROUBLE) {
		if (evp_input_value(p, o.value, &type))
			status = EVP_TROUBLE;
		else if (evp_folded_write(p, type, show, &out, &err))
			status = evp_error_from(&err);
	}
	evp_profile_free(p);
	return evp_finish_or_drop(&out, status);
}

int main(int argc, char **argv)
{
	int rc = evp_cmd_parse(&cmd, argc, argv);

	return rc >= 0 ? rc : run();
}
