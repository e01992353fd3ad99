// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/common/cmd.h"

int evp_output_open(struct evp_out *out, const char *path, unsigned int flags)
{
	struct evp_err err;

	if (evp_out_open(out, path, flags | (evp_force ? EVP_OUT_FORCE : 0), &err))
		return evp_error_from(&err);
	return EVP_DONE;
}

int evp_finish(struct evp_out *out)
{
	struct evp_err err;

	return evp_out_finish(out, &err) ? evp_error_from(&err) : EVP_DONE;
}
