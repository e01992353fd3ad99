// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/period.h"

#include <errno.h>
#include <string.h>

#include "base/io.h"
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
