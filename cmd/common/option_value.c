// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/common/option_value.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/text.h"

static bool within(const struct evp_opt *o, double v)
{
	return o->max <= 0 || (v >= o->min && v <= o->max);
}

static int out_of_range(const struct evp_opt *o, struct evp_err *err)
{
	return evp_fail(err, EINVAL, "is not within %.10g to %.10g", o->min, o->max);
}

static int set_u64(const struct evp_opt *o, const char *arg, struct evp_err *err)
{
	uint64_t v;
	int rc = evp_parse_u64(arg, &v);

	if (rc == -EINVAL)
		return evp_fail(err, EINVAL, "is not a whole number");
	if (rc && o->max <= 0)
		return evp_fail(err, EINVAL, "is too large");
	if (rc || !within(o, (double)v))
		return out_of_range(o, err);
	*(uint64_t *)o->dest = v;
	return 0;
}

static int set_f64(const struct evp_opt *o, const char *arg, struct evp_err *err)
{
	char *end;
	double v = strtod(arg, &end);

	if (end == arg || *end || v != v)
		return evp_fail(err, EINVAL, "is not a number");
	if (!within(o, v))
		return out_of_range(o, err);
	*(double *)o->dest = v;
	return 0;
}

static int set_duration(const struct evp_opt *o, const char *arg, struct evp_err *err)
{
	struct evp_str range = { 0 };
	int64_t ns;
	int rc;

	if (evp_parse_duration(arg, &ns))
		return evp_fail(err, EINVAL, "is no duration (try 10, 1.5s, 200ms, 5m)");
	if (within(o, (double)ns)) {
		*(int64_t *)o->dest = ns;
		return 0;
	}
	evp_format_duration(&range, 0, (int64_t)o->min);
	evp_str_puts(&range, " to ");
	evp_format_duration(&range, 0, (int64_t)o->max);
	rc = range.oom ? -ENOMEM : evp_fail(err, EINVAL, "is not within %s", range.buf);
	evp_str_release(&range);
	return rc;
}

static int add_text(struct evp_texts *to, const char *arg)
{
	if (evp_grow(&to->item, &to->cap, to->n + 1, sizeof(*to->item)))
		return -ENOMEM;
	to->item[to->n++] = arg;
	return 0;
}

static int add_ordered(struct evp_ordered *to, const char *name, const char *arg)
{
	if (evp_grow(&to->item, &to->cap, to->n + 1, sizeof(*to->item)))
		return -ENOMEM;
	to->item[to->n++] = (struct evp_ordered_item){ name, arg };
	return 0;
}

int evp_opt_set(const struct evp_opt *o, const char *arg, struct evp_err *err)
{
	switch (o->type) {
	case EVP_FLAG:
		*(bool *)o->dest = true;
		return 0;
	case EVP_TEXT:
		*(const char **)o->dest = arg;
		return 0;
	case EVP_TEXTS:
		return add_text(o->dest, arg);
	case EVP_ORDERED:
		return add_ordered(o->dest, o->name, arg);
	case EVP_U64:
		return set_u64(o, arg, err);
	case EVP_F64:
		return set_f64(o, arg, err);
	case EVP_DURATION:
		return set_duration(o, arg, err);
	case EVP_SIZE:
		return evp_parse_size(arg, o->dest)
			       ? evp_fail(err, EINVAL, "is no size (try 4096, 64K, 10M)")
			       : 0;
	}
	return 0;
}
