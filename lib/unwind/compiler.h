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

#include "unwind/table.h"

/*
 * Compiles in this process; what the child calls, and tests and benches. Sources, in this order,
 * the first that covers an address wins: .eh_frame (found by program header where section headers
 * are stripped), .debug_frame (of the file, else of its .gnu_debuglink file below /usr/lib/debug),
 * .gopclntab; the entry point, if none covers it, becomes an EVP_CFA_END row. The file is read
 * with pread, never mapped: it may shrink meanwhile. -ENOEXEC: no ELF file of this machine's
 * architecture; -ENODATA: nothing in it says how to unwind; -EBADMSG, -E2BIG, -EIO, -ENOMEM.
 */
int evp_unwind_compile_fd(int fd, struct evp_unwind_table *ret, struct evp_err *err);
/* The same of an image in memory (the vdso). */
int evp_unwind_compile_image(const void *image, size_t len, struct evp_unwind_table *ret,
			     struct evp_err *err);

struct evp_compiler;

/* Starts nothing yet: the child is forked at the first file. */
int evp_compiler_new(struct evp_compiler **ret, struct evp_err *err);
/* Blocks until the table is there, a second at most. -ETIMEDOUT, -ECHILD (it died), else as above. */
int evp_compiler_table(struct evp_compiler *c, int fd, struct evp_unwind_table *ret,
		       struct evp_err *err);
void evp_compiler_free(struct evp_compiler *c); /* NULL too; ends the child */

#endif
