// SPDX-License-Identifier: GPL-2.0-or-later
/* The rate under a budget, against a recorder that costs so much at rest and so much a sample. */

#include "base/text.h"
#include "record/overhead.h"
#include "tap.h"

static double rate(const struct evp_overhead *o)
{
	return 1e9 / (double)o->period_ns;
}

/* Looks so often: `rest` of a CPU, and so many seconds a sample. Changes meanwhile. */
static uint32_t looks(struct evp_overhead *o, int times, double rest, double a_sample)
{
	uint32_t before = o->nchanges;

	for (int i = 0; i < times; i++) {
		double share = rest + a_sample * rate(o);
		int64_t step = EVP_OVERHEAD_LOOK_NS;

		evp_overhead_look(o, o->looked_ns + step,
				  o->spent_ns + (int64_t)(share * (double)step));
	}
	return o->nchanges - before;
}

int main(void)
{
	struct evp_overhead o = { .limit = 0.01, .asked_ns = EVP_NSEC / 999 };

	evp_overhead_begin(&o, 1000, 5 * EVP_NSEC);
	ok(!evp_overhead_look(&o, 1000 + EVP_OVERHEAD_LOOK_NS - 1, 9 * EVP_NSEC), "not too often");
	ok(!looks(&o, 10, 0.001, 5e-6) && o.period_ns == o.asked_ns, "cheap enough: as asked");
	looks(&o, 10, 0.001, 50e-6);
	ok(0.001 + 50e-6 * rate(&o) <= 0.01, "too dear: below the limit");
	ok(rate(&o) > 80, "and not for nothing");
	ok(!looks(&o, 100, 0.001, 50e-6), "no swinging");
	looks(&o, 20, 0.001, 5e-6);
	ok(o.period_ns == o.asked_ns, "cheap again: up to the rate asked for");
	looks(&o, 1, 0.5, 0);
	ok(rate(&o) > 240, "one dear moment: a quarter is kept");
	looks(&o, 20, 0.5, 0);
	ok(o.period_ns == EVP_OVERHEAD_PERIOD_MAX, "too dear at rest: one a second is left");
	o = (struct evp_overhead){ .asked_ns = EVP_NSEC / 99 };
	evp_overhead_begin(&o, 0, 0);
	ok(!looks(&o, 5, 0.9, 0) && o.period_ns == o.asked_ns, "no limit, no change");
	return done_testing();
}
