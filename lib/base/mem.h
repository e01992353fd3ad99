/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory: growing arrays, an arena, a string buffer.
 */
#ifndef EVP_BASE_MEM_H
#define EVP_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVP_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Makes room for `need` elements in a malloc'ed array (*ptr may be NULL with *cap 0), at least
 * doubling it. 0, or -ENOMEM with array and capacity untouched.
 *
 *	if (evp_grow(&v->items, &v->cap, v->n + 1, sizeof(*v->items)))
 *		return -ENOMEM;
 */
#define evp_grow(ptr, cap, need, elem)                                                             \
	((need) <= *(cap) ? 0 : evp_grow_((void **)(ptr), (cap), (need), (elem)))
int evp_grow_(void **ptr, size_t *cap, size_t need, size_t elem);

/*
 * For a program that is about to fill tens of megabytes and end: the heap grows in large steps and
 * asks for huge pages, which saves thousands of page faults. Costs up to 2 MiB of memory. Call it
 * first.
 */
void evp_heap_prefer_huge_pages(void);

/*
 * Arena: many small allocations that die together. Addresses stay valid until release or reset.
 * A zeroed struct is an empty arena.
 */
struct evp_arena {
	struct evp_arena_chunk *chunk; /* newest first */
	char *at, *end;
	size_t bytes; /* handed out, all chunks together */
};

void *evp_arena_alloc(struct evp_arena *a,
		      size_t size); /* 8-byte aligned, not zeroed; NULL: no memory */
void *evp_arena_bytes(struct evp_arena *a, size_t size); /* the same without alignment, for text */
char *evp_arena_dup(struct evp_arena *a, const void *bytes, size_t len); /* with a NUL behind it */
void evp_arena_release(struct evp_arena *a);

/*
 * A growing byte buffer. Always NUL-terminated once anything was added, though it may hold NULs.
 * Out of memory is sticky: additions become no-ops and `oom` stays set, so that a caller may add
 * many things and look once. A zeroed struct is an empty buffer.
 */
struct evp_str {
	char *buf;
	size_t len, cap;
	bool oom;
};

void evp_str_add(struct evp_str *s, const void *bytes, size_t len);
void evp_str_puts(struct evp_str *s, const char *text);
void evp_str_putc(struct evp_str *s, char c);
void evp_str_u64(struct evp_str *s, uint64_t v); /* decimal, without printf's cost */
void evp_str_i64(struct evp_str *s, int64_t v);
__attribute__((format(printf, 2, 3))) void evp_str_printf(struct evp_str *s, const char *fmt, ...);
/* Room for `len` more bytes; returns where to write them (then add to s->len), NULL: no memory. */
char *evp_str_reserve(struct evp_str *s, size_t len);
void evp_str_clear(struct evp_str *s); /* length 0, memory and oom mark kept */
void evp_str_release(struct evp_str *s);

#endif
