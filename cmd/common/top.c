// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/common/cmd.h"
#include "cmd/common/origin.h"

int evp_output_top(const struct evp_origin *s, struct evp_top_opts *t, const char *path, int status)
{
	struct evp_out out;
	struct evp_err err;
	int rc;

	if (evp_output_open(&out, path, 0))
		return EVP_TROUBLE;
	t->style = evp_table_style_of(out.fd);
	rc = evp_top(s, t, &out, &err);
	if (rc) {
		evp_out_drop(&out);
		evp_error_from(&err);
		return rc < 0 ? EVP_TROUBLE : EVP_NO;
	}
	return evp_worse(status, evp_finish(&out));
}
