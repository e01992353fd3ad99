/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text: strict numbers, durations, sizes and times as options spell them, and the one reversible
 * escape that folded output and the store share (evp-store(5), "ESCAPES").
 */
#ifndef EVP_BASE_TEXT_H
#define EVP_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"

#define EVP_NSEC 1000000000LL

/* Decimal, the whole string, nothing else: "99abc", "", "+5", " 5" fail. 0, -EINVAL, -ERANGE. */
int evp_parse_u64(const char *text, uint64_t *ret_v);
int evp_parse_i64(const char *text, int64_t *ret_v); /* a leading '-' allowed */

/* "90" and "90s", "1.5s", "200ms", "10us", "5m", "2h", "14d", "1w" -> nanoseconds. Never negative.
 */
int evp_parse_duration(const char *text, int64_t *ret_ns);

/* "4096", "64K", "64KiB", "10M", "5G" (powers of 1024) -> bytes. */
int evp_parse_size(const char *text, uint64_t *ret_bytes);

/*
 * A point in time -> unix nanoseconds: RFC 3339 ("2026-11-21T10:00:00Z", with offset; a space for
 * the T, seconds, or the whole time of day may be missing; without a zone local time),
 * "@1760000000" (a fraction allowed), "now", "today", "yesterday" (local midnight), "-2h" (before
 * `now_ns`).
 */
int evp_parse_time(const char *text, int64_t now_ns, int64_t *ret_ns, struct evp_err *err);

/* "2026-11-21T10:00:00Z", with as many decimals as needed (0, 3, 6 or 9). */
void evp_format_time(struct evp_str *out, int64_t unix_ns);

/* The time between for people: "0.25s", "6.5s", "90s", "15m", "1h30m", "24h", "9d6h". */
void evp_format_duration(struct evp_str *out, int64_t from_ns, int64_t to_ns);

/* The second that holds this time: what a heading shows. */
static inline int64_t evp_whole_second(int64_t unix_ns)
{
	int64_t rest = unix_ns % EVP_NSEC;

	return unix_ns - (rest < 0 ? rest + EVP_NSEC : rest);
}

int64_t evp_clock_ns(clockid_t clock); /* of clock_gettime(2) */
int64_t evp_now_ns(void);	       /* CLOCK_REALTIME */

/*
 * The escape: '\' -> "\\", ';' -> "\;", newline -> "\n", other control bytes (below 0x20, 0x7f)
 * and bytes that are not valid UTF-8 -> "\xHH" (lower case). Everything else stays as it is, so
 * most names come through unchanged. The result is valid UTF-8 on one line.
 */
void evp_escape(struct evp_str *out, const char *bytes, size_t len);

/* '0' to '9', 'a' to 'f': 0 to 15; others -1. */
static inline int evp_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The reverse; an unknown or cut escape stays as it stands. */
void evp_unescape(struct evp_str *out, const char *text, size_t len);

/* Length of the valid UTF-8 sequence at p (1-4), 0 where there is none. */
size_t evp_utf8_len(const char *p, size_t avail);

/* Columns that text takes on a terminal: one a character, close enough for names. */
size_t evp_text_columns(const char *s, size_t len);

/*
 * Takes the next frame off folded text: up to an unescaped ';' or the end. Returns its length and
 * sets *ret_rest behind the ';' (NULL at the end).
 */
size_t evp_folded_frame(const char *text, size_t len, const char **ret_rest);

#endif
