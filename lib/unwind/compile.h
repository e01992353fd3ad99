/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF file -> unwind table, in this process: what the child of compiler.h runs, and tests and
 * benches. The recorder itself never does this to a stranger's file.
 *
 * Sources, in this order, the first that covers an address wins: .eh_frame (found by program header
 * where section headers are stripped), Go's .gopclntab, .debug_frame, the .debug_frame of a separate
 * debug file, then what is known without any: PLTs, .init and .fini, and the entry point, which
 * becomes an EVP_CFA_END row. Only executable segments are covered.
 */
#ifndef EVP_UNWIND_COMPILE_H
#define EVP_UNWIND_COMPILE_H

#include "unwind/debug_file.h"
#include "unwind/elf.h"
#include "unwind/table.h"

/*
 * The file is read with pread, never mapped: it may shrink meanwhile. A separate debug file is
 * looked for where the file itself covers less than half of its code. -ENOEXEC: no ELF file of this
 * machine's architecture; -ENODATA: nothing in it says how to unwind; -EBADMSG: what does is
 * damaged; -E2BIG, -EIO (also: it was cut while it was read), -ENOMEM.
 */
int evp_unwind_compile_fd(int fd, struct evp_unwind_table *ret, struct evp_err *err);
/* The same of an image in memory (the vdso). */
int evp_unwind_compile_image(const void *image, size_t len, struct evp_unwind_table *ret,
			     struct evp_err *err);

/*
 * One step of it, opening nothing. With `debug` -1, *ret_wanted says which separate debug file could
 * cover more (its build_id_len 0 and link empty: none could): then the table, if there is one, may
 * be had better by a second call with that file, as may one where it says -ENODATA.
 */
int evp_unwind_compile_with(int fd, int debug, struct evp_unwind_table *ret,
			    struct evp_debug_file *ret_wanted, struct evp_err *err);

#endif
