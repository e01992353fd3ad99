// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-symbolize: addresses of a stream to functions, files, lines and inline chains.
 *
 *	evp-record -a --duration 10 | evp-symbolize | evp-fold
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cmd/common/cmd.h"
#include "cmd/common/copy.h"
#include "cmd/common/input.h"
#include "symbol/symbol.h"

static struct {
	const char *output, *root, *demangle, *addresses;
	struct evp_texts debug_dirs;
	bool no_inlines, trust_paths;
} o;

static const struct evp_opt opts[] = {
	EVP_OPT_OUTPUT(o.output),
	{ 0, "debug-dir", EVP_TEXTS, &o.debug_dirs, "DIR",
	  "look for debug info in DIR before /usr/lib/debug" },
	{ 0, "debuginfo", EVP_TEXTS, &o.debug_dirs, "DIR", "the same with a debug info store" },
	{ 0, "root", EVP_TEXT, &o.root, "DIR", "resolve recorded paths below DIR" },
	{ 0, "trust-paths", EVP_FLAG, &o.trust_paths, NULL,
	  "use a recorded path whatever its build ID" },
	{ 0, "no-inlines", EVP_FLAG, &o.no_inlines, NULL, "leave inlined functions out" },
	{ 0, "demangle", EVP_TEXT, &o.demangle, "HOW", "full (default), short or none" },
	{ 0, "addresses", EVP_TEXT, &o.addresses, "ELF",
	  "answer a list of ELF addresses as addr2line -f -i does" },
	EVP_OPT_END
};

/* A mistyped one would show in nothing but missing names. */
static int check_dir(const char *option, const char *dir)
{
	struct stat st;

	if (dir && stat(dir, &st))
		return evp_error("%s: '%s': %s", option, dir, strerror(errno));
	return dir && !S_ISDIR(st.st_mode) ? evp_error("%s: '%s' is no directory", option, dir)
					   : EVP_DONE;
}

static int check_dirs(void)
{
	int status = check_dir("--root", o.root);

	for (size_t i = 0; i < o.debug_dirs.n; i++)
		status = evp_worse(status, check_dir("--debug-dir", o.debug_dirs.item[i]));
	return status;
}

static int symbol_opts(struct evp_symbol_opts *so)
{
	static const char *const how[] = { "full", "short", "none" };

	*so = (struct evp_symbol_opts){
		.debug_dirs = o.debug_dirs.item,
		.ndebug_dirs = o.debug_dirs.n,
		.root = o.root,
		.no_inlines = o.no_inlines,
		.trust_paths = o.trust_paths,
	};
	for (size_t i = 0; i < EVP_ARRAY_SIZE(how); i++) {
		if (o.demangle && strcmp(o.demangle, how[i]))
			continue;
		so->demangle = (enum evp_demangle)i;
		return EVP_DONE;
	}
	return evp_error("--demangle is full, short or none, not '%s'", o.demangle);
}

static int answer_addresses(const struct evp_symbol_opts *so)
{
	struct evp_object *obj = NULL;
	struct evp_err err = { 0 };
	struct evp_out out;
	int rc;

	if (evp_noperands)
		return evp_error("--addresses reads standard input, not '%s'", evp_operand[0]);
	if (evp_object_open(&obj, o.addresses, so, &err))
		return evp_error_from(&err);
	rc = evp_out_open(&out, o.output, 0, &err);
	if (!rc) {
		rc = evp_object_answer_list(obj, so, stdin, &out, &err);
		if (rc)
			evp_out_drop(&out);
	}
	evp_object_close(obj);
	return rc ? evp_error_from(&err) : evp_finish(&out);
}

static int attach(void *arg, struct evp_copy *c, struct evp_reader *r, struct evp_writer *w)
{
	evp_symbolizer_attach(arg, c, w);
	return 0;
}

/* Under -v: how many locations got their names from where, and why others have none. */
static void summarize(const struct evp_symbolizer *s)
{
	struct evp_symbolizer_stats st;

	evp_symbolizer_stats(s, &st);
	evp_note("%" PRIu64 " locations, %" PRIu64 " named here, %" PRIu64 " objects opened",
		 st.locations, st.improved, st.objects);
	for (int i = EVP_SRC_KINDS - 1; i > EVP_SRC_NONE; i--)
		if (st.by_source[i])
			evp_note("%8" PRIu64 " by %s", st.by_source[i],
				 evp_name_source_name((enum evp_name_source)i));
	if (st.by_source[EVP_SRC_NONE])
		evp_note("%8" PRIu64 " without a name", st.by_source[EVP_SRC_NONE]);
	for (size_t i = 0; i < st.nreasons; i++)
		evp_note("%8" PRIu64 " of them: %s", st.reasons[i].locations, st.reasons[i].reason);
}

static int symbolize(const struct evp_symbol_opts *so)
{
	struct evp_input_filter f = { .prepare = attach };
	struct evp_symbolizer *s = NULL;
	struct evp_err err = { 0 };
	struct evp_out out;
	int status;

	if (evp_symbolizer_new(&s, so, &err))
		return evp_error_from(&err);
	if (evp_output_open(&out, o.output, EVP_OUT_BINARY)) {
		evp_symbolizer_free(s);
		return EVP_TROUBLE;
	}
	f.arg = s;
	status = evp_input_copy(&f, &out);
	summarize(s);
	evp_symbolizer_free(s);
	return evp_finish_or_drop(&out, status);
}

static const struct evp_cmd cmd = {
	.name = "evp-symbolize",
	.synopsis = "[-qv] [-o FILE] [--debug-dir DIR] [--root DIR] [--no-inlines] [FILE...]\n"
		    "       evp-symbolize --addresses ELF < LIST",
	.summary = "Name a stream's addresses: functions, files, lines, inline chains.",
	.opts = opts,
	.formats = EVP_STREAM_FORMATS,
};

int main(int argc, char **argv)
{
	int rc = evp_cmd_parse(&cmd, argc, argv);
	struct evp_symbol_opts so;

	if (rc >= 0 || (rc = symbol_opts(&so)) || (rc = check_dirs()))
		return rc;
	return o.addresses ? answer_addresses(&so) : symbolize(&so);
}
