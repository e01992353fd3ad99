// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/common/origin.h"

#include "cmd/common/input.h"

static int read_origin(void *origin, struct evp_reader *r, struct evp_err *err)
{
	return evp_origin_read(origin, r, err);
}

int evp_origin_add(int fd, const char *name, void *origin)
{
	return evp_input_read(fd, name, read_origin, origin);
}
