/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two profiles side by side: the functions of both with their sample counts.
 *
 * A function is its name, the base name of its module and the base name of its source file; its
 * address plays no part, so that two builds can be compared. Marks that compilers add to a name
 * (".isra.0", ".cold", Rust's "::h<hash>") are taken off. A function that only one side knows is paired
 * with one of the same name that only the other side knows, if either is the only such one: a renamed
* program, or one side without debug info. Code without symbols is one function a module.
 *
 * Samples in interrupts are left out unless asked for: they are what some device made of the CPU
 * at that moment, come in bursts, and are on the stack of whatever they interrupted.
 */
#ifndef EVP_DIFF_TABLE_H
#define EVP_DIFF_TABLE_H

#include "diff/stats.h"
#include "profile/profile.h"

/* What profiles to be compared must be made with. */
#define EVP_DIFF_PROFILE_FLAGS (EVP_PROFILE_MODULES | EVP_PROFILE_LINES | EVP_PROFILE_KINDS)

struct evp_diff_name {
	struct evp_bytes name, module, file; /* never NULL, empty where unknown */
};

/* Sorted by name, module, file. */
struct evp_diff_table {
	struct evp_diff_counts *counts;
	struct evp_diff_name *name;
	size_t n, cap, cname;
	int64_t total[2];      /* of what is compared */
	int64_t interrupts[2]; /* left out */
	struct evp_arena arena;
};

/* side[0] is the base. 0; -EINVAL: an event without a count of samples, or two different ones. */
int evp_diff_table(struct evp_diff_table *ret_t, const struct evp_profile *const side[2],
		   bool interrupts, struct evp_err *err);
void evp_diff_table_release(struct evp_diff_table *t);

/* Is a kernel function of this name where an interrupt (not a fault, not a system call) begins? */
bool evp_diff_is_interrupt(const char *name, size_t len);

/* Length of `name` without what compilers add at its end. */
size_t evp_diff_name_len(const char *name, size_t len);

#endif
