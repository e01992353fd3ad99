/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kernel text that comes and goes: BPF programs, trampolines. A set of address ranges without
 * overlap; who comes later takes the place of what was there. Ranges whose end nobody told
 * (kallsyms has none) end at the next one, at the latest after 128 KiB.
 *
 * A range that was unregistered stays until its place is taken or memory is short, so that samples
 * taken before still find it. A zeroed struct is empty.
 */
#ifndef EVP_RECORD_KERNEL_DYNAMIC_H
#define EVP_RECORD_KERNEL_DYNAMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVP_KERNEL_DYNAMIC_MAX 65536u

struct evp_kernel_range {
	uint64_t start, end;
	uint32_t name;			  /* the caller's id */
	bool is_bpf, is_gone, is_guessed; /* guessed: the end is */
};

struct evp_kernel_dynamic {
	struct evp_kernel_range *item; /* by address */
	size_t n, cap;
};

/* len 0: unknown. 0, -EINVAL for a range past the end of addresses, -ENOSPC, -ENOMEM. */
int evp_kernel_dynamic_put(struct evp_kernel_dynamic *d, uint64_t start, uint64_t len,
			   uint32_t name, bool is_bpf);
void evp_kernel_dynamic_gone(struct evp_kernel_dynamic *d, uint64_t start);
const struct evp_kernel_range *evp_kernel_dynamic_find(const struct evp_kernel_dynamic *d,
						       uint64_t addr); /* or NULL */
void evp_kernel_dynamic_release(struct evp_kernel_dynamic *d);

#endif
