/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF file -> unwind table, in a child without privileges, because the file is a stranger's.
 *
 * The child is forked once, has no capabilities, no new privileges, bounded memory and CPU time,
 * and no descriptors but its socket. A file goes in as a descriptor, the table comes out in a memfd
 * sealed by the child, whose every index the parent checks. A child that dies or takes too long is
 * replaced; its file is given up with the reason in `err`.
 */
#ifndef EVP_UNWIND_COMPILER_H
#define EVP_UNWIND_COMPILER_H

#include "unwind/compile.h"

struct evp_compiler;

/* Starts nothing yet: the child is forked at the first file. */
int evp_compiler_new(struct evp_compiler **ret, struct evp_err *err);
/* Blocks until the table is there, a second at most. -ETIMEDOUT, -ECHILD (it died), else as above. */
int evp_compiler_table(struct evp_compiler *c, int fd, struct evp_unwind_table *ret,
		       struct evp_err *err);
void evp_compiler_free(struct evp_compiler *c); /* NULL too; ends the child */

#endif
