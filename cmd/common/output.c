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

int evp_finish_or_drop(struct evp_out *out, int status)
{
	if (status != EVP_TROUBLE || !out->path)
		return evp_worse(status, evp_finish(out));
	evp_out_drop(out);
	return status;
}

int evp_output_format(bool json, bool tsv, enum evp_table_format *ret_format)
{
	if (json && tsv)
		return evp_error("--json and --tsv exclude each other");
	*ret_format = json ? EVP_TABLE_JSON : tsv ? EVP_TABLE_TSV : EVP_TABLE_TEXT;
	return EVP_DONE;
}

size_t evp_output_rows(uint64_t given, enum evp_table_format format)
{
	if (given != EVP_ROWS_DEFAULT)
		return given;
	return format == EVP_TABLE_TEXT ? 40 : 0;
}
