// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/rights.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

/* The inodes of the initial namespaces: uapi since 6.17, the same numbers since 3.8. */
#define INIT_USERNS_INO 0xEFFFFFFDu
#define INIT_PIDNS_INO	0xEFFFFFFCu
#define BTF_PATH	"/sys/kernel/btf/vmlinux"

/* ---- reading ---- */

static int read_sysctl(const char *path)
{
	struct evp_str text = { 0 };
	char *end;
	long v = INT_MIN;

	if (!evp_read_file(path, 64, &text, NULL) && text.len) {
		v = strtol(text.buf, &end, 10);
		if (end == text.buf)
			v = INT_MIN;
	}
	evp_str_release(&text);
	return (int)v;
}

/* The text behind "\nNAME:\t" in /proc/self/status. */
static const char *status_field(const struct evp_str *status, const char *name)
{
	const char *at = status->len ? strstr(status->buf, name) : NULL;

	return at ? at + strlen(name) : NULL;
}

static bool in_namespace(const char *path, ino_t initial)
{
	struct stat st;

	return !stat(path, &st) && st.st_ino != initial;
}

/* "none [integrity] confidentiality": the word in brackets. */
static void read_lockdown(char *buf, size_t size)
{
	struct evp_str text = { 0 };
	const char *open;

	buf[0] = '\0';
	if (!evp_read_file("/sys/kernel/security/lockdown", 256, &text, NULL) && text.len) {
		open = strchr(text.buf, '[');
		if (open)
			snprintf(buf, size, "%.*s", (int)strcspn(open + 1, "]"), open + 1);
	}
	evp_str_release(&text);
}

