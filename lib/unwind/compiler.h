/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF file -> unwind table, in a child without privileges, because the file is a stranger's.
 *
 * The child has no capabilities, no new privileges, bounded memory, no descriptors but its socket,
 * and no system call that opens a path. A file goes in as a descriptor, the table comes out in a memfd
 * sealed by the child, whose every index the parent checks. A child that dies or takes too long is
 * replaced; its file is given up with the reason in `err`. It is no one else's business: it is
 * waited for by its pid, a tenth of a second (one that waits for a file's server may not be able to
 * die, and is looked after later), and is in a session of its own, so that the terminal's signals
 * pass it by.
 */
#ifndef EVP_UNWIND_COMPILER_H
#define EVP_UNWIND_COMPILER_H

#include "unwind/compile.h"

#define EVP_COMPILER_MS 5000 /* for a file: a starved machine takes its time */

struct evp_compiler;

/*
 * Forks the child. Best before the process has grown: it inherits what there is, and a fork is the
 * cheaper the less that is. (Later ones are forked from the process as it is, but they are rare.)
 */
int evp_compiler_new(struct evp_compiler **ret, struct evp_err *err);

/*
 * Blocks until the table is there, EVP_COMPILER_MS at most; `meanwhile` (may be NULL) is called
 * every 20 ms. The errors of evp_unwind_compile_fd; -ETIMEDOUT, -ECHILD: it took too long, it died
 * over the file; -EAGAIN, -ENOMEM: no child to be had; -EBUSY: `meanwhile` must not call this.
 */
int evp_compiler_table(struct evp_compiler *c, int fd, void (*meanwhile)(void *arg), void *arg,
		       struct evp_unwind_table *ret, struct evp_err *err);

/* CPU time that the children used, which getrusage does not say while they live. */
uint64_t evp_compiler_cpu_ns(const struct evp_compiler *c);

void evp_compiler_free(struct evp_compiler *c); /* NULL too; ends the child */

#endif
