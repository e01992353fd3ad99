// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "base/text.h"
#include "cmd/common/catalog.h"
#include "cmd/common/cmd.h"
#include "cmd/common/origin.h"
#include "cmd/diff/side.h"
#include "query/query.h"

int evp_side_stream(struct evp_side *s, const char *path)
{
	struct evp_origin origin = { .profile = s->profile };
	int status = evp_one_input(path, evp_origin_add, &origin);

	s->name = strcmp(path, "-") ? path : "standard input";
	s->lost = evp_origin_lost(&origin);
	evp_origin_release(&origin);
	return status;
}

/* "FROM..TO" */
static int take_range(const char *range, struct evp_query *q, struct evp_err *err)
{
	const char *dots = range ? strstr(range, "..") : NULL;
	int64_t now = evp_now_ns();
	struct evp_str from = { 0 };
	int rc = 0;

	q->from_ns = INT64_MIN;
	q->to_ns = INT64_MAX;
	if (!range)
		return 0;
	if (!dots)
		return evp_fail(err, EINVAL, "'%s' is no range FROM..TO", range);
	evp_str_add(&from, range, (size_t)(dots - range));
	if (from.oom)
		rc = evp_fail_oom(err);
	if (!rc && from.len)
		rc = evp_parse_time(from.buf, now, &q->from_ns, err);
	if (!rc && dots[2])
		rc = evp_parse_time(dots + 2, now, &q->to_ns, err);
	evp_str_release(&from);
	if (!rc && q->from_ns >= q->to_ns)
		rc = evp_fail(err, EINVAL, "'%s': the range is empty", range);
	return rc;
}

int evp_side_query(struct evp_side *s, const char *store, const char *matcher, const char *range)
{
	struct evp_query q = { 0 };
	struct evp_query_info info;
	struct evp_catalog *c = NULL;
	struct evp_err err = { 0 };
	int status, rc = matcher ? evp_selector_parse(&q.selector, matcher, &err) : 0;

	s->name = range ? range : matcher ? matcher : "cpu";
	if (!rc)
		rc = take_range(range, &q, &err);
	if (!rc)
		rc = evp_query_open(&c, store, &q, EVP_QUERY_TYPE, &err);
	if (!rc)
		rc = evp_query_profile(s->profile, &q, c, &info, &err);
	if (!rc)
		s->lost = info.lost_samples;
	status = rc ? evp_error_from(&err) : evp_tell_bad(c, "left out ");
	evp_catalog_close(c);
	evp_selector_free(q.selector);
	return status;
}
