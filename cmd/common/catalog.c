// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/common/catalog.h"

#include "cmd/common/cmd.h"

int evp_tell_bad(const struct evp_catalog *c, const char *what)
{
	size_t i;

	for (i = 0; i < c->nbad; i++)
		evp_error("%s'%s': %s", what, c->bad[i].path, c->bad[i].reason);
	return c->nbad ? EVP_INCOMPLETE : EVP_DONE;
}
