// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int evp_fail(struct evp_err *err, int code, const char *fmt, ...)
{
	if (err) {
		va_list ap;

		err->code = code;
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
	}
	return -code;
}

int evp_fail_errno(struct evp_err *err, int code, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		size_t used;

		err->code = code;
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
		used = strlen(err->msg);
		snprintf(err->msg + used, sizeof(err->msg) - used, ": %s", strerror(code));
	}
	return -code;
}

int evp_fail_oom(struct evp_err *err)
{
	return evp_fail(err, ENOMEM, "out of memory");
}
