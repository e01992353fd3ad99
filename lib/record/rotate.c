// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/rotate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define MAX_NUMBER 10000000 /* looked at for a free one */

int evp_rotate_parse(struct evp_rotate *ret, const char *text, struct evp_err *err)
{
	size_t len = strlen(text);
	char unit = len ? text[len - 1] : '0';
	struct evp_rotate r = { 0 };
	int rc;

	if (strchr("KMGTB", unit)) /* 10M is a size, 10m a time */
		rc = evp_parse_size(text, &r.max_bytes);
	else
		rc = unit >= '0' && unit <= '9' ? -EINVAL
						: evp_parse_duration(text, &r.interval_ns);
	if (rc || (!r.max_bytes && !r.interval_ns))
		return evp_fail(err, EINVAL, "'%s' is no size and no time (try 100M or 10m)", text);
	if (r.interval_ns && (r.interval_ns < EVP_NSEC || r.interval_ns > 366 * 86400 * EVP_NSEC))
		return evp_fail(err, EINVAL, "'%s' is not within 1s to 366d", text);
	ret->max_bytes = r.max_bytes;
	ret->interval_ns = r.interval_ns;
	return 0;
}

/* The next name in line: the time's, or a numbered one. */
static int next_name(struct evp_rotate *r, int64_t unix_ns, char *name, size_t size,
		     struct evp_err *err)
{
	time_t seconds = (time_t)(unix_ns / EVP_NSEC);
	bool timed = strchr(r->pattern, '%');
	size_t len = strlen(r->pattern);
	struct tm utc;

	if (timed)
		len = gmtime_r(&seconds, &utc) ? strftime(name, size, r->pattern, &utc) : 0;
	else if (len < size)
		memcpy(name, r->pattern, len + 1);
	if (!len || len + 16 > size)
		return evp_fail(err, ENAMETOOLONG, "no file name can be made of '%s'", r->pattern);
	r->number++;
	if (!timed || r->number > 1)
		snprintf(name + len, size - len, ".%04u", (unsigned int)r->number);
	return 0;
}

int evp_rotate_open(struct evp_rotate *r, int64_t unix_ns, struct evp_out *ret, struct evp_err *err)
{
	struct evp_err why = { 0 };
	char name[PATH_MAX];
	int rc;

	if (strchr(r->pattern, '%'))
		r->number = 0;
	do {
		rc = next_name(r, unix_ns, name, sizeof(name), &why);
		if (!rc)
			rc = evp_out_open(ret, name, EVP_OUT_DIRECT | EVP_OUT_NEW, &why);
	} while (rc == -EEXIST && r->number < MAX_NUMBER);
	if (r->interval_ns)
		r->end_ns = unix_ns - unix_ns % r->interval_ns + r->interval_ns;
	return rc ? evp_fail(err, -rc, "%s", why.msg) : 0;
}

bool evp_rotate_due(const struct evp_rotate *r, uint64_t bytes, int64_t unix_ns)
{
	return (r->max_bytes && bytes >= r->max_bytes) || (r->interval_ns && unix_ns >= r->end_ns);
}
