// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <fcntl.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "unwind/compile.h"
#include "unwind/compiler_wire.h"
#include "unwind/sandbox.h"

#define MAX_HEAP ((uint64_t)1 << 30)

int evp_compiler_send(int sock, const void *msg, size_t len, const int *fd, size_t nfds)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)msg, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (nfds) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fd, nfds * sizeof(int));
	}
	do {
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int evp_compiler_receive(int sock, void *msg, size_t len, int fd[2], size_t *ret_nfds, int flags)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = msg, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	ssize_t n;

	*ret_nfds = 0;
	do {
		n = recvmsg(sock, &m, flags | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		*ret_nfds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fd, CMSG_DATA(c), *ret_nfds * sizeof(int));
	}
	if (!n)
		return -EPIPE;
	return (size_t)n != len || m.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EBADMSG : 0;
}

/* ---- the child ---- */

/* The words in a file that nobody can change any more; its descriptor or -errno. */
static int seal(const struct evp_unwind_table *t)
{
	int fd = memfd_create("evp-unwind", MFD_CLOEXEC | MFD_ALLOW_SEALING), rc;

	if (fd < 0)
		return -errno;
	rc = evp_write_all(fd, t->word, (size_t)t->nwords * sizeof(*t->word));
	if (!rc && fcntl(fd, F_ADD_SEALS, EVP_COMPILER_SEALS) < 0)
		rc = -errno;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static int answer(int sock, uint32_t number, const int *fd, size_t nfds)
{
	struct evp_compiler_answer a = { .number = number };
	struct evp_unwind_table table = { 0 };
	struct evp_err err = { 0 };
	int out = -1, rc;

	a.rc = evp_unwind_compile_with(fd[0], nfds > 1 ? fd[1] : -1, &table, &a.wanted, &err);
	if (a.rc) {
		memcpy(a.why, err.msg, sizeof(a.why));
	} else {
		a.table = table;
		a.table.word = NULL;
		out = seal(&table);
		if (out < 0)
			a.rc = out;
	}
	evp_unwind_table_release(&table);
	malloc_trim(0); /* the next file may be hours away */
	a.cpu_ns = (uint64_t)evp_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	rc = evp_compiler_send(sock, &a, sizeof(a), &out, out >= 0);
	if (out >= 0)
		close(out);
	return rc;
}

_Noreturn void evp_compiler_child(int sock, pid_t parent)
{
	const struct evp_sandbox sandbox = {
		.parent = parent,
		.max_heap = MAX_HEAP,
		.max_file = EVP_UNWIND_MAX_WORDS * sizeof(uint32_t),
		.name = "evp-unwind",
	};
	struct evp_compiler_question q;
	size_t nfds, i;
	int fd[2], rc = evp_sandbox_enter(&sandbox, sock);

	while (!rc) {
		rc = evp_compiler_receive(EVP_SANDBOX_FD, &q, sizeof(q), fd, &nfds, 0);
		if (!rc && nfds)
			rc = answer(EVP_SANDBOX_FD, q.number, fd, nfds);
		for (i = 0; i < nfds; i++)
			close(fd[i]);
	}
	_exit(rc != -EPIPE);
}