/* capget(2) rather than /proc, which may be missing. */
static uint64_t effective(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (capget(&head, data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

void evp_rights_read(struct evp_rights *r)
{
	struct evp_str status = { 0 };
	const char *seccomp;

	*r = (struct evp_rights){ .caps = effective(), .seccomp = -1 };
	r->user_namespace = in_namespace("/proc/self/ns/user", INIT_USERNS_INO);
	r->pid_namespace = in_namespace("/proc/self/ns/pid", INIT_PIDNS_INO);
	r->paranoid = read_sysctl("/proc/sys/kernel/perf_event_paranoid");
	r->kptr_restrict = read_sysctl("/proc/sys/kernel/kptr_restrict");
	read_lockdown(r->lockdown, sizeof(r->lockdown));
	if (!evp_read_file("/proc/self/status", 64u << 10, &status, NULL)) {
		seccomp = status_field(&status, "\nSeccomp:\t");
		r->seccomp = seccomp ? atoi(seccomp) : -1;
	}
	evp_str_release(&status);
}

/* ---- capabilities ---- */

static const struct {
	int cap;
	const char *name;
	bool split;   /* from CAP_SYS_ADMIN, which still does */
	bool initial; /* counts in the initial user namespace only */
} known[] = {
	{ CAP_BPF, "cap_bpf", true, true },
	{ CAP_PERFMON, "cap_perfmon", true, true },
	{ CAP_SYS_PTRACE, "cap_sys_ptrace", false, false },
	{ CAP_SYSLOG, "cap_syslog", false, true },
	{ CAP_DAC_READ_SEARCH, "cap_dac_read_search", false, false },
	{ CAP_CHECKPOINT_RESTORE, "cap_checkpoint_restore", true, true },
	{ CAP_IPC_LOCK, "cap_ipc_lock", false, true },
	{ CAP_SYS_RESOURCE, "cap_sys_resource", false, true },
};

const char *evp_cap_name(int cap)
{
	for (size_t i = 0; i < EVP_ARRAY_SIZE(known); i++)
		if (known[i].cap == cap)
			return known[i].name;
	return "cap_?";
}

bool evp_rights_have(const struct evp_rights *r, int cap)
{
	for (size_t i = 0; i < EVP_ARRAY_SIZE(known); i++)
		if (known[i].cap == cap) {
			if (known[i].initial && r->user_namespace)
				return false;
			if (known[i].split && r->caps & EVP_CAP(CAP_SYS_ADMIN))
				return true;
		}
	return r->caps & EVP_CAP(cap);
}

bool evp_rights_missing(const struct evp_rights *r, uint64_t caps, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < EVP_ARRAY_SIZE(known); i++) {
		if (!(caps & EVP_CAP(known[i].cap)) || evp_rights_have(r, known[i].cap))
			continue;
		snprintf(buf + used, size - used, "%s%s", used ? ", " : "", known[i].name);
		used = strlen(buf);
	}
	return used;
}

/* ---- why not ---- */

/* What else may refuse, where the capabilities are there: "; a seccomp filter is in force". */
static const char *suspect(const struct evp_rights *r, char *buf, size_t size)
{
	if (r->seccomp > 0)
		snprintf(buf, size, "a seccomp filter is in force");
	else if (r->lockdown[0] && strcmp(r->lockdown, "none") != 0)
		snprintf(buf, size, "the kernel is locked down (%s)", r->lockdown);
	else
		return NULL;
	return buf;
}

bool evp_rights_why_no_bpf(const struct evp_rights *r, int code, char *buf, size_t size)
{
	char caps[64], other[80];

	if (code == ENOSYS) {
		snprintf(buf, size, "there is no bpf(2) here: %s",
			 suspect(r, other, sizeof(other)) ? other : "CONFIG_BPF_SYSCALL");
	} else if (code == EMFILE || code == ENFILE) {
		snprintf(buf, size, "BPF needs more open files: raise 'ulimit -n'");
	} else if (code != EPERM && code != EACCES) {
		if (!access(BTF_PATH, R_OK))
			return false;
		snprintf(buf, size,
			 "BPF needs the kernel's types: no '" BTF_PATH "' (CONFIG_DEBUG_INFO_BTF)");
	} else if (evp_rights_missing(r, EVP_CAP(CAP_BPF) | EVP_CAP(CAP_PERFMON), caps,
				      sizeof(caps))) {
		snprintf(buf, size, "BPF needs %s%s", caps,
			 r->user_namespace ? " of the initial user namespace" : "");
	} else if (suspect(r, other, sizeof(other))) {
		snprintf(buf, size, "bpf(2) is refused in spite of all capabilities: %s", other);
	} else {
		return false;
	}
	return true;
}

/* The highest kernel.perf_event_paranoid that lets anybody do this; 3 and 4 are Debian's. */
static int least_paranoid(bool all)
{
	return all ? 0 : 2;
}

/* Debian's 3 and 4 stop everybody but CAP_SYS_ADMIN, CAP_PERFMON too. */
static bool shut(const struct evp_rights *r)
{
	return r->paranoid > 2 && (r->user_namespace || !(r->caps & EVP_CAP(CAP_SYS_ADMIN)));
}

static bool too_paranoid(const struct evp_rights *r, bool all)
{
	return shut(r) || (!evp_rights_have(r, CAP_PERFMON) && r->paranoid > least_paranoid(all));
}

void evp_rights_why_no_perf(const struct evp_rights *r, bool all, char *buf, size_t size)
{
	char other[80];

	if (shut(r))
		snprintf(buf, size, "kernel.perf_event_paranoid is %d, without cap_sys_admin",
			 r->paranoid);
	else if (too_paranoid(r, all))
		snprintf(buf, size, "kernel.perf_event_paranoid is %d%s", r->paranoid,
			 r->user_namespace && r->caps & EVP_CAP(CAP_PERFMON)
				 ? " and cap_perfmon not of the initial user namespace"
				 : ", without cap_perfmon");
	else if (suspect(r, other, sizeof(other)))
		snprintf(buf, size, "%s", other);
	else
		snprintf(buf, size, "refused though kernel.perf_event_paranoid allows it");
}

void evp_rights_why_no_names(const struct evp_rights *r, const char *reason, char *buf, size_t size)
{
	bool have = evp_rights_have(r, CAP_SYSLOG);

	if (strcmp(reason, "kptr-restrict") != 0)
		snprintf(buf, size, "no usable '/proc/kallsyms' (CONFIG_KALLSYMS)");
	else if (r->kptr_restrict >= 2)
		snprintf(buf, size, "kernel.kptr_restrict is %d", r->kptr_restrict);
	else
		snprintf(buf, size, "hidden%s", have ? "" : " without cap_syslog");
}

/* ---- what would help ---- */

void evp_rights_hint(const struct evp_rights *r, char *buf, size_t size)
{
	char exe[PATH_MAX];
	ssize_t n;

	buf[0] = '\0';
	if (r->user_namespace) {
		snprintf(buf, size, "run as root outside of this container's user namespace");
		return;
	}
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	snprintf(buf, size,
		 "run as root, or once 'setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_syslog,"
		 "cap_dac_read_search,cap_checkpoint_restore+ep %.250s'",
		 n > 0 ? exe : "/path/to/evp-record");
}

void evp_rights_bpf_hint(const struct evp_rights *r, char *buf, size_t size)
{
	buf[0] = '\0';
	if (!evp_rights_have(r, CAP_BPF) || !evp_rights_have(r, CAP_PERFMON))
		evp_rights_hint(r, buf, size);
}

void evp_rights_perf_hint(const struct evp_rights *r, bool all, char *buf, size_t size)
{
	size_t used;

	buf[0] = '\0';
	if (!too_paranoid(r, all))
		return;
	evp_rights_hint(r, buf, size);
	used = strlen(buf);
	snprintf(buf + used, size - used, ", or 'sysctl kernel.perf_event_paranoid=%d' (it is %d)",
		 least_paranoid(all), r->paranoid);
}
