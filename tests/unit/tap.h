/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TAP for the tests here, each a program of its own; the same words as in tests/lib.sh:
 *
 *	ok(1 + 1 == 2, "it adds");
 *	return done_testing();
 *
 * Every line is flushed at once: a child that is forked does not say it again, and a test that dies
 * has said how far it came.
 */
#ifndef EVP_TESTS_UNIT_TAP_H
#define EVP_TESTS_UNIT_TAP_H

#include <stdbool.h>
#include <stdio.h>

static int tap_tests, tap_failed;

static inline void ok(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++tap_tests, what);
	fflush(stdout);
	tap_failed += !good;
}

/* For one check; only the reasons in scripts/check pass there. */
static inline void skip(const char *what, const char *reason)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_tests, what, reason);
	fflush(stdout);
}

/* For the whole program: return skip_all("no BPF here"); */
static inline int skip_all(const char *reason)
{
	printf("1..0 # SKIP %s\n", reason);
	return 0;
}

/* The plan; main's status. */
static inline int done_testing(void)
{
	printf("1..%d\n", tap_tests);
	return tap_failed != 0;
}

#endif
