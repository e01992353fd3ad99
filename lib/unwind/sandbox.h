/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process gives up before it reads strangers' files: its session, descriptors, capabilities,
 * the gain of privileges, memory past a limit, and, where the kernel filters system calls, every one
 * that computing, reading, and answering over a socket do not need. There is no way back.
 */
#ifndef EVP_UNWIND_SANDBOX_H
#define EVP_UNWIND_SANDBOX_H

#include <stdint.h>
#include <sys/types.h>

#define EVP_SANDBOX_FD 3 /* the one descriptor that stays open */

struct evp_sandbox {
	pid_t parent;	   /* the process ends with this one */
	uint64_t max_heap; /* bytes of private memory */
	uint64_t max_file; /* bytes of a file that it writes */
	const char *name;  /* as ps shows it */
};

/* Keeps `fd`, as EVP_SANDBOX_FD. 0 or -errno: then the process should end. */
int evp_sandbox_enter(const struct evp_sandbox *s, int fd);

#endif
