// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/intake.h"

#include <time.h>

#include "base/text.h"

#define TAKE_EVERY_NS 100000000LL /* while samples are worked up */

static void keep_rc(struct evp_intake *in, int rc)
{
	if (rc && !in->rc)
		in->rc = rc;
}

/* ---- the inbox ---- */

static void on_stack(void *arg, const struct evp_raw_stack *stack)
{
	struct evp_intake *in = arg;

	keep_rc(in, evp_inbox_put_stack(&in->inbox, stack));
}

static void on_sample(void *arg, const struct evp_raw_sample *sample)
{
	struct evp_intake *in = arg;

	keep_rc(in, evp_inbox_put_sample(&in->inbox, sample));
}

static void on_loss(void *arg, int64_t time_ns, const char *reason, uint64_t n)
{
	struct evp_intake *in = arg;

	keep_rc(in, evp_recording_loss(in->rec, time_ns, reason, n));
}

void evp_intake_take(struct evp_intake *in)
{
	const struct evp_sampler_sink sink = { in, on_stack, on_sample, on_loss };

	keep_rc(in, in->src.ops->drain(in->src.sampler, &sink));
	evp_sideband_read(in->src.sb);
	evp_inbox_sort(&in->inbox);
	in->taken_ns = evp_clock_ns(CLOCK_MONOTONIC);
}

/* While an unwind table is being made. */
static void meanwhile(void *arg)
{
	evp_intake_take(arg);
}

/* ---- samples and events in order of time ---- */

static int add_sample(struct evp_intake *in, const struct evp_raw_sample *s)
{
	const struct evp_raw_stack *copied = evp_inbox_copied(&in->inbox, s->stack_hash);
	struct evp_proc *p = evp_procs_of_sample(&in->procs, s);
	int rc = p ? evp_recording_sample(in->rec, p, s, &in->inbox) : -ENOMEM;

	if (copied && p)
		evp_unwinder_publish(in->unwinder, p, s);
	if (copied)
		evp_inbox_walked(&in->inbox, copied);
	return rc;
}

static void add_samples(struct evp_intake *in, int64_t before_ns)
{
	const struct evp_raw_sample *next;

	while (!in->rc && (next = evp_inbox_take(&in->inbox, before_ns))) {
		struct evp_raw_sample s = *next; /* the inbox may change while it is worked up */

		keep_rc(in, add_sample(in, &s));
		if (evp_clock_ns(CLOCK_MONOTONIC) - in->taken_ns > TAKE_EVERY_NS)
			evp_intake_take(in);
	}
}

static void on_event(void *arg, const struct evp_sideband_event *ev)
{
	struct evp_intake *in = arg;
	struct evp_sources *src = &in->src;
	struct evp_proc *child;

	add_samples(in, ev->time_ns);
	keep_rc(in, evp_procs_event(&in->procs, ev, &child));
	evp_targets_event(in->targets, &in->procs, ev, &child);
	if (child && src->ops->follow && src->ops->follow(src->sampler, child->pid, ev->time_ns))
		in->unfollowed++;
	if (ev->type == EVP_SB_KSYMBOL) {
		evp_kernel_syms_ksymbol(in->ks, ev->addr, ev->len, ev->name, ev->is_bpf,
					ev->is_unregister);
		evp_translator_forget(&in->rec->tr);
	}
}

int evp_intake_work(struct evp_intake *in, int64_t before_ns)
{
	evp_intake_take(in);
	keep_rc(in, evp_sideband_drain(in->src.sb, before_ns, on_event, in));
	add_samples(in, before_ns);
	evp_inbox_rest(&in->inbox);
	if (evp_inbox_full(&in->inbox)) {
		if (in->src.ops->forget)
			in->src.ops->forget(in->src.sampler);
		evp_inbox_age(&in->inbox);
	}
	if (in->unwinder)
		evp_unwinder_renew(in->unwinder, &in->procs, before_ns);
	return in->rc;
}

bool evp_intake_is_urgent(const struct evp_intake *in)
{
	return in->src.ops->tables && in->inbox.copied.n;
}

int64_t evp_intake_kernel_ns(const struct evp_intake *in)
{
	return (int64_t)in->src.ops->kernel_cost_ns(in->src.sampler);
}

int64_t evp_intake_helpers_ns(const struct evp_intake *in)
{
	struct evp_unwinder_stats stats = { 0 };

	if (in->unwinder)
		evp_unwinder_stats(in->unwinder, &stats);
	return (int64_t)stats.compiler_ns;
}

/* ---- the whole ---- */

int evp_intake_open(struct evp_intake *ret, const struct evp_record_opts *opts,
		    struct evp_kernel_syms *ks, struct evp_recording *rec, struct evp_err *err)
{
	struct evp_sources *src = &ret->src;
	int rc = evp_sources_open(src, opts, err);

	ret->targets = opts->targets;
	ret->ks = ks;
	ret->rec = rec;
	evp_procs_init(&ret->procs);
	if (rc || !opts->user)
		return rc;
	rc = evp_unwinder_new(&ret->unwinder,
			      src->ops->tables ? src->ops->tables(src->sampler) : NULL, err);
	if (!rc)
		evp_unwinder_meanwhile(ret->unwinder, meanwhile, ret);
	return rc;
}

void evp_intake_close(struct evp_intake *in)
{
	evp_unwinder_free(in->unwinder);
	evp_sources_close(&in->src);
	evp_inbox_release(&in->inbox);
	evp_procs_release(&in->procs);
	*in = (struct evp_intake){ 0 };
}
