// SPDX-License-Identifier: GPL-2.0-or-later
/* Samples among the records that a ring lost: never more than were due, never counted twice. */
#include "base/text.h"
#include "record/perf_loss.h"
#include "tap.h"

#define PERIOD	 (EVP_NSEC / 100)
#define BEGAN_NS (1000 * EVP_NSEC)
#define TOLD	 (1000 + 1000 + 4 + 9 + 1000) /* records, below */

static void is(uint64_t got, uint64_t wanted, const char *what)
{
	ok(got == wanted, what);
	if (got != wanted)
		printf("# %llu, not %llu\n", (unsigned long long)got, (unsigned long long)wanted);
}

int main(void)
{
	struct evp_perf_loss l = { .began_ns = BEGAN_NS };
	int64_t t = BEGAN_NS + EVP_NSEC;

	is(evp_perf_loss_told(&l, 3, t, 1000, PERIOD), 101, "a second since the beginning");
	evp_perf_loss_heard(&l, 3, t + 5 * PERIOD);
	is(evp_perf_loss_told(&l, 3, t + 7 * PERIOD, 1000, PERIOD), 3,
	   "two periods since heard of");
	is(evp_perf_loss_told(&l, 3, t + 17 * PERIOD, 4, PERIOD), 4, "no more than records");
	is(evp_perf_loss_told(&l, 3, t, 9, PERIOD), 1, "an older time takes nothing back");
	is(evp_perf_loss_told(&l, 1, t, 1000, PERIOD), 101, "another CPU for itself");

	evp_perf_loss_heard(&l, 0, t + 17 * PERIOD);
	evp_perf_loss_heard(&l, 1, t + 17 * PERIOD);
	evp_perf_loss_heard(&l, 2, t + 17 * PERIOD);
	t += 18 * PERIOD;
	is(evp_perf_loss_untold(&l, t, TOLD, PERIOD), 0, "the counters say what was told");
	is(evp_perf_loss_untold(&l, t, TOLD + 2, PERIOD), 2, "two records more");
	is(evp_perf_loss_untold(&l, t, TOLD + 99, PERIOD), 5, "a period of silence on 4 CPUs");
	is(evp_perf_loss_untold(&l, t, 0, PERIOD), 0, "a kernel without counters");
	evp_perf_loss_release(&l);
	return done_testing();
}
