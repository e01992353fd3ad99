/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which CPUs there are, from the kernel's list files: "0-3,8,10-11".
 */
#ifndef EVP_RECORD_CPUS_H
#define EVP_RECORD_CPUS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define EVP_MAX_CPUS 65536

struct evp_cpus { /* a zeroed struct is empty */
	bool *on; /* [n], n = highest number + 1 */
	size_t n, cap;
};

/* Parses the list; -EBADMSG when it is none. `ret` is emptied first. */
int evp_cpus_parse(struct evp_cpus *ret, const char *list);
/* The CPUs online now. */
int evp_cpus_online(struct evp_cpus *ret, struct evp_err *err);
void evp_cpus_release(struct evp_cpus *c);

#endif
