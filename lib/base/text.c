// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "base/text.h"

#include <string.h>
#include <time.h>

int evp_parse_u64(const char *text, uint64_t *ret_v)
{
	uint64_t v = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return -ERANGE;
	}
	*ret_v = v;
	return 0;
}

int evp_parse_i64(const char *text, int64_t *ret_v)
{
	bool minus = *text == '-';
	uint64_t v;
	int rc = evp_parse_u64(text + minus, &v);

	if (rc)
		return rc;
	if (v > (uint64_t)INT64_MAX + minus)
		return -ERANGE;
	*ret_v = (int64_t)(minus ? -v : v);
	return 0;
}

/* Digits with an optional fraction, scaled: "1.5" with scale 1e9 is 1500000000. *rest behind it. */
static int parse_scaled(const char *text, size_t digits, uint64_t scale, uint64_t *ret_v)
{
	uint64_t whole = 0, part = 0, unit = scale;
	size_t i;

	for (i = 0; i < digits && text[i] != '.'; i++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(text[i] - '0'), &whole))
			return -ERANGE;
	if (!i)
		return -EINVAL;
	for (i++; i < digits; i++) {
		if (text[i] == '.')
			return -EINVAL;
		unit /= 10;
		part += (uint64_t)(text[i] - '0') * unit;
	}
	if (__builtin_mul_overflow(whole, scale, &whole) ||
	    __builtin_add_overflow(whole, part, ret_v))
		return -ERANGE;
	return 0;
}

struct suffix {
	const char *name;
	uint64_t scale;
};

static int parse_with_suffix(const char *text, const struct suffix *s, uint64_t *ret_v)
{
	size_t digits = strspn(text, "0123456789.");

	for (; s->name; s++)
		if (!strcmp(text + digits, s->name))
			return parse_scaled(text, digits, s->scale, ret_v);
	return -EINVAL;
}

int evp_parse_duration(const char *text, int64_t *ret_ns)
{
	static const struct suffix units[] = {
		{ "", EVP_NSEC },
		{ "s", EVP_NSEC },
		{ "ms", 1000000 },
		{ "us", 1000 },
		{ "ns", 1 },
		{ "m", 60 * EVP_NSEC },
		{ "min", 60 * EVP_NSEC },
		{ "h", 3600 * EVP_NSEC },
		{ "d", 86400 * EVP_NSEC },
		{ "w", 7 * 86400 * EVP_NSEC },
		{ NULL, 0 },
	};
	uint64_t v;
	int rc = parse_with_suffix(text, units, &v);

	if (rc)
		return rc;
	if (v > INT64_MAX)
		return -ERANGE;
	*ret_ns = (int64_t)v;
	return 0;
}

int evp_parse_size(const char *text, uint64_t *ret_bytes)
{
	static const struct suffix units[] = {
		{ "", 1 },	     { "B", 1 },
		{ "K", 1 << 10 },    { "KiB", 1 << 10 },
		{ "M", 1 << 20 },    { "MiB", 1 << 20 },
		{ "G", 1 << 30 },    { "GiB", 1 << 30 },
		{ "T", 1ULL << 40 }, { "TiB", 1ULL << 40 },
		{ NULL, 0 },
	};

	return parse_with_suffix(text, units, ret_bytes);
}

int64_t evp_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * EVP_NSEC + ts.tv_nsec;
}

int64_t evp_now_ns(void)
{
	return evp_clock_ns(CLOCK_REALTIME);
}

/* Exactly n digits into *ret; moves on. */
static bool take_digits(const char **p, int n, int *ret)
{
	int v = 0;

	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = v * 10 + (**p - '0');
	}
	*ret = v;
	return true;
}

static bool take_fraction(const char **p, int64_t *ret_ns)
{
	int64_t unit = EVP_NSEC / 10;
	const char *from;

	*ret_ns = 0;
	if (**p != '.' && **p != ',')
		return true;
	for (from = ++*p; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
		*ret_ns += (**p - '0') * unit;
	return *p > from;
}

/* February has no 30th, though mktime and timegm make it the 2nd of March. */
static bool is_date(int year, int month, int day)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (leap && month == 2);
}

