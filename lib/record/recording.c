// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"

/* Sooner than the format asks for: this program runs for months beside others. */
#define EPOCH_BYTES (16u << 20)

void evp_recording_clock(struct evp_recording *rec, struct evp_clock *ret)
{
	int64_t offset;

	ret->monotonic_ns = evp_clock_ns(CLOCK_MONOTONIC);
	ret->realtime_ns = evp_clock_ns(CLOCK_REALTIME);
	ret->boottime_ns = evp_clock_ns(CLOCK_BOOTTIME);
	offset = ret->realtime_ns - ret->monotonic_ns;
	if (offset > rec->real_offset_ns)
		rec->real_offset_ns = offset;
}

static void read_names(struct evp_recording *rec)
{
	const char *node = rec->opts->node ? rec->opts->node : getenv("EVP_NODE");
	struct evp_str id = { 0 };

	if (node && *node)
		snprintf(rec->node, sizeof(rec->node), "%s", node);
	else if (gethostname(rec->node, sizeof(rec->node) - 1))
		rec->node[0] = 0;
	if (!evp_read_file("/proc/sys/kernel/random/boot_id", 4096, &id, NULL) && id.buf)
		snprintf(rec->boot_id, sizeof(rec->boot_id), "%.*s", (int)strcspn(id.buf, "\n"),
			 id.buf);
	evp_str_release(&id);
}

static int define_event(struct evp_recording *rec)
{
	struct evp_event e = { .ntypes = 2, .samples_type = 1, .value_type = 2 };
	int rc = 0;

	e.period = rec->event_period_ns = rec->period_ns;
	rc |= evp_writer_cstring(rec->w, "cpu", &e.name);
	rc |= evp_writer_cstring(rec->w, "samples", &e.types[0].type);
	rc |= evp_writer_cstring(rec->w, "count", &e.types[0].unit);
	rc |= evp_writer_cstring(rec->w, "cpu", &e.types[1].type);
	rc |= evp_writer_cstring(rec->w, "nanoseconds", &e.types[1].unit);
	e.period_type = e.types[1];
	if (rc)
		return evp_writer_error(rec->w);
	return evp_writer_event(rec->w, &e, &rec->windows.event);
}

/* A rule that waits for what is never there is a mistake as a rule, or another agent's. */
static void warn_unknown(const struct evp_record_opts *o)
{
	for (size_t i = 0; o->labels.relabel && i < evp_relabel_nsources(o->labels.relabel); i++) {
		struct evp_bytes name = evp_relabel_source(o->labels.relabel, i);

		if (!evp_labeller_knows(name) && !evp_relabel_makes(o->labels.relabel, name))
			o->warn("line %zu of the rules: '%.*s' is always empty here",
				evp_relabel_source_line(o->labels.relabel, i), (int)name.len,
				name.ptr);
	}
}

static int open_labeller(struct evp_recording *rec, struct evp_err *err)
{
	struct evp_labeller_opts opts = rec->opts->labels;

	opts.node = rec->node;
	return evp_labeller_init(&rec->labeller, &opts, err);
}

/* At UTC multiples of the interval, shifted by what was drawn at the start. */
static int64_t next_flush(const struct evp_recording *rec, int64_t unix_ns)
{
	return unix_ns + rec->opts->flush_ns - (unix_ns - rec->shift_ns) % rec->opts->flush_ns;
}

static int new_writer(struct evp_recording *rec, struct evp_err *err)
{
	const struct evp_record_opts *opts = rec->opts;
	struct evp_writer_opts wo = { .sink = evp_writer_out_sink,
				      .flush = evp_writer_out_flush,
				      .sink_arg = opts->out,
				      .tool = opts->tool,
				      .options = opts->options };
	int rc = evp_writer_new(&rec->w, &wo, err);

	rec->windows.w = rec->w;
	return rc;
}

/* What a stream begins with. */
static int begin_stream(struct evp_recording *rec, const struct evp_clock *clock,
			struct evp_err *err)
{
	int rc = define_event(rec);

	if (!rc)
		rc = evp_writer_clock(rec->w, clock);
	return rc ? evp_fail_errno(err, -rc, "cannot begin the stream") : 0;
}

int evp_recording_open(struct evp_recording *rec, const struct evp_record_opts *opts,
		       struct evp_kernel_syms *ks, struct evp_err *err)
{
	struct evp_clock clock;
	uint64_t random;
	int rc;

