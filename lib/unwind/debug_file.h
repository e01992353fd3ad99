/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a program's separate debug file lies, below /usr/lib/debug: by build ID
 * (.build-id/ab/cdef.debug), else by the name that .gnu_debuglink gives, in the folder of the
 * program. (gdb's manual, "Debugging Information in Separate Files".)
 */
#ifndef EVP_UNWIND_DEBUG_FILE_H
#define EVP_UNWIND_DEBUG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct evp_debug_file {
	uint8_t build_id[64];
	uint32_t build_id_len; /* 0: unknown */
	char link[256];	       /* .gnu_debuglink's name; "": none */
};

/* Whether there is anything to look for. */
bool evp_debug_file_wanted(const struct evp_debug_file *f);

/*
 * Opens it for the program that is open as `fd`; the caller's descriptor, or -ENOENT. It is a
 * regular file, but nobody has looked yet whether it is the right one. `f` may be hostile.
 */
int evp_debug_file_open(const struct evp_debug_file *f, int fd);

#endif