/* "", "Z" or "+hh:mm": seconds east of UTC in *ret_east; false in *ret_local when a zone is given.
 */
static bool take_zone(const char **p, int *ret_east, bool *ret_local)
{
	int h, m, sign;

	*ret_local = !**p;
	*ret_east = 0;
	if (!**p)
		return true;
	if (**p == 'Z' || **p == 'z') {
		(*p)++;
		return true;
	}
	if (**p != '+' && **p != '-')
		return false;
	sign = *(*p)++ == '-' ? -1 : 1;
	if (!take_digits(p, 2, &h))
		return false;
	if (**p == ':')
		(*p)++;
	if (!take_digits(p, 2, &m) || h > 23 || m > 59)
		return false;
	*ret_east = sign * (h * 3600 + m * 60);
	return true;
}

static bool parse_rfc3339(const char *p, int64_t *ret_ns)
{
	struct tm tm = { .tm_isdst = -1 };
	int64_t fraction = 0;
	int east = 0;
	bool local = true;
	time_t t;

	if (!take_digits(&p, 4, &tm.tm_year) || *p++ != '-' || !take_digits(&p, 2, &tm.tm_mon) ||
	    *p++ != '-' || !take_digits(&p, 2, &tm.tm_mday))
		return false;
	if (*p == 'T' || *p == 't' || *p == ' ') {
		p++;
		if (!take_digits(&p, 2, &tm.tm_hour) || *p++ != ':' ||
		    !take_digits(&p, 2, &tm.tm_min))
			return false;
		if (*p == ':') {
			p++;
			if (!take_digits(&p, 2, &tm.tm_sec) || !take_fraction(&p, &fraction))
				return false;
		}
	}
	if (!take_zone(&p, &east, &local) || *p)
		return false;
	if (!is_date(tm.tm_year, tm.tm_mon, tm.tm_mday) || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	t = local ? mktime(&tm) : timegm(&tm) - east;
	if (t <= -9000000000LL || t >= 9000000000LL)
		return false; /* nanoseconds would not fit */
	*ret_ns = (int64_t)t * EVP_NSEC + fraction;
	return true;
}

static int64_t local_midnight(int64_t now_ns, int days)
{
	time_t t = now_ns / EVP_NSEC;
	struct tm tm;

	localtime_r(&t, &tm);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_mday += days;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * EVP_NSEC;
}

int evp_parse_time(const char *text, int64_t now_ns, int64_t *ret_ns, struct evp_err *err)
{
	uint64_t v;
	int64_t back;

	if (!strcmp(text, "now"))
		*ret_ns = now_ns;
	else if (!strcmp(text, "today"))
		*ret_ns = local_midnight(now_ns, 0);
	else if (!strcmp(text, "yesterday"))
		*ret_ns = local_midnight(now_ns, -1);
	else if (text[0] == '-' && !evp_parse_duration(text + 1, &back))
		*ret_ns = now_ns - back;
	else if (text[0] == '@' && text[1 + strspn(text + 1, "0123456789.")] == '\0' &&
		 !parse_scaled(text + 1, strlen(text + 1), EVP_NSEC, &v) && v <= INT64_MAX)
		*ret_ns = (int64_t)v;
	else if (!parse_rfc3339(text, ret_ns))
		return evp_fail(err, EINVAL,
				"'%s' is no time (try 2026-11-21T10:00:00Z, '2026-11-21 10:00', "
				"@1760000000, now, today, yesterday, -2h)",
				text);
	return 0;
}

void evp_format_time(struct evp_str *out, int64_t unix_ns)
{
	int64_t sec = unix_ns / EVP_NSEC, ns = unix_ns % EVP_NSEC;
	time_t t;
	struct tm tm;

	if (ns < 0) {
		ns += EVP_NSEC;
		sec--;
	}
	t = sec;
	gmtime_r(&t, &tm);
	evp_str_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
		       tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (ns % 1000)
		evp_str_printf(out, ".%09d", (int)ns);
	else if (ns % 1000000)
		evp_str_printf(out, ".%06d", (int)(ns / 1000));
	else if (ns)
		evp_str_printf(out, ".%03d", (int)(ns / 1000000));
	evp_str_putc(out, 'Z');
}

size_t evp_utf8_len(const char *text, size_t avail)
{
	const uint8_t *p = (const uint8_t *)text;
	uint32_t c;
	size_t n, i;

	if (!avail)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > avail)
		return 0;
	c = p[0] & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
	    (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	return n;
}

void evp_format_duration(struct evp_str *out, int64_t from_ns, int64_t to_ns)
{
	int64_t ns, minutes, hours, days;

	if (__builtin_sub_overflow(to_ns, from_ns, &ns))
		ns = INT64_MAX;
	minutes = ns / EVP_NSEC / 60;
	hours = minutes / 60;
	days = hours / 24;
	if (minutes < 10)
		evp_str_printf(out, "%.3gs", (double)ns / 1e9);
	else if (hours < 1)
		evp_str_printf(out, "%lldm", (long long)minutes);
	else if (hours < 48)
		evp_str_printf(out, "%lldh", (long long)hours);
	else
		evp_str_printf(out, "%lldd", (long long)days);
	if (hours >= 1 && hours < 48 && minutes % 60)
		evp_str_printf(out, "%lldm", (long long)(minutes % 60));
	if (hours >= 48 && hours % 24)
		evp_str_printf(out, "%lldh", (long long)(hours % 24));
}

static bool plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '\\' && c != ';';
}

