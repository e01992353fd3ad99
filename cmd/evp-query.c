// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-query: store to stream, or to lists of what is in it.
 *
 *	evp-query -s prof.d 'cpu{comm=~"python.*"}' --from -1h | evp-flame -o f.html
 *	evp-query -s prof.d values comm
 */
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/common/catalog.h"
#include "cmd/common/copy.h"
#include "cmd/common/origin.h"
#include "cmd/query/options.h"
#include "view/nameless.h"

/* The range, for someone at a terminal who did not give one. */
static void tell_range(const struct query_options *qo, const struct evp_query_info *info)
{
	struct evp_str from = { 0 }, to = { 0 };

	if (!qo->from_start || !info->rows || evp_verbosity < 0 || !isatty(STDERR_FILENO))
		return;
	evp_format_time(&from, info->from_ns);
	evp_format_time(&to, info->to_ns);
	if (!from.oom && !to.oom)
		evp_warn("everything from %s to %s (see --from)", from.buf, to.buf);
	evp_str_release(&from);
	evp_str_release(&to);
}

static int write_stream(const struct query_options *qo, struct evp_catalog *c, struct evp_out *out,
			struct evp_query_info *ret_info, struct evp_err *err)
{
	struct evp_writer *w = NULL;
	struct stat st;
	uint8_t id[16];
	int level, rc;

	/* At rest it is compressed; on its way to the next filter that costs more than it saves. */
	level = !fstat(out->fd, &st) && S_ISREG(st.st_mode) ? 0 : -1;
	evp_query_id(&qo->query, c, qo->raw, id);
	rc = evp_output_writer(&w, out, id, level, err);
	if (!rc)
		rc = qo->raw ? evp_query_raw(w, &qo->query, c, ret_info, err)
			     : evp_query_stream(w, &qo->query, c, ret_info, err);
	if (!rc && (rc = evp_writer_end(w)))
		evp_fail_errno(err, -rc, "cannot write the stream");
	evp_writer_free(w);
	return rc;
}

static int stream(const struct query_options *qo, struct evp_catalog *c)
{
	struct evp_query_info info = { 0 };
	struct evp_out out;
	struct evp_err err;

	if (evp_output_open(&out, qo->output, EVP_OUT_BINARY))
		return EVP_TROUBLE;
	if (write_stream(qo, c, &out, &info, &err)) {
		evp_out_drop(&out);
		return evp_error_from(&err);
	}
	tell_range(qo, &info);
	return evp_worse(info.found ? EVP_DONE : EVP_NO, evp_finish(&out));
}

static int top(const struct query_options *qo, struct evp_catalog *c)
{
	struct evp_top_opts t = { .format = qo->format, .limit = qo->rows };
	struct evp_origin s = { .symbolized = true };
	struct evp_query_info info = { 0 };
	struct evp_profile *p = NULL;
	struct evp_err err;
	int rc = evp_profile_new(&p, &(struct evp_profile_opts){ 0 }, &err), status;

	if (!rc)
		rc = evp_query_profile(p, &qo->query, c, &info, &err);
	if (!rc)
		rc = evp_profile_join_nameless(&s.profile, p, &err);
	if (rc) {
		status = evp_error_from(&err);
	} else {
		tell_range(qo, &info);
		status = evp_output_top(&s, &t, qo->output, info.found ? EVP_DONE : EVP_NO);
	}
	evp_profile_free(p);
	evp_profile_free(s.profile);
	evp_origin_release(&s);
	return status;
}

static int list(const struct query_options *qo, struct evp_catalog *c)
{
	struct evp_list l = { 0 };
	struct evp_out out;
	struct evp_err err;
	int status;

	if (evp_query_list(&l, qo->list, qo->label, &qo->query, c, &err)) {
		status = evp_error_from(&err);
	} else if (evp_output_open(&out, qo->output, 0)) {
		status = EVP_TROUBLE;
	} else {
		evp_list_print(&l, qo->list, qo->format, &out);
		status = evp_worse(l.n ? EVP_DONE : EVP_NO, evp_finish(&out));
	}
	evp_list_release(&l);
	return status;
}

static int run(const struct query_options *qo)
{
	const char *type = query_lists(qo, EVP_LIST_TYPES) ? NULL : EVP_QUERY_TYPE;
	struct evp_catalog *c;
	struct evp_err err;
	int status;

	if (evp_query_open(&c, qo->store, &qo->query, type, &err))
		return evp_error_from(&err);
	if (qo->verb != QUERY_LIST)
		evp_heap_prefer_huge_pages();
	status = qo->verb == QUERY_STREAM ? stream(qo, c)
		 : qo->verb == QUERY_TOP  ? top(qo, c)
					  : list(qo, c);
	status = evp_worse(status, evp_tell_bad(c, "left out "));
	evp_catalog_close(c);
	if (status == EVP_NO)
		evp_note("nothing matched");
	return status;
}

int main(int argc, char **argv)
{
	struct query_options qo = { 0 };
	int status = evp_cmd_parse(&query_cmd, argc, argv);

	if (status >= 0)
		return status;
	status = query_options_read(&qo);
	if (!status)
		status = run(&qo);
	query_options_release(&qo);
	return status;
}
