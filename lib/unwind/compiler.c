// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "unwind/compiler.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "unwind/compiler_wire.h"

#define MEANWHILE_MS 20
#define DEATH_MS     100

struct evp_compiler {
	pid_t pid; /* 0: no child */
	int sock;
	uint32_t number; /* of the question that waits for its answer ... */
	bool asked;
	bool with_debug;	      /* ... which came with a separate debug file */
	int fd;			      /* borrowed */
	int64_t until_ms;	      /* give up then */
	uint64_t cpu_ns, past_cpu_ns; /* this child's, earlier ones' */
	/* What was had without the debug file, while that is looked at. */
	struct evp_unwind_table table;
	int rc;
	struct evp_err err;
	pid_t *lingering; /* killed, and not dead yet */
	size_t nlingering, clingering;
};

static int64_t now_ms(void)
{
	return evp_clock_ns(CLOCK_MONOTONIC) / 1000000;
}

/* ---- the child's life ---- */

static bool is_dead(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) != 0;
}

static void bury(struct evp_compiler *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->nlingering; i++)
		if (!is_dead(c->lingering[i]))
			c->lingering[kept++] = c->lingering[i];
	c->nlingering = kept;
}

static void end_child(struct evp_compiler *c)
{
	bool dead;

	if (!c->pid)
		return;
	close(c->sock);
	kill(c->pid, SIGKILL);
	/* A child that waits for a file's server may not be able to die. */
	dead = is_dead(c->pid);
	for (int ms = 0; ms < DEATH_MS && !dead; ms++) {
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		dead = is_dead(c->pid);
	}
	if (!dead &&
	    !evp_grow(&c->lingering, &c->clingering, c->nlingering + 1, sizeof(*c->lingering)))
		c->lingering[c->nlingering++] = c->pid;
	c->past_cpu_ns += c->cpu_ns;
	c->cpu_ns = 0;
	c->pid = 0;
	c->sock = -1;
}

static int start_child(struct evp_compiler *c, struct evp_err *err)
{
	int sock[2];
	pid_t parent = getpid(), pid;

	bury(c);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock) < 0)
		return evp_fail_errno(err, errno, "cannot start the unwind table compiler");
	pid = fork();
	if (!pid) {
		close(sock[0]);
		evp_compiler_child(sock[1], parent);
	}
	close(sock[1]);
	if (pid < 0) {
		close(sock[0]);
		return evp_fail_errno(err, errno, "cannot start the unwind table compiler");
	}
	c->pid = pid;
	c->sock = sock[0];
	return 0;
}

int evp_compiler_new(struct evp_compiler **ret, struct evp_err *err)
{
	struct evp_compiler *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return evp_fail_oom(err);
	c->sock = -1;
	rc = start_child(c, err);
	if (rc)
		free(c);
	else
		*ret = c;
	return rc;
}

void evp_compiler_free(struct evp_compiler *c)
{
	if (!c)
		return;
	end_child(c);
	bury(c);
	free(c->lingering);
	evp_unwind_table_release(&c->table);
	free(c);
}

uint64_t evp_compiler_cpu_ns(const struct evp_compiler *c)
{
	return c->past_cpu_ns + c->cpu_ns;
}

/* ---- asking ---- */

static int send_question(struct evp_compiler *c, int debug)
{
	struct evp_compiler_question q = { .number = ++c->number };
	int fd[2] = { c->fd, debug };

	c->with_debug = debug >= 0;
	return evp_compiler_send(c->sock, &q, sizeof(q), fd, debug >= 0 ? 2 : 1);
}

static int ask(struct evp_compiler *c, int fd, struct evp_err *err)
{
	int rc = 0;

	if (c->asked)
		return evp_fail(err, EBUSY, "the unwind table compiler is busy");
	if (!c->pid)
		rc = start_child(c, err);
	if (rc)
		return rc;
	c->fd = fd;
	c->until_ms = now_ms() + EVP_COMPILER_MS;
	rc = send_question(c, -1);
	if (rc == -EPIPE || rc == -ECONNRESET) {
		/* It died while nobody asked (killed for memory, say): its successor shall answer. */
		end_child(c);
		rc = start_child(c, err);
		if (rc)
			return rc;
		rc = send_question(c, -1);
	}
	if (rc)
		return evp_fail_errno(err, -rc, "cannot ask the unwind table compiler");
	c->asked = true;
	return 0;
}

/* ---- answers, which are not to be trusted ---- */

static int read_words(struct evp_unwind_table *t, int fd)
{
	size_t len = (size_t)t->nwords * sizeof(*t->word), at = 0;
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	ssize_t n;

	if (seals < 0 || (seals & EVP_COMPILER_SEALS) != EVP_COMPILER_SEALS || fstat(fd, &st) < 0 ||
	    t->nwords > EVP_UNWIND_MAX_WORDS || (uint64_t)st.st_size != len)
		return -EBADMSG;
	t->word = malloc(len ? len : 1);
	if (!t->word)
		return -ENOMEM;
	while (at < len) {
		n = pread(fd, (char *)t->word + at, len - at, (off_t)at);
		if (n <= 0 && errno != EINTR)
			return -EBADMSG;
		at += n > 0 ? (size_t)n : 0;
	}
	return evp_unwind_table_check(t, NULL);
}

