// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Samples of a perf ring as the kernel would never write them: one record, its size that of the
 * input, with a user half and without. What is handed out lies inside the record.
 */
#include <stdlib.h>
#include <string.h>

#include "../../lib/record/perf_sample.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void inside(const void *at, size_t len, const struct perf_event_header *record)
{
	const char *from = at, *start = (const char *)(record + 1);

	if (len && (from < start || from + len > (const char *)record + record->size))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct perf_event_header *record = malloc(len < sizeof(*record) ? sizeof(*record) : len);
	struct evp_perf_sample s;
	int user;

	if (!record || len > UINT16_MAX) {
		free(record);
		return 0;
	}
	memcpy(record, data, len);
	record->size = (uint16_t)len;
	for (user = 0; user < 2; user++) {
		struct perf_event_attr attr = { 0 };

		evp_perf_sample_ask(&attr, user, true, EVP_PERF_COPY_BYTES);
		if (evp_perf_sample_read(&attr, record, &s))
			continue;
		inside(s.kernel, s.nkernel * sizeof(*s.kernel), record);
		inside(s.copy, s.copy_len, record);
	}
	free(record);
	return 0;
}
