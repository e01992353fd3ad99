// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/cpus.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

#define ONLINE_PATH "/sys/devices/system/cpu/online"

static int add_range(struct evp_cpus *c, unsigned long from, unsigned long to)
{
	if (from > to || to >= EVP_MAX_CPUS)
		return -EBADMSG;
	if (evp_grow(&c->on, &c->cap, to + 1, sizeof(*c->on)))
		return -ENOMEM;
	while (c->n <= to)
		c->on[c->n++] = false;
	for (; from <= to; from++)
		c->on[from] = true;
	return 0;
}

int evp_cpus_parse(struct evp_cpus *ret, const char *list)
{
	ret->n = 0;
	while (isdigit((unsigned char)*list)) {
		char *end;
		unsigned long from = strtoul(list, &end, 10), to = from;
		int rc;

		if (*end == '-' && isdigit((unsigned char)end[1]))
			to = strtoul(end + 1, &end, 10);
		rc = add_range(ret, from, to);
		if (rc)
			return rc;
		if (*end != ',')
			return !*end || *end == '\n' ? 0 : -EBADMSG;
		list = end + 1;
	}
	return -EBADMSG;
}

int evp_cpus_online(struct evp_cpus *ret, struct evp_err *err)
{
	struct evp_str text = { 0 };
	int rc = evp_read_file(ONLINE_PATH, 1 << 20, &text, NULL);

	if (rc) { /* no /sys here: as many as libc can find */
		ret->n = 0;
		rc = add_range(ret, 0, (unsigned long)sysconf(_SC_NPROCESSORS_ONLN) - 1);
		if (rc)
			evp_fail(err, -rc, "cannot count the CPUs");
	} else {
		rc = evp_cpus_parse(ret, text.buf ? text.buf : "");
		if (rc)
			evp_fail(err, -rc, "cannot understand '" ONLINE_PATH "'");
	}
	evp_str_release(&text);
	return rc;
}

void evp_cpus_release(struct evp_cpus *c)
{
	free(c->on);
	*c = (struct evp_cpus){ 0 };
}