static int table_of(const struct evp_compiler_answer *a, const int *fd, size_t nfds,
		    struct evp_unwind_table *ret)
{
	struct evp_unwind_table t = a->table;
	int rc;

	t.word = NULL;
	rc = nfds ? read_words(&t, fd[0]) : -EBADMSG;
	if (rc)
		evp_unwind_table_release(&t);
	else
		*ret = t;
	return rc;
}

static int error_of(const struct evp_compiler_answer *a, struct evp_err *err)
{
	static const int known[] = { ENOEXEC, ENODATA, EBADMSG, E2BIG, EIO, ENOMEM };
	char why[sizeof(a->why)];
	size_t i;

	for (i = 0; i + 1 < sizeof(why) && a->why[i] >= ' ' && a->why[i] <= '~'; i++)
		why[i] = a->why[i];
	why[i] = '\0';
	for (i = 0; i < EVP_ARRAY_SIZE(known); i++)
		if (a->rc == -known[i])
			return evp_fail(err, known[i], "%s", why);
	return evp_fail(err, EBADMSG, "the unwind table compiler: %s", why);
}

/* What to do when the child is of no use any more. */
static int give_up(struct evp_compiler *c, int code, const char *why, struct evp_err *err)
{
	end_child(c);
	return evp_fail(err, code, "%s", why);
}

/* One answer. -EAGAIN: not yet. *ret_wanted: what else it would look at. */
static int receive(struct evp_compiler *c, struct evp_unwind_table *ret,
		   struct evp_debug_file *ret_wanted, struct evp_err *err)
{
	struct evp_compiler_answer a;
	size_t nfds, i;
	int fd[2], rc = evp_compiler_receive(c->sock, &a, sizeof(a), fd, &nfds, MSG_DONTWAIT);

	if (rc == -EAGAIN) {
		if (now_ms() < c->until_ms)
			return -EAGAIN;
		return give_up(c, ETIMEDOUT, "its unwind table takes too long to make", err);
	}
	if (rc == -EPIPE || rc == -EBADMSG || (!rc && a.number != c->number)) {
		rc = give_up(c, ECHILD, "the unwind table compiler died over it", err);
	} else if (rc) {
		rc = give_up(c, -rc, "cannot hear the unwind table compiler", err);
	} else {
		if (a.cpu_ns > c->cpu_ns)
			c->cpu_ns = a.cpu_ns;
		*ret_wanted = a.wanted;
		rc = a.rc ? error_of(&a, err) : table_of(&a, fd, nfds, ret);
		if (rc && !a.rc)
			rc = give_up(c, -rc, "the unwind table compiler lies", err);
	}
	for (i = 0; i < nfds; i++)
		close(fd[i]);
	return rc;
}

/* A first answer may call for a second question. True: it was asked. */
static bool ask_again(struct evp_compiler *c, const struct evp_debug_file *wanted)
{
	int debug, rc;

	if (!c->pid || c->with_debug || !evp_debug_file_wanted(wanted))
		return false;
	debug = evp_debug_file_open(wanted, c->fd);
	if (debug < 0)
		return false;
	rc = send_question(c, debug);
	close(debug);
	return !rc;
}

static int take(struct evp_compiler *c, struct evp_unwind_table *ret, struct evp_err *err)
{
	struct evp_debug_file wanted = { 0 };
	struct evp_unwind_table table = { 0 };
	struct evp_err why = { 0 };
	bool second = c->with_debug;
	int rc;

	if (!c->asked)
		return evp_fail(err, EINVAL, "the unwind table compiler was not asked");
	rc = receive(c, &table, &wanted, &why);
	if (rc == -EAGAIN)
		return rc;
	if (!second && ask_again(c, &wanted)) {
		c->table = table;
		c->rc = rc;
		c->err = why;
		return -EAGAIN;
	}
	/* Where the debug file was of no use, what was had without it stands. */
	if (second && rc) {
		table = c->table;
		rc = c->rc;
		why = c->err;
	} else if (second) {
		evp_unwind_table_release(&c->table);
	}
	c->table = (struct evp_unwind_table){ 0 };
	c->asked = c->with_debug = false;
	if (!rc)
		*ret = table;
	else if (err)
		*err = why;
	return rc;
}

int evp_compiler_table(struct evp_compiler *c, int fd, void (*meanwhile)(void *arg), void *arg,
		       struct evp_unwind_table *ret, struct evp_err *err)
{
	int rc = ask(c, fd, err);

	if (rc)
		return rc;
	for (;;) {
		int64_t left = c->until_ms - now_ms();
		struct pollfd p = { .fd = c->sock, .events = POLLIN };

		rc = take(c, ret, err);
		if (rc != -EAGAIN)
			return rc;
		if (left > MEANWHILE_MS)
			left = MEANWHILE_MS;
		if (!poll(&p, 1, left > 0 ? (int)left + 1 : 0) && meanwhile)
			meanwhile(arg);
	}
}
