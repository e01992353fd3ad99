// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp: runs evp-NAME, from the folder that it lies in itself, else from PATH.
 *
 *	evp                     the programs there are
 *	evp record -a --duration 5 | evp symbolize | evp top
 *	evp help record         its page
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/common/cmd.h"

static const struct evp_opt opts[] = { EVP_OPT_END };
static const struct evp_cmd cmd = {
	.name = "evp",
	.synopsis = "[NAME [ARGUMENT...] | help [NAME]]",
	.summary = "Run the programs of EvProfiler by their short names.",
	.detail = "Without NAME, lists the programs. Options in front of NAME are evp's, those "
		  "behind "
		  "it are the program's.",
	.opts = opts,
	.stop_at_operand = true,
};

/* The list follows the way of a sample; a program that is not here comes last. */
static const char *const pipeline_order[] = {
	"record", "import", "symbolize", "stream", "fold", "top",
	"flame",  "export", "store",	 "query",  "diff",
};

static char own_folder[PATH_MAX];

static int find_own_folder(void)
{
	ssize_t len = readlink("/proc/self/exe", own_folder, sizeof(own_folder) - 1);

	if (len < 0)
		return evp_error("cannot read '/proc/self/exe': %s", strerror(errno));
	own_folder[len] = 0;
	*strrchr(own_folder, '/') = 0;
	return EVP_DONE;
}

static size_t rank_of(const char *name)
{
	size_t i;

	for (i = 0; i < EVP_ARRAY_SIZE(pipeline_order); i++)
		if (!strcmp(name, pipeline_order[i]))
			break;
	return i;
}

static int in_pipeline_order(const struct dirent **a, const struct dirent **b)
{
	size_t ra = rank_of((*a)->d_name + 4), rb = rank_of((*b)->d_name + 4);

	return ra != rb ? (ra > rb) - (ra < rb) : strcmp((*a)->d_name, (*b)->d_name);
}

static int is_program(const struct dirent *entry)
{
	const char *name = entry->d_name;

	return !strncmp(name, "evp-", 4) &&
	       !name[4 + strspn(name + 4, "abcdefghijklmnopqrstuvwxyz")];
}

/* What a program of this folder says of itself: the line behind the synopsis in its -h. */
static void print_summary(const char *program)
{
	char command[NAME_MAX + 32], line[512] = "";
	FILE *help;

	snprintf(command, sizeof(command), "./%s -h 2>/dev/null", program);
	help = popen(command, "re");
	if (help) {
		while (fgets(line, sizeof(line), help) &&
		       (!strncmp(line, "usage:", 6) || line[0] == ' '))
			line[0] = 0;
		pclose(help);
	}
	line[strcspn(line, "\n")] = 0;
	printf("  %-11s %s\n", program + 4, line);
}

static int list(void)
{
	struct dirent **entry;
	int i, n = scandir(own_folder, &entry, is_program, in_pipeline_order);

	if (n < 0 || chdir(own_folder))
		return evp_error("cannot read '%s': %s", own_folder, strerror(errno));
	printf("usage: %s %s\n\n", cmd.name, cmd.synopsis);
	for (i = 0; i < n; i++) {
		print_summary(entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	printf("\nThey make pipelines: evp record -a --duration 5 | evp symbolize | evp top\n"
	       "evp help gives a tour, evp help NAME a program's page, evp NAME -h its options.\n");
	return fflush(stdout) ? EVP_TROUBLE : EVP_DONE;
}

/* How many letters to insert, drop or change: names are short, so the plain table will do. */
static int letters_apart(const char *a, const char *b)
{
	int row[64], i, j, n = (int)strlen(b);

	if (n >= 64)
		return 64;
	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 1; a[i - 1]; i++) {
		int diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= n; j++) {
			int changed = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
			if (changed < row[j])
				row[j] = changed;
		}
	}
	return row[n];
}

static int unknown(const char *name)
{
	struct dirent **entry;
	int i, n = scandir(own_folder, &entry, is_program, in_pipeline_order);
	int best = -1, best_apart = 4;

	for (i = 0; i < n; i++) {
		int apart = letters_apart(name, entry[i]->d_name + 4);

		if (apart < best_apart && apart < (int)strlen(name)) {
			best = i;
			best_apart = apart;
		}
	}
	if (best >= 0)
		evp_error("no program 'evp-%s' (did you mean '%s'?)", name,
			  entry[best]->d_name + 4);
	else
		evp_error("no program 'evp-%s' (evp alone lists them)", name);
	for (i = 0; i < n; i++)
		free(entry[i]);
	free(n < 0 ? NULL : entry);
	return EVP_TROUBLE;
}

/* The page beside a build tree when this is one, else the installed page. */
static int help(const char *name)
{
	char page[64], file[PATH_MAX + 128];

	snprintf(page, sizeof(page), name ? "evp-%s" : "evp", name);
	snprintf(file, sizeof(file), "%s/../../man/%s.%d", own_folder, page, name ? 1 : 7);
	if (!access(file, R_OK)) {
		execlp("man", "man", "-l", file, NULL);
		execlp("mandoc", "mandoc", file, NULL);
	} else {
		execlp("man", "man", name ? "1" : "7", page, NULL);
	}
	return evp_error("cannot run 'man': %s (%s -h has the options)", strerror(errno), page);
}

static int run(char **argv)
{
	char program[NAME_MAX], path[PATH_MAX + NAME_MAX + 2];

	if (!argv[0])
		return list();
	if (!strcmp(argv[0], "help"))
		return help(argv[1]);
	if (strchr(argv[0], '/') || strlen(argv[0]) > NAME_MAX - 8)
		return unknown(argv[0]);
	snprintf(program, sizeof(program), "evp-%s", argv[0]);
	snprintf(path, sizeof(path), "%s/%s", own_folder, program);
	argv[0] = program;
	execv(path, argv);
	if (errno == ENOENT)
		execvp(program, argv);
	if (errno == ENOENT)
		return unknown(program + 4);
	return evp_error("cannot run '%s': %s", program, strerror(errno));
}

int main(int argc, char **argv)
{
	int rc = evp_cmd_parse(&cmd, argc, argv);

	if (rc >= 0)
		return rc;
	rc = find_own_folder();
	return rc ? rc : run(evp_operand);
}
