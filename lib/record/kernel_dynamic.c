// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/kernel_dynamic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define GUESS_BYTES (128u << 10)

/* Index of the first range that starts at or behind addr. */
static size_t lower_bound(const struct evp_kernel_dynamic *d, uint64_t addr)
{
	size_t lo = 0, hi = d->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (d->item[mid].start < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void drop_gone(struct evp_kernel_dynamic *d)
{
	size_t i, n = 0;

	for (i = 0; i < d->n; i++)
		if (!d->item[i].is_gone)
			d->item[n++] = d->item[i];
	d->n = n;
}

static void take_out(struct evp_kernel_dynamic *d, size_t at, size_t n)
{
	memmove(d->item + at, d->item + at + n, (d->n - at - n) * sizeof(*d->item));
	d->n -= n;
}

/*
 * Makes room for [r->start, r->end) at index `at`: ranges inside go, one that reaches into it from
 * below is cut. A guessed end gives way to a later range instead.
 */
static void clear_place(struct evp_kernel_dynamic *d, size_t at, struct evp_kernel_range *r)
{
	size_t n = 0;

	if (at && d->item[at - 1].end > r->start)
		d->item[at - 1].end = r->start;
	if (r->is_guessed && at < d->n && d->item[at].start == r->start)
		n = 1;
	while (!r->is_guessed && at + n < d->n && d->item[at + n].start < r->end)
		n++;
	take_out(d, at, n);
	if (at < d->n && d->item[at].start < r->end)
		r->end = d->item[at].start;
}

int evp_kernel_dynamic_put(struct evp_kernel_dynamic *d, uint64_t start, uint64_t len,
			   uint32_t name, bool is_bpf)
{
	struct evp_kernel_range r = {
		.start = start, .name = name, .is_bpf = is_bpf, .is_guessed = !len
	};
	size_t at;

	if (!len)
		len = UINT64_MAX - start < GUESS_BYTES ? UINT64_MAX - start : GUESS_BYTES;
	if (!len || len > UINT64_MAX - start)
		return -EINVAL;
	r.end = start + len;
	if (d->n >= EVP_KERNEL_DYNAMIC_MAX)
		drop_gone(d);
	if (d->n >= EVP_KERNEL_DYNAMIC_MAX)
		return -ENOSPC;
	if (evp_grow(&d->item, &d->cap, d->n + 1, sizeof(*d->item)))
		return -ENOMEM;
	at = lower_bound(d, start);
	/* What the kernel told with its length is better than the same without. */
	if (r.is_guessed && at < d->n && d->item[at].start == start && !d->item[at].is_gone &&
	    d->item[at].name == name)
		return 0;
	clear_place(d, at, &r);
	memmove(d->item + at + 1, d->item + at, (d->n - at) * sizeof(*d->item));
	d->item[at] = r;
	d->n++;
	return 0;
}

void evp_kernel_dynamic_gone(struct evp_kernel_dynamic *d, uint64_t start)
{
	size_t at = lower_bound(d, start);

	if (at < d->n && d->item[at].start == start)
		d->item[at].is_gone = true;
}

const struct evp_kernel_range *evp_kernel_dynamic_find(const struct evp_kernel_dynamic *d,
						       uint64_t addr)
{
	size_t at = lower_bound(d, addr);

	if (at < d->n && d->item[at].start == addr)
		return &d->item[at];
	if (!at || addr >= d->item[at - 1].end)
		return NULL;
	return &d->item[at - 1];
}

void evp_kernel_dynamic_release(struct evp_kernel_dynamic *d)
{
	free(d->item);
	*d = (struct evp_kernel_dynamic){ 0 };
}
