/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the compiler and its child say to each other over a SOCK_SEQPACKET pair. Both are one
 * program, so a message is a struct. Private to this room.
 *
 * A question comes with the file's descriptor, or that and a separate debug file's. An answer comes,
 * where rc is 0, with a memfd of `table.nwords` words.
 */
#ifndef EVP_UNWIND_COMPILER_WIRE_H
#define EVP_UNWIND_COMPILER_WIRE_H

#include <stdint.h>
#include <sys/types.h>

#include "unwind/debug_file.h"
#include "unwind/table.h"

#define EVP_COMPILER_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

struct evp_compiler_question {
	uint32_t number; /* the answer's is the same */
};

struct evp_compiler_answer {
	uint32_t number;
	int32_t rc;				      /* 0 or -errno */
	struct evp_unwind_table table;		      /* its `word` NULL */
	struct evp_debug_file wanted;		      /* would it help to see this file too? */
	uint64_t cpu_ns;			      /* used by the child so far */
	char why[sizeof(((struct evp_err *)0)->msg)]; /* of rc */
};

/* One message with up to two descriptors. 0 or -errno. */
int evp_compiler_send(int sock, const void *msg, size_t len, const int *fd, size_t nfds);
/*
 * One message of exactly `len` bytes; up to two descriptors in fd[], the caller's, *ret_nfds of
 * them also where it fails. 0; -EAGAIN; -EPIPE: the other end is closed; -EBADMSG, -errno.
 */
int evp_compiler_receive(int sock, void *msg, size_t len, int fd[2], size_t *ret_nfds, int flags);

/* The child's life, after fork: never returns. */
_Noreturn void evp_compiler_child(int sock, pid_t parent);

#endif
