// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "cmd/store/add.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/common/cmd.h"
#include "cmd/common/input.h"

#define GRACE_MS 2000 /* after SIGTERM: for what the others in the pipe still have to say */

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	stopped++;
}

/* Reads; once told to stop, for GRACE_MS more, so that what a stopped recorder flushes still gets in. */
static int64_t read_until_stopped(void *arg, void *buf, size_t len)
{
	static int64_t last_ms;
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	for (;;) {
		int64_t now_ms = evp_now_ns() / 1000000;
		ssize_t n;
		int ready;

		if (stopped && !last_ms)
			last_ms = now_ms + GRACE_MS;
		if (stopped > 1 || (stopped && now_ms >= last_ms))
			return 0;
		ready = poll(&p, 1, stopped ? (int)(last_ms - now_ms) : -1);
		if (ready <= 0)
			continue;
		n = read(p.fd, buf, len);
		if (n >= 0 || errno != EINTR)
			return n < 0 ? -errno : n;
	}
}

static int add_input(int fd, const char *name, void *arg)
{
	const struct evp_reader_opts ro = { .read = read_until_stopped, .arg = &fd, .name = name };
	struct evp_reader *r;
	struct evp_err err;
	int status;

	if (evp_reader_new(&r, &ro, &err))
		return evp_error_from(&err);
	if (evp_store_add_stream(arg, r, &err))
		status = evp_error_from(&err);
	else
		status = stopped ? EVP_DONE : evp_input_verdict(r, name);
	evp_reader_free(r);
	return status;
}

static bool seekable(const char *name)
{
	struct stat st;

	return !(strcmp(name, "-") ? stat(name, &st) : fstat(STDIN_FILENO, &st)) &&
	       S_ISREG(st.st_mode);
}

static int tell_added(const struct evp_store_add_stats *s, const char *dir)
{
	evp_note("'%s': %llu segments, %llu rows, %lld samples, %llu bytes; %llu segments were "
		 "there",
		 dir, (unsigned long long)s->segments, (unsigned long long)s->rows,
		 (long long)s->samples, (unsigned long long)s->bytes,
		 (unsigned long long)s->present);
	if (s->dropped_types)
		evp_warn("%llu values were not stored: a row holds one value and its samples",
			 (unsigned long long)s->dropped_types);
	if (s->lost_samples)
		evp_warn("%llu lost samples are not in the store: no sample came after them",
			 (unsigned long long)s->lost_samples);
	if (s->odd_windows)
		evp_warn("%llu segments are from before 2015 or more than a day ahead: is the "
			 "clock right?",
			 (unsigned long long)s->odd_windows);
	if (!s->dropped_windows)
		return EVP_DONE;
	evp_error("no space left for '%s': %lld samples in %llu windows dropped", dir,
		  (long long)s->dropped_samples, (unsigned long long)s->dropped_windows);
	return s->segments ? EVP_INCOMPLETE : EVP_TROUBLE;
}

static void warn(const char *text)
{
	evp_warn("%s", text);
}

int store_add(const char *dir, struct evp_store_add_opts *opts)
{
	const struct sigaction on_stop = { .sa_handler = stop };
	struct evp_store_add *a;
	struct evp_err err;
	int i, status;

	if (!dir)
		return evp_error("out of memory");
	opts->warn = warn;
	for (i = 0; i < evp_noperands; i++)
		opts->endless |= !seekable(evp_operand[i]);
	opts->endless |= !evp_noperands && !seekable("-");
	sigaction(SIGTERM, &on_stop, NULL);
	sigaction(SIGINT, &on_stop, NULL);
	if (evp_store_add_new(&a, dir, opts, &err))
		return evp_error_from(&err);
	status = evp_each_input(add_input, a);
	status = evp_worse(status, tell_added(evp_store_add_stats(a), dir));
	evp_store_add_free(a);
	return status;
}
