// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cmd/common/cmd.h"
#include "cmd/common/option_value.h"

bool evp_force, evp_no_prov;
char **evp_operand;
int evp_noperands;

static struct evp_str options_given;
static bool asked_help, asked_version, quiet, verbose;

/* Every program has these. */
static const struct evp_opt common[] = {
	{ 0, "force", EVP_FLAG, &evp_force },
	{ 0, "no-prov", EVP_FLAG, &evp_no_prov },
	{ 'q', "quiet", EVP_FLAG, &quiet, NULL, "no warnings" },
	{ 'v', "verbose", EVP_FLAG, &verbose, NULL, "say more on standard error" },
	{ 'h', "help", EVP_FLAG, &asked_help, NULL, "this text" },
	{ 'V', "version", EVP_FLAG, &asked_version, NULL, "version and formats" },
	EVP_OPT_END,
};

static bool is_option(const struct evp_opt *o)
{
	return o->letter || o->name;
}

static bool takes_argument(const struct evp_opt *o)
{
	return o->type != EVP_FLAG && (o->type != EVP_ORDERED || o->arg);
}

/* ---- -h, -V ---- */

static void print_option(const struct evp_opt *o)
{
	const char *between = o->letter && o->name ? ", " : o->name ? "  " : "";
	char letter[3] = { o->letter ? '-' : ' ', o->letter ? o->letter : ' ' }, left[64];

	snprintf(left, sizeof(left), "%s%s%s%s%s%s", letter, between, o->name ? "--" : "",
		 o->name ? o->name : "", takes_argument(o) ? " " : "",
		 takes_argument(o) ? o->arg : "");
	printf("  %-26s %s\n", left, o->help);
}

static void print_options(const struct evp_opt *o)
{
	for (; is_option(o); o++)
		if (o->help)
			print_option(o);
}

static int print_help(const struct evp_cmd *cmd)
{
	printf("usage: %s %s\n%s\n\n", cmd->name, cmd->synopsis, cmd->summary);
	print_options(cmd->opts);
	print_options(common);
	if (cmd->detail)
		printf("\n%s\n", cmd->detail);
	return fflush(stdout) ? EVP_TROUBLE : EVP_DONE;
}

static int print_version(const struct evp_cmd *cmd)
{
	printf("%s %s\n", cmd->name, EVP_VERSION);
	if (cmd->formats)
		printf("%s\n", cmd->formats);
	return fflush(stdout) ? EVP_TROUBLE : EVP_DONE;
}

/* ---- the command line ---- */

struct line {
	const struct evp_cmd *cmd;
	char **argv;
	int argc, at;
};

static const struct evp_opt *find(const struct evp_cmd *cmd, char letter, const char *name,
				  size_t len)
{
	const struct evp_opt *tables[] = { cmd->opts, common }, *o;
	size_t t;

	for (t = 0; t < EVP_ARRAY_SIZE(tables); t++)
		for (o = tables[t]; is_option(o); o++)
			if ((letter && o->letter == letter) ||
			    (name && o->name && strlen(o->name) == len &&
			     !memcmp(o->name, name, len)))
				return o;
	return NULL;
}

static int with_usage(const struct evp_cmd *cmd, int status)
{
	fprintf(stderr, "usage: %s %s\n", cmd->name, cmd->synopsis);
	return status;
}

static void remember(const char *shown)
{
	if (options_given.len)
		evp_str_putc(&options_given, ' ');
	evp_str_puts(&options_given, shown);
}

const char *evp_cmd_options_given(void)
{
	return options_given.buf ? options_given.buf : "";
}

/* o: NULL for an unknown one; arg: what stands in the same word, or NULL. -1 or the exit status. */
static int take(struct line *l, const struct evp_opt *o, const char *shown, const char *arg)
{
	struct evp_err err;
	int rc;

	if (!o)
		return with_usage(l->cmd, evp_error("unknown option '%s'", shown));
	if (!takes_argument(o) && arg)
		return with_usage(l->cmd, evp_error("%s takes no argument", shown));
	if (takes_argument(o) && !arg && l->at + 1 >= l->argc)
		return with_usage(l->cmd, evp_error("%s needs an argument", shown));
	if (takes_argument(o) && !arg)
		arg = l->argv[++l->at];
	remember(shown);
	rc = evp_opt_set(o, arg, &err);
	if (rc == -ENOMEM)
		return evp_error("out of memory");
	return rc ? with_usage(l->cmd, evp_error("%s: '%s' %s", shown, arg, err.msg)) : -1;
}

static int take_long(struct line *l)
{
	const char *name = l->argv[l->at] + 2, *eq = strchr(name, '=');
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	char shown[80];

	snprintf(shown, sizeof(shown), "--%.*s", (int)len, name);
	return take(l, find(l->cmd, 0, name, len), shown, eq ? eq + 1 : NULL);
}

static int take_letters(struct line *l)
{
	const char *p = l->argv[l->at] + 1;
	int rc = -1;

	for (; *p && rc < 0; p++) {
		const struct evp_opt *o = find(l->cmd, *p, NULL, 0);
		const char shown[3] = { '-', *p };

		if (o && takes_argument(o))
			return take(l, o, shown, p[1] ? p + 1 : NULL);
		rc = take(l, o, shown, NULL);
	}
	return rc;
}

int evp_cmd_parse(const struct evp_cmd *cmd, int argc, char **argv)
{
	struct line l = { cmd, argv, argc, 1 };
	bool options = true;
	int n = 1, rc;

	evp_program = cmd->name;
	for (; l.at < argc; l.at++) {
		char *word = argv[l.at];

		if (options && !strcmp(word, "--")) {
			options = false;
			continue;
		}
		if (!options || word[0] != '-' || !word[1]) {
			argv[n++] = word;
			options = options && !cmd->stop_at_operand;
			continue;
		}
		rc = word[1] == '-' ? take_long(&l) : take_letters(&l);
		if (rc >= 0)
			return rc;
		if (asked_help)
			return print_help(cmd);
		if (asked_version)
			return print_version(cmd);
	}
	argv[n] = NULL;
	evp_operand = argv + 1;
	evp_noperands = n - 1;
	evp_verbosity = quiet ? -1 : verbose;
	return -1;
}