void evp_escape(struct evp_str *out, const char *bytes, size_t len)
{
	size_t i = 0, from = 0, n;

	while (i < len) {
		unsigned char c = (unsigned char)bytes[i];

		if (plain(c)) {
			i++;
			continue;
		}
		n = c >= 0x80 ? evp_utf8_len(bytes + i, len - i) : 0;
		if (n) {
			i += n;
			continue;
		}
		evp_str_add(out, bytes + from, i - from);
		if (c == '\\' || c == ';')
			evp_str_add(out, (const char[]){ '\\', (char)c }, 2);
		else if (c == '\n')
			evp_str_add(out, "\\n", 2);
		else
			evp_str_printf(out, "\\x%02x", c);
		from = ++i;
	}
	evp_str_add(out, bytes + from, len - from);
}

void evp_unescape(struct evp_str *out, const char *text, size_t len)
{
	size_t i, from = 0;

	for (i = 0; i < len; i++) {
		char c;
		size_t n = 2;

		if (text[i] != '\\' || i + 1 >= len)
			continue;
		if (text[i + 1] == '\\' || text[i + 1] == ';')
			c = text[i + 1];
		else if (text[i + 1] == 'n')
			c = '\n';
		else if (text[i + 1] == 'x' && i + 3 < len && evp_hex_digit(text[i + 2]) >= 0 &&
			 evp_hex_digit(text[i + 3]) >= 0) {
			c = (char)(evp_hex_digit(text[i + 2]) << 4 | evp_hex_digit(text[i + 3]));
			n = 4;
		} else
			continue;
		evp_str_add(out, text + from, i - from);
		evp_str_putc(out, c);
		i += n - 1;
		from = i + 1;
	}
	evp_str_add(out, text + from, len - from);
}

size_t evp_text_columns(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

size_t evp_folded_frame(const char *text, size_t len, const char **ret_rest)
{
	const char *p = text, *end = text + len, *semi;

	while ((semi = memchr(p, ';', (size_t)(end - p)))) {
		const char *back = semi;

		while (back > text && back[-1] == '\\')
			back--;
		if ((semi - back) % 2 == 0) {
			*ret_rest = semi + 1;
			return (size_t)(semi - text);
		}
		p = semi + 1;
	}
	*ret_rest = NULL;
	return len;
}
