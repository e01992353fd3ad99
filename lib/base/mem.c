// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "base/mem.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((uintptr_t)2 << 20)

/*
 * A page fault costs about as much as filling its page: arrays of many megabytes ask for huge
 * pages, for which most systems wait to be asked. No harm where there are none.
 */
static void prefer_huge_pages(void *p, size_t bytes)
{
	uintptr_t from = ((uintptr_t)p + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	uintptr_t to = ((uintptr_t)p + bytes) & ~(HUGE_PAGE - 1);

	if (bytes >= 2 * HUGE_PAGE && from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
}

#define HEAP_STEP (64 << 20) /* of addresses: memory is taken as it is touched */

void evp_heap_prefer_huge_pages(void)
{
	char *heap;

	if (!mallopt(M_TOP_PAD, HEAP_STEP) || !mallopt(M_TRIM_THRESHOLD, 4 * HEAP_STEP) ||
	    !mallopt(M_MMAP_THRESHOLD, 32 << 20))
		return;
	heap = malloc(1 << 20); /* more than is left at the top: the heap has to grow now */
	if (heap)
		prefer_huge_pages(heap, HEAP_STEP);
	free(heap);
}

int evp_grow_(void **ptr, size_t *cap, size_t need, size_t elem)
{
	size_t n = *cap;
	void *p;

	if (need <= n)
		return 0;
	n = n ? n * 2 : 16;
	if (n < need)
		n = need;
	if (n > SIZE_MAX / 2 / elem)
		return -ENOMEM;
	p = realloc(*ptr, n * elem);
	if (!p)
		return -ENOMEM;
	prefer_huge_pages(p, n * elem);
	*ptr = p;
	*cap = n;
	return 0;
}

#define ARENA_CHUNK (256u << 10)

struct evp_arena_chunk {
	struct evp_arena_chunk *next;
	size_t size;
	char data[] __attribute__((aligned(16)));
};

static int arena_chunk(struct evp_arena *a, size_t size)
{
	size_t want = size > ARENA_CHUNK / 4 ? size : ARENA_CHUNK;
	struct evp_arena_chunk *c;

	if (want > SIZE_MAX / 2)
		return -ENOMEM;
	c = malloc(sizeof(*c) + want);
	if (!c)
		return -ENOMEM;
	c->size = want;
	if (want == size && a->chunk) {
		/* A big one of its own goes behind the current chunk, whose rest stays usable. */
		c->next = a->chunk->next;
		a->chunk->next = c;
		return 1;
	}
	c->next = a->chunk;
	a->chunk = c;
	a->at = c->data;
	a->end = c->data + want;
	return 0;
}

static void *arena_take(struct evp_arena *a, size_t size, size_t align)
{
	char *p = (char *)(((uintptr_t)a->at + align - 1) & ~(uintptr_t)(align - 1));
	int rc;

	a->bytes += size;
	if (a->at && p <= a->end && size <= (size_t)(a->end - p)) {
		a->at = p + size;
		return p;
	}
	rc = arena_chunk(a, size);
	if (rc < 0)
		return NULL;
	if (rc == 1)
		return a->chunk->next->data;
	p = a->at;
	a->at += size;
	return p;
}

void *evp_arena_alloc(struct evp_arena *a, size_t size)
{
	return arena_take(a, size, 8);
}

void *evp_arena_bytes(struct evp_arena *a, size_t size)
{
	return arena_take(a, size, 1);
}

char *evp_arena_dup(struct evp_arena *a, const void *bytes, size_t len)
{
	char *p = evp_arena_bytes(a, len + 1);

	if (!p)
		return NULL;
	if (len)
		memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}

void evp_arena_release(struct evp_arena *a)
{
	struct evp_arena_chunk *c = a->chunk, *next;

	for (; c; c = next) {
		next = c->next;
		free(c);
	}
	*a = (struct evp_arena){ 0 };
}

char *evp_str_reserve(struct evp_str *s, size_t len)
{
	if (s->oom || len > SIZE_MAX / 4 || evp_grow(&s->buf, &s->cap, s->len + len + 1, 1)) {
		s->oom = true;
		return NULL;
	}
	return s->buf + s->len;
}

void evp_str_add(struct evp_str *s, const void *bytes, size_t len)
{
	char *p = evp_str_reserve(s, len);

	if (!p)
		return;
	if (len)
		memcpy(p, bytes, len);
	p[len] = '\0';
	s->len += len;
}

void evp_str_puts(struct evp_str *s, const char *text)
{
	evp_str_add(s, text, strlen(text));
}

void evp_str_putc(struct evp_str *s, char c)
{
	evp_str_add(s, &c, 1);
}

void evp_str_u64(struct evp_str *s, uint64_t v)
{
	char tmp[20], *p = tmp + sizeof(tmp);

	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	evp_str_add(s, p, (size_t)(tmp + sizeof(tmp) - p));
}

void evp_str_i64(struct evp_str *s, int64_t v)
{
	if (v < 0)
		evp_str_putc(s, '-');
	evp_str_u64(s, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void evp_str_printf(struct evp_str *s, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !(p = evp_str_reserve(s, (size_t)n))) {
		s->oom = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	s->len += (size_t)n;
}

void evp_str_clear(struct evp_str *s)
{
	s->len = 0;
	if (s->buf)
		s->buf[0] = '\0';
}

void evp_str_release(struct evp_str *s)
{
	free(s->buf);
	*s = (struct evp_str){ 0 };
}
