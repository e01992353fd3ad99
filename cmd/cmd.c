// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "cmd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

int evp_verbosity;
bool evp_force, evp_no_prov;
char **evp_operand;
int evp_noperands;

static const struct evp_cmd *the_cmd;
static struct evp_str options_given;
static bool asked_help, asked_version, quiet, verbose;

/* Every program has these. */
static const struct evp_opt common[] = {
	{ 0, "force", EVP_FLAG, &evp_force, NULL, NULL, 0, 0 },
	{ 0, "no-prov", EVP_FLAG, &evp_no_prov, NULL, NULL, 0, 0 },
	{ 'q', "quiet", EVP_FLAG, &quiet, NULL, "no warnings", 0, 0 },
	{ 'v', "verbose", EVP_FLAG, &verbose, NULL, "say more on standard error", 0, 0 },
	{ 'h', "help", EVP_FLAG, &asked_help, NULL, "this text", 0, 0 },
	{ 'V', "version", EVP_FLAG, &asked_version, NULL, "version and formats", 0, 0 },
	EVP_OPT_END,
};

static void say(const char *fmt, va_list ap)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", the_cmd ? the_cmd->name : "evp");
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

int evp_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return EVP_TROUBLE;
}

void evp_warn(const char *fmt, ...)
{
	va_list ap;

	if (evp_verbosity < 0)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void evp_note(const char *fmt, ...)
{
	va_list ap;

	if (evp_verbosity < 1)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

int evp_error_from(const struct evp_err *err)
{
	return evp_error("%s", err->msg);
}

static bool is_option(const struct evp_opt *o)
{
	return o->letter || o->name;
}

static const struct evp_opt *find(char letter, const char *name, size_t len)
{
	const struct evp_opt *tables[] = { the_cmd->opts, common }, *o;
	size_t t;

	for (t = 0; t < EVP_ARRAY_SIZE(tables); t++)
		for (o = tables[t]; o && (is_option(o) || o->help); o++)
			if ((letter && o->letter == letter) ||
			    (name && o->name && strlen(o->name) == len &&
			     !memcmp(o->name, name, len)))
				return o;
	return NULL;
}

static bool takes_argument(const struct evp_opt *o)
{
	return o->type != EVP_FLAG && o->type != EVP_NEGFLAG && (o->type != EVP_ORDERED || o->arg);
}

static int usage_error(void)
{
	fprintf(stderr, "usage: %s %s\n", the_cmd->name, the_cmd->synopsis);
	return EVP_TROUBLE;
}

static int bad_argument(const char *shown, const char *arg, const char *why)
{
	evp_error("%s: '%s' %s", shown, arg, why);
	return usage_error();
}

static int store_number(const struct evp_opt *o, const char *shown, const char *arg)
{
	char range[96];
	double v;

	snprintf(range, sizeof(range), "is not within %.10g to %.10g", o->min, o->max);
	if (o->type == EVP_U64) {
		uint64_t u;
		int rc = evp_parse_u64(arg, &u);

		if (rc == -EINVAL)
			return bad_argument(shown, arg, "is not a whole number");
		if (rc || (o->max > 0 && ((double)u < o->min || (double)u > o->max)))
			return bad_argument(shown, arg, o->max > 0 ? range : "is too large");
		*(uint64_t *)o->dest = u;
	} else {
		char *end;

		v = strtod(arg, &end);
		if (end == arg || *end || v != v)
			return bad_argument(shown, arg, "is not a number");
		if (o->max > 0 && (v < o->min || v > o->max))
			return bad_argument(shown, arg, range);
		*(double *)o->dest = v;
	}
	return -1;
}

static int store_duration(const struct evp_opt *o, const char *shown, const char *arg)
{
	struct evp_str range = { 0 };
	int64_t ns;
	int rc = -1;

	if (evp_parse_duration(arg, &ns))
		return bad_argument(shown, arg, "is no duration (try 10, 1.5s, 200ms, 5m)");
	if (o->max > 0 && ((double)ns < o->min || (double)ns > o->max)) {
		evp_str_puts(&range, "is not within ");
		evp_format_duration(&range, 0, (int64_t)o->min);
		evp_str_puts(&range, " to ");
		evp_format_duration(&range, 0, (int64_t)o->max);
		rc = bad_argument(shown, arg, range.oom ? "is out of range" : range.buf);
	} else {
		*(int64_t *)o->dest = ns;
	}
	evp_str_release(&range);
	return rc;
}

static int store(const struct evp_opt *o, const char *shown, const char *arg)
{
	struct evp_ordered *ordered;
	struct evp_texts *texts;

	switch (o->type) {
	case EVP_FLAG:
	case EVP_NEGFLAG:
		*(bool *)o->dest = o->type == EVP_FLAG;
		return -1;
	case EVP_TEXT:
		*(const char **)o->dest = arg;
		return -1;
	case EVP_TEXTS:
		texts = o->dest;
		if (evp_grow(&texts->item, &texts->cap, texts->n + 1, sizeof(*texts->item)))
			return evp_error("out of memory");
		texts->item[texts->n++] = arg;
		return -1;
	case EVP_ORDERED:
		ordered = o->dest;
		if (evp_grow(&ordered->item, &ordered->cap, ordered->n + 1, sizeof(*ordered->item)))
			return evp_error("out of memory");
		ordered->item[ordered->n++] = (struct evp_ordered_item){ o->name, arg };
		return -1;
	case EVP_DURATION:
		return store_duration(o, shown, arg);
	case EVP_SIZE:
		if (evp_parse_size(arg, o->dest))
			return bad_argument(shown, arg, "is no size (try 4096, 64K, 10M)");
		return -1;
	default:
		return store_number(o, shown, arg);
	}
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

static int parse_long(char **argv, int argc, int *i)
{
	const char *name = argv[*i] + 2, *eq = strchr(name, '='), *arg = eq ? eq + 1 : NULL;
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	const struct evp_opt *o = find(0, name, len);
	char shown[80];

	snprintf(shown, sizeof(shown), "--%.*s", (int)len, name);
	if (!o) {
		evp_error("unknown option '%s'", shown);
		return usage_error();
	}
	if (!takes_argument(o) && arg) {
		evp_error("%s takes no argument", shown);
		return usage_error();
	}
	if (takes_argument(o) && !arg) {
		if (*i + 1 >= argc) {
			evp_error("%s needs an argument", shown);
			return usage_error();
		}
		arg = argv[++*i];
	}
	remember(shown);
	return store(o, shown, arg);
}

static int parse_letters(char **argv, int argc, int *i)
{
	const char *p = argv[*i] + 1;
	int rc;

	for (; *p; p++) {
		const struct evp_opt *o = find(*p, NULL, 0);
		char shown[3] = { '-', *p, 0 };

		if (!o) {
			evp_error("unknown option '%s'", shown);
			return usage_error();
		}
		remember(shown);
		if (!takes_argument(o)) {
			rc = store(o, shown, NULL);
			if (rc >= 0)
				return rc;
			continue;
		}
		if (p[1])
			return store(o, shown, p + 1);
		if (*i + 1 >= argc) {
			evp_error("%s needs an argument", shown);
			return usage_error();
		}
		return store(o, shown, argv[++*i]);
	}
	return -1;
}

static void help_lines(const struct evp_opt *o)
{
	for (; o && (is_option(o) || o->help); o++) {
		char left[64];

		if (!is_option(o)) {
			printf("%s\n", o->help);
			continue;
		}
		if (!o->help)
			continue;
		snprintf(left, sizeof(left), "%c%c%s%s%s%s%s", o->letter ? '-' : ' ',
			 o->letter ? o->letter : ' ',
			 o->letter && o->name ? ", "
			 : o->name	      ? "  "
					      : "",
			 o->name ? "--" : "", o->name ? o->name : "", takes_argument(o) ? " " : "",
			 takes_argument(o) ? o->arg : "");
		printf("  %-26s %s\n", left, o->help);
	}
}

static int print_help(void)
{
	printf("usage: %s %s\n%s\n\n", the_cmd->name, the_cmd->synopsis, the_cmd->summary);
	help_lines(the_cmd->opts);
	help_lines(common);
	if (the_cmd->detail)
		printf("\n%s\n", the_cmd->detail);
	return fflush(stdout) ? EVP_TROUBLE : EVP_DONE;
}

static int print_version(void)
{
	printf("%s %s\n", the_cmd->name, EVP_VERSION);
	if (the_cmd->formats)
		printf("%s\n", the_cmd->formats);
	return fflush(stdout) ? EVP_TROUBLE : EVP_DONE;
}

int evp_cmd_parse(const struct evp_cmd *cmd, int argc, char **argv)
{
	int i, n = 1, rc;

	the_cmd = cmd;
	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			for (i++; i < argc; i++)
				argv[n++] = argv[i];
			break;
		}
		if (argv[i][0] != '-' || !argv[i][1]) {
			if (cmd->stop_at_operand) {
				for (; i < argc; i++)
					argv[n++] = argv[i];
				break;
			}
			argv[n++] = argv[i];
			continue;
		}
		rc = argv[i][1] == '-' ? parse_long(argv, argc, &i) : parse_letters(argv, argc, &i);
		if (rc >= 0)
			return rc;
		if (asked_help)
			return print_help();
		if (asked_version)
			return print_version();
	}
	argv[n] = NULL;
	evp_operand = argv + 1;
	evp_noperands = n - 1;
	evp_verbosity = quiet ? -1 : verbose;
	return -1;
}

static int rank(int status)
{
	switch (status) {
	case EVP_DONE:
		return 0;
	case EVP_NO:
		return 1;
	case EVP_INCOMPLETE:
		return 2;
	default:
		return 3;
	}
}

int evp_worse(int a, int b)
{
	return rank(b) > rank(a) ? b : a;
}

/* SA_RESETHAND: the next one ends the program, and so does this one if it was sent to it alone. */
static void on_interrupt(int sig, siginfo_t *info, void *context)
{
	if (info->si_code != SI_KERNEL) /* that is the terminal's */
		raise(sig);
}

/*
 * Ctrl-C reaches all of a pipeline at once. It ends the recorder at its head, and what that still
 * writes is the answer: so a filter goes on until its input ends.
 */
static void outlive_interrupt(void)
{
	struct sigaction act = { .sa_sigaction = on_interrupt,
				 .sa_flags = SA_SIGINFO | SA_RESETHAND | SA_RESTART };
	struct sigaction was;
	struct stat st;

	if (fstat(STDIN_FILENO, &st) || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return;
	if (!sigaction(SIGINT, NULL, &was) && was.sa_handler == SIG_DFL)
		sigaction(SIGINT, &act, NULL);
}

static int from_stdin(int (*fn)(int fd, const char *name, void *arg), void *arg)
{
	if (isatty(STDIN_FILENO) && !evp_force)
		return evp_error("standard input is a terminal (name a file, or pipe a stream in; "
				 "%s -h for help)",
				 the_cmd->name);
	outlive_interrupt();
	return fn(STDIN_FILENO, "standard input", arg);
}

int evp_each_input(int (*fn)(int fd, const char *name, void *arg), void *arg)
{
	int i, fd, status = EVP_DONE;

	if (!evp_noperands)
		return from_stdin(fn, arg);
	for (i = 0; i < evp_noperands; i++) {
		const char *name = evp_operand[i];

		if (!strcmp(name, "-")) {
			status = evp_worse(status, from_stdin(fn, arg));
			continue;
		}
		fd = open(name, O_RDONLY | O_CLOEXEC);
		if (fd < 0) {
			status = evp_worse(
				status, evp_error("cannot open '%s': %s", name, strerror(errno)));
			continue;
		}
		status = evp_worse(status, fn(fd, name, arg));
		close(fd);
	}
	return status;
}

int evp_finish(struct evp_out *out)
{
	struct evp_err err;

	return evp_out_finish(out, &err) ? evp_error_from(&err) : EVP_DONE;
}
