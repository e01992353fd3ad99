/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sums of counts from outside: past the range of int64_t they stay at its end, so that a lie about
 * 2^63 lost samples does not turn into a negative number.
 */
#ifndef EVP_BASE_SUM_H
#define EVP_BASE_SUM_H

#include <stdint.h>

static inline int64_t evp_sum(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return a < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

#endif
