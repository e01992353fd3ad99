// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs one fuzz harness without a fuzzer, so that `make check` replays its corpus under plain cc
 * and under the sanitizers:
 *
 *	build/tests/fuzz/NAME           tests/fuzz/corpus/NAME and every tests/golden/FORMAT/bad, then
 *	                                damaged variants of each: cuts and flipped bytes, the same
 *	                                every time
 *	build/tests/fuzz/NAME FILE...   these, as they are
 *
 * TAP, one line a folder. An input that crashes, or takes over ten seconds, is named on stderr.
 */
#include <dirent.h>
#include <glob.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

enum {
	INPUT_MAX = 1 << 20,
	CUTS = 24,
	FLIPS = 72,
	SECONDS_PER_INPUT = 10,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char current[4200];

static void say_current(int sig)
{
	static const char words[] = "# died (or took too long) at: ";

	(void)!write(STDERR_FILENO, words, sizeof(words) - 1);
	(void)!write(STDERR_FILENO, current, strlen(current));
	signal(sig, SIG_DFL);
	raise(sig);
}

/* The input is copied to a block of its exact size: a read past its end is then seen by ASAN. */
static void try_bytes(const char *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1);

	if (!exact)
		exit(2);
	memcpy(exact, data, len);
	alarm(SECONDS_PER_INPUT);
	LLVMFuzzerTestOneInput(exact, len);
	alarm(0);
	free(exact);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static void try_damaged(const char *path, const struct evp_str *in)
{
	uint32_t state = 1, i;

	for (i = 0; i < CUTS && in->len; i++) {
		size_t len = i < 4 ? i : next_random(&state) % in->len;

		snprintf(current, sizeof(current), "%s cut to %zu bytes\n", path, len);
		try_bytes(in->buf, len < in->len ? len : in->len);
	}
	for (i = 0; i < FLIPS && in->len; i++) {
		size_t at = next_random(&state) % in->len;
		char bit = (char)(1 << next_random(&state) % 8), old = in->buf[at];

		snprintf(current, sizeof(current), "%s with byte %zu xor %d\n", path, at, bit);
		in->buf[at] ^= bit;
		try_bytes(in->buf, in->len);
		in->buf[at] = old;
	}
}

static int try_file(const char *path, int damage)
{
	struct evp_str in = { 0 };
	struct evp_err err;

	if (evp_read_file(path, INPUT_MAX, &in, &err)) {
		printf("# %s\n", err.msg);
		return -1;
	}
	snprintf(current, sizeof(current), "%s\n", path);
	try_bytes(in.buf ? in.buf : "", in.len);
	if (damage)
		try_damaged(path, &in);
	evp_str_release(&in);
	return 0;
}

/* A folder without an input tries nothing: not ok. */
static void try_folder(int test, const char *path)
{
	struct dirent **entry;
	int i, files = 0, unread = 0, n = scandir(path, &entry, NULL, alphasort);

	for (i = 0; i < n; i++) {
		char file[4096];

		if (entry[i]->d_name[0] != '.') {
			snprintf(file, sizeof(file), "%s/%s", path, entry[i]->d_name);
			files++;
			unread += try_file(file, 1) != 0;
		}
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	printf("%sok %d - %s: %d inputs and their damaged variants\n",
	       unread || !files ? "not " : "", test, path, files);
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	char corpus[4096];
	glob_t bad = { 0 };
	int i, status = 0;

	signal(SIGALRM, say_current);
	signal(SIGABRT, say_current);
#ifndef __SANITIZE_ADDRESS__
	signal(SIGSEGV, say_current);
#endif
	for (i = 1; i < argc; i++)
		status |= try_file(argv[i], 0) != 0;
	if (argc > 1)
		return status;
	snprintf(corpus, sizeof(corpus), "tests/fuzz/corpus/%s", name);
	try_folder(1, corpus);
	glob("tests/golden/*/bad", 0, NULL, &bad);
	for (i = 0; i < (int)bad.gl_pathc; i++)
		try_folder(2 + i, bad.gl_pathv[i]);
	printf("1..%d\n", 1 + i);
	globfree(&bad);
	return 0;
}
