/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stream in memory: where a writer puts its bytes, and where a reader takes them from.
 */
#ifndef EVP_TESTS_UNIT_MEMORY_H
#define EVP_TESTS_UNIT_MEMORY_H

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* As evp_writer_opts.sink; arg: the struct evp_str that grows. */
static inline int to_memory(void *arg, const void *bytes, size_t len)
{
	evp_str_add(arg, bytes, len);
	return 0;
}

/* As evp_reader_opts.read; arg: the struct evp_bytes that are left. */
static inline int64_t from_memory(void *arg, void *buf, size_t len)
{
	struct evp_bytes *left = arg;

	if (len > left->len)
		len = left->len;
	memcpy(buf, left->ptr, len);
	left->ptr += len;
	left->len -= len;
	return (int64_t)len;
}

#endif