	rec->opts = opts;
	rc = new_writer(rec, err);
	if (rc)
		return rc;
	rec->period_ns = opts->period_ns;
	read_names(rec);
	rc = open_labeller(rec, err);
	if (rc)
		return rc;
	warn_unknown(opts);
	evp_recording_clock(rec, &clock);
	if (opts->jitter_ns && getrandom(&random, sizeof(random), 0) == sizeof(random))
		rec->shift_ns = (int64_t)(random % (uint64_t)opts->jitter_ns);
	rec->next_flush_ns = next_flush(rec, clock.realtime_ns);
	rec->windows.len_ns = opts->window_ns;
	evp_translator_init(&rec->tr, rec->w, ks, rec->node, rec->boot_id);
	return begin_stream(rec, &clock, err);
}

void evp_recording_begin(struct evp_recording *rec)
{
	struct evp_clock clock;

	evp_recording_clock(rec, &clock);
	rec->cost_from_ns = rec->total.from_ns = rec->total.to_ns = clock.realtime_ns;
}

int evp_recording_loss(struct evp_recording *rec, int64_t time_ns, const char *reason, uint64_t n)
{
	rec->lost += (int64_t)n;
	return evp_windows_loss(&rec->windows, time_ns + rec->real_offset_ns, reason, n);
}

/* Under which number windows know the process and labels of this sample; EVP_DROPPED: nowhere. */
#define EVP_DROPPED UINT32_MAX
static int who_of(struct evp_recording *rec, struct evp_proc *p, const struct evp_raw_sample *s,
		  uint32_t *ret_who)
{
	uint64_t *slot = evp_labeller_slot(&rec->labeller, p, s, rec->tr.epoch);
	uint32_t process, labels;
	bool keep;
	int rc;

	if (!slot)
		return -ENOMEM;
	if (!*slot) {
		rc = evp_labeller_derive(&rec->labeller, p, s, &keep);
		*ret_who = EVP_DROPPED;
		if (!rc && keep)
			rc = evp_labeller_write(&rec->labeller, rec->w, p, rec->boot_id, &process,
						&labels);
		if (!rc && keep)
			rc = evp_windows_who(&rec->windows, process, labels, ret_who);
		if (rc)
			return rc;
		*slot = (uint64_t)*ret_who + 1;
	}
	*ret_who = (uint32_t)(*slot - 1);
	return 0;
}

int evp_recording_sample(struct evp_recording *rec, struct evp_proc *p,
			 const struct evp_raw_sample *s, const struct evp_inbox *in)
{
	const struct evp_raw_stack *raw;
	struct evp_raw_stack sure;
	uint32_t who, stack;
	int rc = who_of(rec, p, s, &who);

	if (!rc && who == EVP_DROPPED) {
		rec->dropped++;
		return evp_windows_dropped(&rec->windows, s->time_ns + rec->real_offset_ns);
	}
	if (!rc && !evp_translate_known(&rec->tr, p, s->stack_hash, &stack)) {
		raw = evp_inbox_stack(in, s->stack_hash);
		if (!raw)
			return evp_recording_loss(rec, s->time_ns, "stack-missing", 1);
		if (rec->tr.unwinder && evp_unwinder_outdated(rec->tr.unwinder, p, s, raw, &sure))
			raw = &sure;
		rc = evp_translate_stack(&rec->tr, p, raw, &stack);
	}
	return rc ? rc
		  : evp_windows_add(&rec->windows, s->time_ns + rec->real_offset_ns, who, stack,
				    s->period_ns);
}

static int64_t timeval_ns(struct timeval t)
{
	return t.tv_sec * EVP_NSEC + t.tv_usec * 1000;
}

/*
 * Of this program: ru_maxrss is also what was there before it was executed, in the process that
 * forked for it (getrusage(2) does not say so). Without /proc that has to do.
 */
static int64_t peak_rss_bytes(const struct rusage *used)
{
	struct evp_str status = { 0 };
	int64_t kib = used->ru_maxrss;
	const char *line;

	if (!evp_read_file("/proc/self/status", 64 << 10, &status, NULL) && status.buf) {
		line = strstr(status.buf, "\nVmHWM:");
		if (line)
			kib = strtoll(line + sizeof("\nVmHWM:") - 1, NULL, 10);
	}
	evp_str_release(&status);
	return kib * 1024;
}

