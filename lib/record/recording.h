/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stream end of the recorder: the writer with what every recording puts into it (one event,
 * node and labels, clocks, costs, windows of samples), and the translator that fills its tables.
 *
 * Times given are CLOCK_MONOTONIC; on the way out they become unix time by an offset that never
 * goes back, so that a clock stepped back does not break the order of windows.
 */
#ifndef EVP_RECORD_RECORDING_H
#define EVP_RECORD_RECORDING_H

#include <sys/resource.h>

#include "record/inbox.h"
#include "record/labeller.h"
#include "record/recorder.h"
#include "record/translate.h"
#include "record/windows.h"

struct evp_recording { /* a zeroed struct is empty */
	const struct evp_record_opts *opts;
	struct evp_writer *w;
	struct evp_translator tr;
	struct evp_windows windows;
	struct evp_labeller labeller;
	char node[256], boot_id[64];
	int64_t period_ns;	 /* that holds now */
	int64_t event_period_ns; /* as the stream's definition says */
	int64_t real_offset_ns;	 /* unix time - CLOCK_MONOTONIC */
	int64_t next_flush_ns;	 /* unix */
	int64_t shift_ns;	 /* of flushes, within opts->jitter_ns */
	int64_t cost_from_ns;	 /* unix; 0: sampling has not begun */
	struct rusage spent;
	/* CPU time spent elsewhere, inside BPF and by helpers: until now, as the caller says ... */
	int64_t kernel_ns, helpers_ns;
	int64_t kernel_spent_ns, helpers_spent_ns; /* ... and that was written */
	struct evp_cost total;
	bool no_next_file; /* it could not be opened; what there is can still be ended */
	int64_t lost;
	int64_t dropped; /* by a rule: asked for, no loss */
};

/* Begins the stream. `ks` must live as long. */
int evp_recording_open(struct evp_recording *rec, const struct evp_record_opts *opts,
		       struct evp_kernel_syms *ks, struct evp_err *err);

/* Sampling began: from here on there is a cost. What was spent before counts to the first. */
void evp_recording_begin(struct evp_recording *rec);

void evp_recording_clock(struct evp_recording *rec,
			 struct evp_clock *ret); /* reads all three, now */

/* One sample, its raw stack in `in`; where it is not, that is a loss. A rule may drop it. */
int evp_recording_sample(struct evp_recording *rec, struct evp_proc *p,
			 const struct evp_raw_sample *s, const struct evp_inbox *in);
int evp_recording_loss(struct evp_recording *rec, int64_t time_ns, const char *reason, uint64_t n);

/* From this time on samples have another period. */
int evp_recording_rate(struct evp_recording *rec, int64_t time_ns, int64_t period_ns);

/* When the next flush is due, CLOCK_MONOTONIC. */
int64_t evp_recording_due(const struct evp_recording *rec);
/*
 * Nothing older than done_ns will come: writes the windows that are complete, clock, cost and the
 * watermark. *ret_epoch: a new epoch began, a time to forget what nobody uses.
 */
int evp_recording_flush(struct evp_recording *rec, int64_t done_ns, const struct evp_clock *clock,
			bool *ret_epoch, struct evp_err *err);
/* The last windows, clock and cost, and the end. */
int evp_recording_end(struct evp_recording *rec, const struct evp_clock *clock);
void evp_recording_release(struct evp_recording *rec);

#endif
