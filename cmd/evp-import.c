// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-import: other formats to a stream.
 *
 *	evp-import profile.pb.gz | evp-fold
 *	zcat stacks.folded.gz | evp-import -f folded --by comm | evp-store add prof.d
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cmd/common/cmd.h"
#include "cmd/common/copy.h"
#include "cmd/common/input.h"
#include "cmd/common/labels.h"
#include "format/import.h"

static struct {
	const char *output, *format, *type, *time, *by;
	uint64_t period_ns, memory;
	int64_t duration_ns;
} o;

static const struct evp_opt opts[] = {
	{ 'f', "format", EVP_TEXT, &o.format, "FORMAT", "pprof, tsv or folded; guessed without" },
	EVP_OPT_OUTPUT(o.output),
	{ 0, "type", EVP_TEXT, &o.type, "NAME",
	  "name of the event (default cpu, or the format's)" },
	{ 0, "period", EVP_U64, &o.period_ns, "NS", "value of a sample where only counts are given",
	  1, 1e15 },
	{ 0, "time", EVP_TEXT, &o.time, "T", "folded: when the samples were taken" },
	{ 0, "duration", EVP_DURATION, &o.duration_ns, "D", "folded: for how long from then on" },
	{ 0, "by", EVP_TEXT, &o.by, "LABEL,...", "folded: the first frames are these labels" },
	{ 0, "mem", EVP_SIZE, &o.memory, "SIZE",
	  "rows held in memory before sorting on disk (256M)" },
	EVP_OPT_END
};

static const struct evp_cmd cmd = {
	.name = "evp-import",
	.synopsis = "[-qv] [-f FORMAT] [-o FILE] [--type NAME] [--period NS] [--by LABEL,...] "
		    "[FILE...]",
	.summary = "Other profile formats to a stream.",
	.opts = opts,
	.formats = EVP_STREAM_FORMATS,
};

static int take(int fd, const char *name, void *arg)
{
	struct evp_err err;

	return evp_import_fd(arg, fd, name, &err) ? evp_error_from(&err) : EVP_DONE;
}

static void say_notes(struct evp_import *im)
{
	char *save = NULL, *line = im->notes.buf ? strtok_r(im->notes.buf, "\n", &save) : NULL;

	for (; line; line = strtok_r(NULL, "\n", &save))
		evp_warn("%s", line);
}

static int write_stream(struct evp_import *im, struct evp_out *out, struct evp_err *err)
{
	struct evp_writer *w;
	uint8_t id[16];
	int rc;

	evp_import_id(im, id);
	rc = evp_output_writer(&w, out, id, 0, err);
	if (rc)
		return rc;
	rc = evp_import_write(im, w, err);
	if (!rc && evp_writer_end(w))
		rc = evp_fail_errno(err, -evp_writer_error(w), "cannot write the stream");
	if (!rc)
		evp_output_tell_cut(w);
	evp_writer_free(w);
	return rc;
}

static int import(struct evp_import_opts *io, struct evp_err *err)
{
	struct evp_import *im;
	struct evp_out out;
	int status;

	if (evp_import_new(&im, io, err))
		return evp_error_from(err);
	if (evp_output_open(&out, o.output, EVP_OUT_BINARY)) {
		evp_import_free(im);
		return EVP_TROUBLE;
	}
	status = evp_each_input(take, im);
	if (status == EVP_DONE) {
		say_notes(im);
		status = write_stream(im, &out, err) ? evp_error_from(err) : evp_finish(&out);
	}
	evp_out_drop(&out);
	evp_import_free(im);
	return status;
}

static int run(void)
{
	struct evp_label_list by = { 0 };
	struct evp_import_opts io = {
		.format = o.format,
		.type = o.type,
		.period_ns = (int64_t)o.period_ns,
		.duration_ns = o.duration_ns,
		.memory = o.memory,
	};
	struct evp_err err;

	if (o.time && evp_parse_time(o.time, evp_now_ns(), &io.time_ns, &err))
		return evp_error_from(&err);
	if (evp_labels_split(&by, "--by", o.by))
		return EVP_TROUBLE;
	if (by.n > EVP_MAX_LABELS)
		return evp_error("--by: more than %d labels", EVP_MAX_LABELS);
	io.by = by.name;
	io.nby = by.n;
	return import(&io, &err);
}

int main(int argc, char **argv)
{
	int rc = evp_cmd_parse(&cmd, argc, argv);

	return rc >= 0 ? rc : run();
}
