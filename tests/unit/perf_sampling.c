// SPDX-License-Identifier: GPL-2.0-or-later
/* What is opened to sample, really: how large rings and copies are, whom it is for. */
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "record/perf_sample.h"
#include "record/perf_sampling.h"
#include "tap.h"

/* The ring of a CPU, and what is copied of a stack; ring 0: as it chooses. */
static void sizes(int64_t freq_hz, bool user, uint32_t ring, size_t *ret_ring, size_t *ret_copy)
{
	struct evp_sampler_opts opts = { .period_ns = EVP_NSEC / freq_hz,
					 .user = user,
					 .kernel = true,
					 .all = true,
					 .ring_bytes = ring };
	struct evp_perf_sampling s = { 0 };
	struct evp_err err = { 0 };

	if (evp_perf_sampling_open(&s, &opts, &err))
		printf("# %s\n", err.msg);
	*ret_ring = s.set.ring_bytes;
	*ret_copy = s.set.attr.sample_stack_user;
	printf("# %lld Hz: rings of %zu, copies of %zu bytes\n", (long long)freq_hz, *ret_ring,
	       *ret_copy);
	evp_perf_sampling_release(&s);
}

static void test_sizes(void)
{
	size_t ring, copy;

	sizes(99, true, 0, &ring, &copy);
	ok(8 * copy <= ring || copy <= EVP_PERF_COPY_BYTES_MIN, "eight samples fit into a ring");
	sizes(999, true, 0, &ring, &copy);
	ok(80 * copy <= ring || copy <= EVP_PERF_COPY_BYTES_MIN, "80 ms of many fit");
	sizes(99, true, 32 << 10, &ring, &copy);
	ok(ring == 32 << 10 && copy < EVP_PERF_COPY_BYTES_MIN * 2, "small rings, small copies");
	sizes(99, false, 0, &ring, &copy);
	ok(ring <= 256 << 10 && !copy, "nothing is copied where it is not wanted");
}

static void test_selection(void)
{
	pid_t own = getpid();
	struct evp_sampler_opts opts = { .period_ns = EVP_NSEC / 99, .pids = &own, .npids = 1 };
	struct evp_perf_sampling s = { 0 };

	ok(!evp_perf_sampling_open(&s, &opts, NULL) && s.set.nfds && !s.set.enabled,
	   "opened, and not begun");
	ok(evp_perf_sampling_selects(&s, own, own, 0), "who is selected");
	ok(s.per_task || !evp_perf_sampling_selects(&s, own + 1, own + 1, 0), "and who is not");
	evp_perf_sampling_release(&s);
}

int main(void)
{
	test_sizes();
	test_selection();
	return done_testing();
}
