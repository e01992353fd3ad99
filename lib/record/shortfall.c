// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/shortfall.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "record/rights.h"

static bool proc_is_there(void)
{
	return !access("/proc/self/stat", F_OK);
}

/* Whether /proc hides other users' processes (hidepid): there always is a first one. */
static bool hides_processes(void)
{
	return (!kill(1, 0) || errno == EPERM) && access("/proc/1", F_OK);
}

/* Whether time spent in the kernel is sampled. */
static bool sees_kernel(const struct evp_rights *r)
{
	return evp_rights_have(r, CAP_PERFMON) || r->paranoid <= 1;
}

/* Whether others' processes can be among the samples. */
static bool sees_others(const struct evp_rights *r, const struct evp_record_opts *o)
{
	return (evp_rights_have(r, CAP_PERFMON) || r->paranoid <= 0) &&
	       (o->all || o->targets->ncgroups || o->targets->npids > (o->argv ? 1 : 0));
}

static void about_processes(const struct evp_rights *r, const struct evp_record_opts *o,
			    const struct evp_procs *procs)
{
	if (evp_rights_have(r, CAP_SYS_PTRACE) || !sees_others(r, o))
		return;
	else if (hides_processes())
		o->warn("'/proc' hides other users' processes (hidepid) without cap_sys_ptrace: "
			"their files are unknown");
	else if (procs->refused)
		o->warn("processes not to be looked into without cap_sys_ptrace, so that their "
			"executables are unknown: %zu",
			procs->refused);
}

void evp_shortfall_begin(const struct evp_record_opts *o, struct evp_kernel_syms *ks,
			 const struct evp_procs *procs)
{
	struct evp_rights r;
	const char *reason;
	char why[120];

	if (!proc_is_there()) {
		o->warn("'/proc' is not mounted: names of kernel functions, build IDs, and files "
			"mapped before now, are unknown");
		return;
	}
	evp_rights_read(&r);
	reason = o->kernel && sees_kernel(&r) ? evp_kernel_syms_reason(ks) : NULL;
	if (reason) {
		evp_rights_why_no_names(&r, reason, why, sizeof(why));
		o->warn("kernel functions have no names: %s", why);
	}
	if (o->all && r.pid_namespace)
		o->warn("only processes of this container's pid namespace are recorded");
	about_processes(&r, o, procs);
}

void evp_shortfall_end(const struct evp_record_opts *o, const struct evp_procs *procs)
{
	size_t refused = evp_files_refused(&procs->files), silent = evp_files_silent(&procs->files);
	struct evp_rights r;
	char missing[120];

	if (silent)
		o->warn("files on a device that does not answer, so that their build IDs are "
			"unknown: %zu",
			silent);
	evp_rights_read(&r);
	if (!refused || !proc_is_there() || !evp_rights_have(&r, CAP_SYS_PTRACE))
		return; /* the last: was said */
	evp_rights_missing(&r, EVP_CAP(CAP_DAC_READ_SEARCH) | EVP_CAP(CAP_CHECKPOINT_RESTORE),
			   missing, sizeof(missing));
	o->warn("files that may not be read%s%s, so that their build IDs are unknown: %zu",
		missing[0] ? " without " : "", missing, refused);
}
