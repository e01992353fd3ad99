/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the label `service` is where nobody said it: the name under which people know a process.
 * The recorder and the store derive it by the same rule, evp-store(5), "LABELS".
 */
#ifndef EVP_STREAM_SERVICE_H
#define EVP_STREAM_SERVICE_H

#include "base/hash.h"

struct evp_service_from { /* labels of those names; len 0: absent */
	struct evp_bytes unit, container, pod, exe, comm;
};

/* A part of one of the texts given; len 0 where all are empty. */
struct evp_bytes evp_service_name(const struct evp_service_from *from);

#endif
