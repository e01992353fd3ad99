/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recorder: a sampler and the side band on one end, an evp-stream(5) on the other.
 *
 *	sampler, over BPF or perf events -> inbox -+
 *	side band, /proc -> processes -------------+-> recording: labels, locations, windows
 *	unwinder: tables for the sampler ----------+
 *
 * Once a second, or when a ring fills up, it takes what the sampler has, puts samples and process
 * events into one order of time (intake.h) and holds back the last 50 ms, because another CPU may
 * still say something older. Seldom and much at a time, because what this costs is mostly cold
 * caches. A sample gets the labels of its process as it was; its stack becomes locations. One that
 * BPF could not walk, and any of perf's, comes as a copy and is walked here, with unwind tables
 * made as they are needed; BPF then gets them, and walks the process's next one (unwinder.h).
 *
 * Samples alike add up by window. Every flush writes the windows that are complete, with clock,
 * losses, cost and a watermark, goes on in the next file if it is time (rotate.h), and lowers the
 * rate where recording costs more than it may (overhead.h).
 *
 * Start-up order matters: the side band first, so that nothing is missed; then sampling; only then
 * /proc and the kernel's names are read, because that takes long and the first sample must not wait
 * for it.
 */
#ifndef EVP_RECORD_RECORDER_H
#define EVP_RECORD_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/io.h"
#include "record/labeller.h"
#include "record/relabel.h"
#include "record/rotate.h"
#include "record/targets.h"
#include "record/unwinder.h"
#include "stream/stream.h"

enum evp_record_backend {
	EVP_BACKEND_AUTO, /* BPF, or perf with a line that says why not BPF */
	EVP_BACKEND_BPF,
	EVP_BACKEND_PERF,
};

struct evp_record_opts {
	bool all;		     /* the whole machine; else only targets and command */
	struct evp_targets *targets; /* the command's pid is added */
	char *const *argv;	     /* command, NULL none: its end ends the recording */
	bool user, kernel;	     /* frames to keep */
	int64_t period_ns;	     /* of CPU time between samples: 1 ms to 1 s */
	double max_overhead;	     /* of one CPU: beyond it the rate falls; 0: no limit */
	int64_t delay_ns;    /* from the start to the first sample; the command runs meanwhile */
	int64_t duration_ns; /* of sampling; 0: until a signal, or until every target has ended */
	int64_t flush_ns, window_ns;
	int64_t jitter_ns; /* flushes are late by a random time below this; at most flush_ns */
	struct evp_labeller_opts labels; /* checked by evp_labeller_check; node is filled in */
	enum evp_record_backend backend;
	const char *node;	    /* NULL: $EVP_NODE or the host's name */
	struct evp_rotate *rotate;  /* where `out` came from and others will; NULL: one file */
	struct evp_out *out;	    /* open; finishing it is the caller's */
	bool stdout_is_stream;	    /* then the command's stdout is our stderr */
	const char *tool, *options; /* of the provenance record; tool NULL: none */
	/* Lines for people: what is given up, and (note) details that nobody has to know. */
	void (*warn)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
	void (*note)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
};

struct evp_record_result {
	bool ran_command;
	int command_status; /* as a shell would say it: 128+signal, 126, 127 */
	bool reader_gone;   /* whoever read the stream closed it; no error */
	int64_t samples, lost;
	int64_t dropped;       /* by a rule */
	uint32_t rate_changes; /* to stay below max_overhead */
	int64_t period_ns;     /* in the end */
	struct evp_unwinder_stats unwinding;
	struct evp_cost cost; /* of it all: the sum of the stream's cost records */
};

/*
 * Records until the end, which a signal, the duration, the command or the targets bring about.
 * 0, or -errno with err; `ret` is filled in both cases. A command is run and waited for whatever
 * else goes wrong.
 */
int evp_record_run(const struct evp_record_opts *opts, struct evp_record_result *ret,
		   struct evp_err *err);

#endif