static int write_cost(struct evp_recording *rec, int64_t unix_ns)
{
	struct evp_cost cost = { .from_ns = rec->cost_from_ns, .to_ns = unix_ns };
	struct rusage now;

	if (!rec->cost_from_ns)
		return 0;
	getrusage(RUSAGE_SELF, &now);
	cost.user_ns = timeval_ns(now.ru_utime) - timeval_ns(rec->spent.ru_utime);
	cost.user_ns += rec->helpers_ns - rec->helpers_spent_ns;
	cost.system_ns = timeval_ns(now.ru_stime) - timeval_ns(rec->spent.ru_stime);
	cost.kernel_ns = rec->kernel_ns - rec->kernel_spent_ns;
	cost.peak_rss_bytes = peak_rss_bytes(&now);
	rec->total.user_ns += cost.user_ns;
	rec->total.system_ns += cost.system_ns;
	rec->total.kernel_ns += cost.kernel_ns;
	rec->total.peak_rss_bytes = cost.peak_rss_bytes;
	rec->total.to_ns = unix_ns;
	rec->spent = now;
	rec->kernel_spent_ns = rec->kernel_ns;
	rec->helpers_spent_ns = rec->helpers_ns;
	rec->cost_from_ns = unix_ns;
	return evp_writer_cost(rec->w, &cost);
}

int64_t evp_recording_due(const struct evp_recording *rec)
{
	return rec->next_flush_ns - rec->real_offset_ns;
}

int evp_recording_rate(struct evp_recording *rec, int64_t time_ns, int64_t period_ns)
{
	rec->period_ns = period_ns;
	return evp_writer_rate(rec->w, &(struct evp_rate){ .event = rec->windows.event,
							   .from_ns = time_ns + rec->real_offset_ns,
							   .period = period_ns });
}

/* Ids start anew: the open window goes out as far as it is. */
static int new_epoch(struct evp_recording *rec, int64_t open_ns)
{
	int rc = evp_windows_epoch(&rec->windows);

	if (!rc)
		rc = evp_writer_watermark(rec->w, open_ns);
	if (!rc)
		rc = evp_translator_epoch(&rec->tr);
	if (!rc && rec->period_ns != rec->event_period_ns)
		rc = evp_recording_rate(rec, open_ns - rec->real_offset_ns, rec->period_ns);
	return rc;
}

/*
 * Ends this file and goes on in the next, which is opened first: where that fails this one can
 * still be ended whole.
 */
static int next_file(struct evp_recording *rec, int64_t open_ns, const struct evp_clock *clock,
		     struct evp_err *err)
{
	struct evp_out next;
	int rc = evp_rotate_open(rec->opts->rotate, open_ns, &next, err);

	rec->no_next_file = rc;
	if (rc)
		return rc;
	rc = evp_windows_epoch(&rec->windows);
	if (!rc)
		rc = evp_writer_end(rec->w);
	if (!rc)
		rc = evp_out_finish(rec->opts->out, err);
	if (rc) {
		unlink(next.path);
		evp_out_drop(&next);
		return rc;
	}
	*rec->opts->out = next;
	evp_writer_free(rec->w);
	rec->w = NULL;
	rc = new_writer(rec, err);
	if (rc)
		return rc;
	evp_translator_stream(&rec->tr, rec->w);
	return begin_stream(rec, clock, err);
}

int evp_recording_flush(struct evp_recording *rec, int64_t done_ns, const struct evp_clock *clock,
			bool *ret_epoch, struct evp_err *err)
{
	struct evp_rotate *rotate = rec->opts->rotate;
	int64_t done_unix_ns = done_ns + rec->real_offset_ns, open_ns;
	int rc = evp_windows_advance(&rec->windows, done_unix_ns, &open_ns);

	rec->next_flush_ns = next_flush(rec, done_unix_ns);
	*ret_epoch = evp_writer_epoch_due(rec->w) || evp_writer_tables(rec->w)->bytes > EPOCH_BYTES;
	if (!rc)
		rc = evp_writer_clock(rec->w, clock);
	if (!rc)
		rc = write_cost(rec, clock->realtime_ns);
	if (!rc)
		rc = *ret_epoch ? new_epoch(rec, open_ns) : evp_writer_watermark(rec->w, open_ns);
	if (!rc && rotate && evp_rotate_due(rotate, rec->opts->out->bytes, open_ns)) {
		*ret_epoch = true;
		rc = next_file(rec, open_ns, clock, err);
	}
	return rc;
}

int evp_recording_end(struct evp_recording *rec, const struct evp_clock *clock)
{
	int rc = evp_windows_write(&rec->windows);

	if (!rc)
		rc = evp_writer_clock(rec->w, clock);
	if (!rc)
		rc = write_cost(rec, clock->realtime_ns);
	return rc ? rc : evp_writer_end(rec->w);
}

void evp_recording_release(struct evp_recording *rec)
{
	evp_windows_release(&rec->windows);
	evp_translator_release(&rec->tr);
	evp_labeller_release(&rec->labeller);
	evp_writer_free(rec->w);
	rec->w = NULL;
}
