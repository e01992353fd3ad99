// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-export: stream to other formats.
 *
 *	evp-query -s prof.d cpu | evp-export -f pprof -o p.pb.gz && go tool pprof -top p.pb.gz
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "cmd/common/cmd.h"
#include "cmd/common/input.h"
#include "cmd/common/labels.h"
#include "format/pprof.h"
#include "view/folded.h"

static struct {
	const char *output, *format, *type, *by, *value;
} o = { .format = "pprof" };

static const struct evp_opt opts[] = {
	{ 'f', "format", EVP_TEXT, &o.format, "FORMAT", "pprof (default) or folded" },
	EVP_OPT_OUTPUT(o.output),
	{ 0, "type", EVP_TEXT, &o.type, "EVENT", "the event to export (default the first)" },
	{ 'L', "by", EVP_TEXT, &o.by, "LABEL,...",
	  "labels to keep (pprof: default all; folded: comm)" },
	{ 0, "value", EVP_TEXT, &o.value, "NAME", "folded: count this value (default samples)" },
	EVP_OPT_END,
};

static const struct evp_cmd cmd = {
	.name = "evp-export",
	.synopsis = "[-qv] [-f FORMAT] [-o FILE] [--type EVENT] [--by LABEL,...] [--value NAME] "
		    "[FILE...]",
	.summary = "Stream to other profile formats.",
	.opts = opts,
	.formats = EVP_STREAM_FORMATS,
};

static int export_folded(struct evp_out *out)
{
	struct evp_profile *p = NULL;
	struct evp_err err;
	size_t type;
	int status = evp_input_profile(o.by ? o.by : "comm", o.type, o.value ? o.value : "",
				       o.by ? 0 : EVP_PROFILE_SKIP_ABSENT, &p);

	if (p && status != EVP_TROUBLE) {
		if (evp_input_value(p, o.value, &type))
			status = EVP_TROUBLE;
		else if (evp_folded_write(p, type, 0, out, &err))
			status = evp_error_from(&err);
	}
	evp_profile_free(p);
	return status;
}

static int add_stream(void *p, struct evp_reader *r, struct evp_err *err)
{
	return evp_pprof_add(p, r, err);
}

static int write_pprof(struct evp_pprof *p, struct evp_out *out)
{
	struct evp_str bytes = { 0 };
	struct evp_err err;
	int status = EVP_DONE;

	if (evp_pprof_finish(p, &bytes, &err))
		status = evp_error_from(&err);
	else
		evp_out_write(out, bytes.buf, bytes.len);
	if (evp_pprof_left_out(p) && evp_pprof_event(p))
		evp_warn("%llu samples of other events left out (this is '%s'; see --type)",
			 (unsigned long long)evp_pprof_left_out(p), evp_pprof_event(p));
	else if (evp_pprof_left_out(p))
		status = evp_worse(status, evp_input_no_event(o.type, evp_pprof_left_out(p)));
	evp_str_release(&bytes);
	return status;
}

static int export_pprof(struct evp_out *out)
{
	struct evp_pprof_opts po = { .type = o.type,
				     .all_labels = !o.by,
				     .comments = !evp_no_prov };
	struct evp_label_list by = { 0 };
	struct evp_pprof *p;
	struct evp_err err;
	int status = evp_labels_split(&by, "--by", o.by);

	if (status)
		return status;
	po.by = by.name;
	po.nby = by.n;
	if (evp_pprof_new(&p, &po, &err))
		return evp_error_from(&err);
	status = evp_input_each(add_stream, p);
	if (status != EVP_TROUBLE)
		status = evp_worse(status, write_pprof(p, out));
	evp_pprof_free(p);
	return status;
}

static int run(void)
{
	bool pprof = !strcmp(o.format, "pprof");
	struct evp_out out;
	int status;

	if (!pprof && strcmp(o.format, "folded"))
		return evp_error("unknown format '%s' (there are: pprof, folded)", o.format);
	if (evp_output_open(&out, o.output, pprof ? EVP_OUT_BINARY : 0))
		return EVP_TROUBLE;
	status = pprof ? export_pprof(&out) : export_folded(&out);
	if (status == EVP_TROUBLE) {
		evp_out_drop(&out);
		return status;
	}
	return evp_worse(status, evp_finish(&out));
}

int main(int argc, char **argv)
{
	int rc = evp_cmd_parse(&cmd, argc, argv);

	return rc >= 0 ? rc : run();
}
