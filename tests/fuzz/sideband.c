// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Side band records as the kernel would never write them: one after the other, as long as their
 * sizes lead on. Names lie inside the record and end there.
 */
#include <stdlib.h>
#include <string.h>

#include "../../lib/record/sideband_decode.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct perf_event_header h;
	struct evp_sideband_event e;

	for (; len >= sizeof(h); data += h.size, len -= h.size) {
		memcpy(&h, data, sizeof(h));
		if (!evp_sideband_decode(data, len, &e)) {
			if (strlen(e.name) != e.name_len)
				abort();
			if (*e.name && (e.name < (const char *)data ||
					e.name + e.name_len >= (const char *)data + h.size))
				abort();
		}
		if (h.size < sizeof(h) || h.size > len)
			break;
	}
	return 0;
}
