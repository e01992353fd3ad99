// SPDX-License-Identifier: GPL-2.0-or-later
/* What a sample stands for where the rate changes, each CPU at its own moment. */
#include <errno.h>
#include <string.h>

#include "record/period.h"
#include "tap.h"

int main(void)
{
	struct evp_periods p = { .now_ns = 10 };
	struct evp_err err = { 0 };

	ok(evp_periods_at(&p, 3, 100) == 10, "no change yet");
	ok(!evp_periods_begin(&p, 20, 2), "a change");
	p.changed_ns[0] = 100;
	ok(evp_periods_at(&p, 0, 100) == 10 && evp_periods_at(&p, 0, 101) == 20,
	   "up to its moment the one before");
	ok(evp_periods_at(&p, 1, 100) == 20, "another CPU's is not delayed by it");
	ok(evp_periods_at(&p, 2, 1) == 20, "nor one that came later");
	ok(!evp_periods_begin(&p, 40, 3), "another");
	p.changed_ns[0] = p.changed_ns[2] = 200;
	ok(evp_periods_at(&p, 0, 150) == 20 && evp_periods_at(&p, 2, 200) == 20 &&
		   evp_periods_at(&p, 2, 201) == 40,
	   "from the last one's, on a new CPU too");
	ok(evp_periods_change(&p, 0, -1) == -EBADF && p.changed_ns[0] == 200,
	   "one that fails has no moment");
	evp_periods_release(&p);
	ok(!evp_period_check(10000000, &err), "100 Hz, any kernel takes");
	ok(evp_period_check(1, &err) == -EINVAL && strstr(err.msg, "perf_event_max_sample_rate"),
	   "1 GHz none does, and what says so is named");
	return done_testing();
}
