// SPDX-License-Identifier: GPL-2.0-or-later
/* What the child that compiles might say once a file has got the better of it: nothing is believed. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <sys/mman.h>

#include "../../lib/unwind/compiler.c"
#include "tap.h"
#include "unwind/compile.h"

static struct evp_compiler c = { .sock = -1 };
static struct evp_unwind_table good;
static struct evp_err err;
static int file;

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* What becomes of this answer. It comes from a child, which lives on where it was believed. */
static int told(struct evp_compiler_answer a, const int *fd, size_t nfds)
{
	struct evp_unwind_table t = { 0 };
	int sock[2], rc;

	end_child(&c);
	c.pid = fork();
	if (!c.pid)
		for (;;)
			pause();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		return 1;
	c.sock = sock[0];
	a.number += c.number + 1;
	evp_compiler_send(sock[1], &a, sizeof(a), fd, nfds);
	err = (struct evp_err){ 0 };
	rc = evp_compiler_table(&c, file, NULL, NULL, &t, &err);
	evp_unwind_table_release(&t);
	close(sock[1]);
	return rc;
}

/* The table's words, then as many bytes more. */
static int words(const struct evp_unwind_table *t, int more, int seals)
{
	int fd = memfd_create("words", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t len = t->nwords * sizeof(*t->word);

	if (write(fd, t->word, len) != (ssize_t)len || ftruncate(fd, (off_t)len + more) ||
	    fcntl(fd, F_ADD_SEALS, seals))
		return -1;
	return fd;
}

static void refused(struct evp_compiler_answer a, int fd, const char *what)
{
	int rc = told(a, &fd, fd >= 0);

	ok(rc == -EBADMSG && !c.pid, what);
	close(fd);
}

static void tables(void)
{
	struct evp_compiler_answer a = { .table = good }, lie = a;
	struct evp_unwind_table zero = good;
	int fd[2] = { words(&good, 0, EVP_COMPILER_SEALS), dup(0) }, before = descriptors();

	ok(!told(a, fd, 1) && c.pid, "a good table is taken");
	ok(!told(a, fd, 2) && c.pid, "whatever comes with it");
	end_child(&c);
	ok(descriptors() == before, "and nothing stays open");
	refused(a, words(&good, 0, EVP_COMPILER_SEALS & ~F_SEAL_WRITE), "words that may change");
	refused(a, words(&good, 0, EVP_COMPILER_SEALS & ~F_SEAL_SHRINK), "or be cut");
	refused(a, words(&good, 8, EVP_COMPILER_SEALS), "more of them than it says");
	refused(a, words(&good, -8, EVP_COMPILER_SEALS), "fewer");
	refused(a, -1, "none");
	lie.table.nwords = EVP_UNWIND_MAX_WORDS + 2;
	refused(lie, words(&good, 0, EVP_COMPILER_SEALS), "more than a table may have");
	zero.word = calloc(zero.nwords, sizeof(*zero.word));
	refused(a, words(&zero, 0, EVP_COMPILER_SEALS), "words that are no table");
	free(zero.word);
	lie = a;
	lie.number++;
	ok(told(lie, fd, 1) == -ECHILD && !c.pid, "the answer to another question");
	ok(descriptors() == before, "and nothing stays open of these");
	close(fd[0]);
	close(fd[1]);
}

static void errors(void)
{
	struct evp_compiler_answer a = { .rc = -ENODATA, .why = "odd\033[31m" };

	ok(told(a, NULL, 0) == -ENODATA && c.pid && !strcmp(err.msg, "odd"),
	   "a reason, up to what is no text");
	memset(a.why, 'x', sizeof(a.why));
	ok(told(a, NULL, 0) == -ENODATA && strlen(err.msg) < sizeof(err.msg), "one without end");
	a.rc = -EAGAIN;
	ok(told(a, NULL, 0) == -EBADMSG, "an error that is no table's");
	a.rc = 1;
	ok(told(a, NULL, 0) == -EBADMSG, "or none at all");
}

static void times(void)
{
	struct evp_compiler_answer a = { .rc = -ENODATA, .cpu_ns = 1000 };

	end_child(&c);
	c.past_cpu_ns = 0;
	told(a, NULL, 0);
	a.cpu_ns = 500;
	told(a, NULL, 0);
	ok(evp_compiler_cpu_ns(&c) == 1500, "the time of one that is gone still counts");
}

int main(void)
{
	alarm(30);
	file = open("/bin/true", O_RDONLY | O_CLOEXEC);
	ok(!evp_unwind_compile_fd(file, &good, NULL), "a table");
	tables();
	errors();
	times();
	end_child(&c);
	evp_unwind_table_release(&good);
	return done_testing();
}
