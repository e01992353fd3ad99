// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdarg.h>
#include <stdio.h>

#include "cmd/common/cmd.h"

const char *evp_program = "evp";
int evp_verbosity;

static void say(const char *fmt, va_list ap)
{
	fflush(stdout);
	fprintf(stderr, "%s: ", evp_program);
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

int evp_error_from(const struct evp_err *err)
{
	return evp_error("%s", err->msg);
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
