// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * evp-record: samples what runs on this machine and writes a stream.
 *
 *	evp-record -a -F 99 --duration 5 | evp-symbolize | evp-fold > out.folded
 *	evp-record -o prof.evp -- make -j2
 */
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/common/cmd.h"
#include "record/check.h"
#include "cmd/record/options.h"
#include "record/privilege.h"
#include "record/recorder.h"

static int check(bool json)
{
	struct evp_str text = { 0 };
	struct evp_check c;

	evp_privilege_raise();
	evp_check_run(&c);
	if (json && evp_check_json(&c, &text))
		return evp_error("out of memory");
	if (!json)
		evp_check_text(&c, &text);
	fwrite(text.buf, 1, text.len, stdout);
	evp_str_release(&text);
	return fflush(stdout) ? evp_error("cannot write") : c.can_sample ? EVP_DONE : EVP_TROUBLE;
}

static void summary(const struct evp_record_result *r)
{
	const struct evp_unwinder_stats *u = &r->unwinding;
	const struct evp_cost *c = &r->cost;

	if (r->lost)
		evp_warn("%lld samples were lost, %lld recorded; the stream says when and why",
			 (long long)r->lost, (long long)r->samples);
	if (r->dropped)
		evp_note("%lld samples were dropped by the rules", (long long)r->dropped);
	if (r->rate_changes)
		evp_note("the rate was changed %u times and is %.3g Hz in the end",
			 (unsigned int)r->rate_changes, 1e9 / (double)r->period_ns);
	if (!c->to_ns)
		return; /* nothing was begun */
	evp_note("unwind tables: %zu, %.1f MB (%llu made, %llu evicted, %llu files without); "
		 "%llu stacks walked from copies, %llu process maps written",
		 u->tables, (double)u->table_bytes / 1e6, (unsigned long long)u->compiled,
		 (unsigned long long)u->evicted, (unsigned long long)u->failed,
		 (unsigned long long)u->walks, (unsigned long long)u->published);
	evp_note(
		"%lld samples in %.1f s; this cost %.3f s of CPU, %.3f s in BPF, %.1f MB of memory",
		(long long)r->samples, (double)(c->to_ns - c->from_ns) / 1e9,
		(double)(c->user_ns + c->system_ns) / 1e9, (double)c->kernel_ns / 1e9,
		(double)c->peak_rss_bytes / 1e6);
}

/* A place to write to is our business, not the command's: it runs all the same, unless --strict. */
static int without_output(const struct record_options *ro, const struct evp_err *err)
{
	int code;

	evp_error_from(err);
	if (!evp_noperands || err->code == ENOTTY)
		return EVP_TROUBLE;
	if (ro->strict)
		return EVP_UNSURE;
	code = -evp_privilege_as_caller();
	if (!code) {
		execvp(evp_operand[0], evp_operand);
		code = errno;
	}
	evp_error("cannot run '%s': %s", evp_operand[0], strerror(code));
	return code == ENOENT ? 127 : 126;
}

static int open_output(struct record_options *ro, struct evp_out *out, struct evp_err *err)
{
	unsigned int flags = EVP_OUT_BINARY | EVP_OUT_DIRECT | (evp_force ? EVP_OUT_FORCE : 0);

	return ro->record.rotate ? evp_rotate_open(ro->record.rotate, evp_now_ns(), out, err)
				 : evp_out_open(out, ro->output, flags, err);
}

static int record(struct record_options *ro)
{
	struct evp_record_result result;
	struct evp_out out = { 0 };
	struct evp_err err = { 0 };
	int rc, status;

	if (open_output(ro, &out, &err))
		return without_output(ro, &err);
	ro->record.out = &out;
	rc = evp_record_run(&ro->record, &result, &err);
	status = rc ? evp_error_from(&err) : EVP_DONE;
	summary(&result);
	if (result.reader_gone)
		evp_out_drop(&out);
	else
		status = evp_worse(status, evp_finish(&out));
	if (!result.ran_command)
		return status;
	return status && ro->strict ? EVP_UNSURE : result.command_status;
}

int main(int argc, char **argv)
{
	struct record_options ro;
	struct evp_err err = { 0 };
	int rc;

	/* Unwind tables come and go; said once, the limit stays, and each gives its memory back. */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	rc = evp_cmd_parse(&record_cmd, argc, argv);

	if (rc >= 0)
		return rc;
	if (evp_privilege_begin(&err))
		return evp_error_from(&err);
	rc = record_options_read(&ro);
	if (rc < 0)
		rc = ro.check ? check(ro.json) : record(&ro);
	record_options_release(&ro);
	return rc;
}
