// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/privilege.h"

#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "record/rights.h"

/* From CAP_SYS_ADMIN, which does in their place. */
static const cap_value_t split[] = { CAP_BPF, CAP_PERFMON, CAP_CHECKPOINT_RESTORE };

static const struct {
	cap_value_t cap;
	unsigned int keep; /* of EVP_KEEP_*; 0: always */
} lasting[] = {
	{ CAP_BPF, EVP_KEEP_BPF },
	{ CAP_PERFMON, 0 },
	{ CAP_IPC_LOCK, 0 },
	{ CAP_SYS_PTRACE, 0 },
	{ CAP_SYSLOG, 0 },
	{ CAP_DAC_READ_SEARCH, 0 },
	{ CAP_CHECKPOINT_RESTORE, 0 },
	{ CAP_KILL, EVP_KEEP_KILL },
	{ CAP_DAC_OVERRIDE, EVP_KEEP_FILES },
};

static bool permitted(cap_t caps, cap_value_t cap)
{
	cap_flag_value_t value;

	return !cap_get_flag(caps, cap, CAP_PERMITTED, &value) && value == CAP_SET;
}

static void allow(cap_t caps, cap_value_t cap, bool now)
{
	cap_set_flag(caps, CAP_PERMITTED, 1, &cap, CAP_SET);
	if (now)
		cap_set_flag(caps, CAP_EFFECTIVE, 1, &cap, CAP_SET);
}

/*
 * The lasting ones of what this process has, and no other. The inheritable set stays unless `now`:
 * it is the caller's, and nothing can be executed with it after no_new_privs.
 */
static int reduce(unsigned int keep, bool now)
{
	cap_t old = cap_get_proc(), caps = cap_dup(old);
	struct evp_rights rights;
	int rc = -ENOMEM;

	if (!old || !caps)
		goto out;
	cap_clear_flag(caps, CAP_PERMITTED);
	cap_clear_flag(caps, CAP_EFFECTIVE);
	if (now)
		cap_clear_flag(caps, CAP_INHERITABLE);
	for (size_t i = 0; i < EVP_ARRAY_SIZE(lasting); i++)
		if ((!lasting[i].keep || lasting[i].keep & keep) && permitted(old, lasting[i].cap))
			allow(caps, lasting[i].cap, now);
	for (size_t i = 0; i < EVP_ARRAY_SIZE(split); i++)
		if (!permitted(old, split[i]) && permitted(old, CAP_SYS_ADMIN))
			allow(caps, CAP_SYS_ADMIN, now);
	evp_rights_read(&rights);
	if (rights.paranoid > 2 && permitted(old, CAP_SYS_ADMIN))
		allow(caps, CAP_SYS_ADMIN, now);
	rc = cap_set_proc(caps) ? -errno : 0;
out:
	cap_free(old);
	cap_free(caps);
	return rc;
}

/* Whether the caller has less than this program's file gave to it. Root has it all. */
static bool given(void)
{
	return getauxval(AT_SECURE) && getuid();
}

int evp_privilege_begin(struct evp_err *err)
{
	uid_t uid = getuid();
	gid_t gid = getgid();
	int rc;

	if (!given())
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid) ||
	    prctl(PR_SET_KEEPCAPS, 0))
		return evp_fail_errno(err, errno, "cannot go back to the calling user");
	rc = reduce(EVP_KEEP_BPF, false);
	return rc ? evp_fail_errno(err, -rc, "cannot drop capabilities") : 0;
}

static void set_effective(bool on)
{
	cap_t caps = given() ? cap_get_proc() : NULL;

	if (!caps)
		return;
	if (on)
		cap_fill(caps, CAP_EFFECTIVE, CAP_PERMITTED);
	else
		cap_clear_flag(caps, CAP_EFFECTIVE);
	cap_set_proc(caps); /* within what is permitted this cannot fail */
	cap_free(caps);
}

void evp_privilege_raise(void)
{
	set_effective(true);
}

void evp_privilege_lower(void)
{
	set_effective(false);
}

int evp_privilege_as_caller(void)
{
	cap_t caps = given() ? cap_get_proc() : NULL;
	int rc = 0;

	if (!given())
		return 0;
	if (!caps)
		return -errno;
	cap_clear_flag(caps, CAP_EFFECTIVE);
	cap_clear_flag(caps, CAP_PERMITTED);
	/* Dumpable: the caller's again, as any process; until now it was kept from the caller. */
	if (cap_set_proc(caps) || prctl(PR_SET_DUMPABLE, 1))
		rc = -errno;
	cap_free(caps);
	return rc;
}

int evp_privilege_settle(unsigned int keep)
{
	int rc, reduced;

	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++)
		cap_drop_bound(cap); /* without CAP_SETPCAP it stays, and no_new_privs does */
	rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
	reduced = reduce(keep, true);
	return rc ? rc : reduced;
}
