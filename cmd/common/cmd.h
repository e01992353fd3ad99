/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every evp program does the same way: messages and the exit status, options from one table,
 * operands, the output. Only code below cmd/ prints or exits. What filters of streams share beside
 * this is in cmd/common/input.h.
 *
 * A command file is, in this order: a banner with a pipeline example, includes, the options
 * struct, the option table, run(), main():
 *
 *	static const struct evp_opt opts[] = {
 *		EVP_OPT_OUTPUT(o.output),
 *		{ 'F', "freq", EVP_U64, &o.freq, "HZ", "samples a second", 1, 1000 },
 *		EVP_OPT_END
 *	};
 *	int main(int argc, char **argv)
 *	{
 *		int rc = evp_cmd_parse(&cmd, argc, argv);
 *		return rc >= 0 ? rc : run();
 *	}
 */
#ifndef EVP_CMD_COMMON_CMD_H
#define EVP_CMD_COMMON_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/io.h"
#include "base/table.h"

/* ---- statuses and messages (message.c) ---- */

enum evp_status {
	EVP_DONE = 0,
	EVP_NO = 1,	    /* the answer is no: nothing matched, a regression */
	EVP_TROUBLE = 2,    /* could not be done: usage, I/O */
	EVP_INCOMPLETE = 3, /* delivered, but input was cut or damaged, or loss passed its limit */
	EVP_LATER = 75,
	EVP_UNSURE = 125, /* evp-diff's word for incomplete or inconclusive */
};

int evp_worse(int a, int b); /* the graver of two statuses */

extern const char *evp_program; /* cmd->name, once parsed */
extern int evp_verbosity;	/* -1 quiet, 0, 1 ... */

/* "evp-fold: <text>\n" on stderr. Warnings and notes are silent under -q. error returns
 * EVP_TROUBLE. */
__attribute__((format(printf, 1, 2))) int evp_error(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void evp_warn(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void evp_note(const char *fmt, ...); /* only under -v */
int evp_error_from(const struct evp_err *err); /* prints err->msg, returns EVP_TROUBLE */

/* ---- options (options.c, option_value.c) ---- */

enum evp_opt_type {
	EVP_FLAG,     /* bool *: set to true */
	EVP_TEXT,     /* const char **: the last one counts */
	EVP_TEXTS,    /* struct evp_texts *: repeatable, every one kept */
	EVP_ORDERED,  /* struct evp_ordered *: shared by several options, kept in the order given */
	EVP_U64,      /* uint64_t *, within [min, max] when max is set */
	EVP_F64,      /* double *, within [min, max] when max is set */
	EVP_DURATION, /* int64_t *: nanoseconds, "90", "90s", "5m"; within [min, max] likewise */
	EVP_SIZE,     /* uint64_t *: bytes, "10M" */
};

struct evp_texts {
	const char **item;
	size_t n, cap;
};

/* The uses of every EVP_ORDERED option with this dest; one whose table row has no `arg` takes none. */
struct evp_ordered {
	struct evp_ordered_item {
		const char *name, *arg; /* the long name; arg NULL: takes none */
	} * item;
	size_t n, cap;
};

struct evp_opt {
	char letter;	  /* 0: none */
	const char *name; /* long name without dashes, NULL: none */
	enum evp_opt_type type;
	void *dest;
	const char *arg;  /* name of the argument in -h */
	const char *help; /* NULL: accepted, not shown */
	double min, max;
};

#define EVP_OPT_OUTPUT(dest)                                                                       \
	{                                                                                          \
		'o', "output", EVP_TEXT, &(dest), "FILE",                                          \
			"write to FILE instead of standard output"                                 \
	}
#define EVP_OPT_END                                                                                \
	{                                                                                          \
		0                                                                                  \
	}

struct evp_cmd {
	const char *name;     /* "evp-fold" */
	const char *synopsis; /* "[-o FILE] [--by LABEL,...] [FILE...]" */
	const char *summary;  /* one line for evp(1): "stream to folded text" */
	const char *detail;   /* optional paragraph(s) behind the options in -h */
	const struct evp_opt *opts;
	bool stop_at_operand; /* the first operand ends the options (evp-record CMD -x) */
	const char *formats;  /* for -V: "stream 1.0 (reads 1.x, writes 1.0)" */
};

/* Set by --force and --no-prov, which every program has, as it has -q, -v, -h and -V. */
extern bool evp_force;
extern bool evp_no_prov;

/*
 * -1: go on. Otherwise the exit status: 0 after -h or -V (printed to stdout), 2 after a bad option
 * (said on stderr with the synopsis). Remembers the option names given (for the provenance record)
 * and cmd->name for messages.
 */
int evp_cmd_parse(const struct evp_cmd *cmd, int argc, char **argv);
/* The names of the options given, separated by blanks, without values: "-F --duration". */
const char *evp_cmd_options_given(void);

/* ---- operands (operands.c) ---- */

/* What evp_cmd_parse left over. */
extern char **evp_operand;
extern int evp_noperands;
/* Takes the first one off, a verb say; NULL: there is none. */
const char *evp_take_operand(void);

/* What is done with an input: name is for messages. The exit status. */
typedef int evp_input_fn(int fd, const char *name, void *arg);

/*
 * Calls fn with the file, or with standard input for "-". One that cannot be opened is said; so is
 * a terminal, with a hint.
 */
int evp_one_input(const char *operand, evp_input_fn *fn, void *arg);
/*
 * Calls fn with every operand, or with standard input when there is none. Goes on behind one that
 * fails. Returns the worst status (2 over 3 over 1 over 0).
 */
int evp_each_input(evp_input_fn *fn, void *arg);

/* ---- the output (output.c) ---- */

/*
 * One output of base/io.h, standard output where path is NULL or "-". Binary to a terminal is
 * refused but for --force. EVP_DONE or EVP_TROUBLE (said).
 */
int evp_output_open(struct evp_out *out, const char *path, unsigned int flags);
/* Finishes an output: EVP_DONE or EVP_TROUBLE (said). SIGPIPE has its default action throughout. */
int evp_finish(struct evp_out *out);
/*
 * The same behind `status`, the worse of both; but a file is dropped where that is EVP_TROUBLE.
 * Standard output has what could be had.
 */
int evp_finish_or_drop(struct evp_out *out, int status);

/* What --json and --tsv say. EVP_DONE, or EVP_TROUBLE (said) for both at once. */
int evp_output_format(bool json, bool tsv, enum evp_table_format *ret_format);
/* At most so many rows, 0 all: as -n says, by default enough for a screen of text. */
#define EVP_ROWS_DEFAULT UINT64_MAX
size_t evp_output_rows(uint64_t given, enum evp_table_format format);

#endif
