// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/period.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"

#define MAX_RATE_PATH "/proc/sys/kernel/perf_event_max_sample_rate"

int evp_period_check(int64_t period_ns, struct evp_err *err)
{
	struct evp_str text = { 0 };
	uint64_t most = UINT64_MAX, asked = (uint64_t)(EVP_NSEC / period_ns);

	if (!evp_read_file(MAX_RATE_PATH, 64, &text, NULL) && text.len) {
		text.buf[strcspn(text.buf, "\n")] = '\0';
		evp_parse_u64(text.buf, &most);
	}
	evp_str_release(&text);
	return asked <= most ? 0
			     : evp_fail(err, EINVAL,
					"the kernel does not sample at %llu Hz now, but at %llu at "
					"most: " MAX_RATE_PATH,
					(unsigned long long)asked, (unsigned long long)most);
}

int evp_periods_begin(struct evp_periods *p, int64_t period_ns, size_t ncpus)
{
	if (evp_grow(&p->changed_ns, &p->cap, ncpus, sizeof(*p->changed_ns)))
		return -ENOMEM;
	while (p->n < ncpus)
		p->changed_ns[p->n++] = 0;
	p->before_ns = p->now_ns;
	p->now_ns = period_ns;
	return 0;
}

int evp_periods_change(struct evp_periods *p, size_t cpu, int fd)
{
	uint64_t period = (uint64_t)p->now_ns;

	if (ioctl(fd, PERF_EVENT_IOC_PERIOD, &period) < 0)
		return -errno;
	p->changed_ns[cpu] = evp_clock_ns(CLOCK_MONOTONIC);
	return 0;
}

int64_t evp_periods_at(const struct evp_periods *p, size_t cpu, int64_t time_ns)
{
	return cpu < p->n && time_ns <= p->changed_ns[cpu] ? p->before_ns : p->now_ns;
}

void evp_periods_release(struct evp_periods *p)
{
	free(p->changed_ns);
	*p = (struct evp_periods){ 0 };
}
