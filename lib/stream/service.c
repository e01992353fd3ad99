// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "stream/service.h"

#include <string.h>

#include "base/text.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(const struct evp_bytes *s)
{
	for (size_t i = 0; i < s->len; i++)
		if (!is_digit(s->ptr[i]) && !(s->ptr[i] >= 'a' && s->ptr[i] <= 'f'))
			return false;
	return s->len >= 12;
}

/* "123e4567-e89b-12d3-a456-426614174000", or the same without dashes. */
static bool is_uid(const struct evp_bytes *s)
{
	if (s->len != 36)
		return is_hex(s);
	for (size_t i = 0; i < s->len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s->ptr[i] != '-'
			 : !is_digit(s->ptr[i]) && !(s->ptr[i] >= 'a' && s->ptr[i] <= 'f'))
			return false;
	}
	return true;
}

/* "nginx@1.service" -> "nginx" */
static struct evp_bytes unit_stem(struct evp_bytes unit)
{
	const char *dot, *at;

	if (!unit.len)
		return unit;
	dot = memrchr(unit.ptr, '.', unit.len);
	if (dot && dot > unit.ptr)
		unit.len = (size_t)(dot - unit.ptr);
	at = memchr(unit.ptr, '@', unit.len);
	if (at && at > unit.ptr)
		unit.len = (size_t)(at - unit.ptr);
	return unit;
}

/* A pod name's last component, where it looks made up: "-7b8dc", "-3cd120b5", "-0". */
static size_t strip_component(const char *pod, size_t len)
{
	size_t i = len, digits = 0;

	for (; i > 0 && pod[i - 1] != '-'; i--) {
		bool digit = is_digit(pod[i - 1]);

		if (!digit && !(pod[i - 1] >= 'a' && pod[i - 1] <= 'z'))
			return len;
		digits += digit;
	}
	if (i < 2 || (digits != len - i && (len - i < 5 || len - i > 10 || !digits)))
		return len;
	return i - 1;
}

static struct evp_bytes pod_stem(struct evp_bytes pod)
{
	size_t len = strip_component(pod.ptr, pod.len);

	pod.len = len == pod.len ? len : strip_component(pod.ptr, len);
	return pod;
}

static struct evp_bytes base_name(struct evp_bytes path)
{
	const char *slash = path.len ? memrchr(path.ptr, '/', path.len) : NULL;

	if (slash) {
		path.len -= (size_t)(slash + 1 - path.ptr);
		path.ptr = slash + 1;
	}
	return path;
}

struct evp_bytes evp_service_name(const struct evp_service_from *from)
{
	struct evp_bytes stem = unit_stem(from->unit), exe = base_name(from->exe);

	if (stem.len)
		return stem;
	if (from->container.len && !is_hex(&from->container))
		return from->container;
	if (from->pod.len && !is_uid(&from->pod))
		return pod_stem(from->pod);
	return exe.len ? exe : from->comm;
}
