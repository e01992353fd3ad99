// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/overhead.h"

#define HEADROOM 0.8 /* of the limit: what a change aims at */
#define FALL	 4.0 /* at most, at once */
#define RISE	 1.5

void evp_overhead_begin(struct evp_overhead *o, int64_t now_ns, int64_t spent_ns)
{
	o->period_ns = o->asked_ns;
	o->looked_ns = now_ns;
	o->spent_ns = spent_ns;
}

/* What the period is to be multiplied by: above 1 the rate falls. */
static double correction(const struct evp_overhead *o)
{
	double factor = o->share / (o->limit * HEADROOM);

	if (o->share > o->limit)
		return factor < FALL ? factor : FALL;
	return factor * RISE <= 1 ? 1 / RISE : 1;
}

bool evp_overhead_look(struct evp_overhead *o, int64_t now_ns, int64_t spent_ns)
{
	int64_t before_ns = o->period_ns;
	double period;

	if (o->limit <= 0 || now_ns - o->looked_ns < EVP_OVERHEAD_LOOK_NS)
		return false;
	o->share = (double)(spent_ns - o->spent_ns) / (double)(now_ns - o->looked_ns);
	o->looked_ns = now_ns;
	o->spent_ns = spent_ns;
	period = (double)o->period_ns * correction(o);
	if (period > EVP_OVERHEAD_PERIOD_MAX)
		period = EVP_OVERHEAD_PERIOD_MAX;
	o->period_ns = period > (double)o->asked_ns ? (int64_t)period : o->asked_ns;
	o->nchanges += o->period_ns != before_ns;
	return o->period_ns != before_ns;
}
