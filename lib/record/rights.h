/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this process may do, and in words what stands in its way: capabilities, namespaces, sysctls,
 * seccomp, lockdown. Read from the kernel each time, since --check and the recorder ask seldom.
 *
 * Capabilities reach the machine's own things (BPF, perf events, kernel addresses) only from the
 * initial user namespace: the root of a container with a user namespace of its own has them all
 * and may nothing of that. CAP_SYS_ADMIN stands for those that were split off it (capabilities(7)).
 */
#ifndef EVP_RECORD_RIGHTS_H
#define EVP_RECORD_RIGHTS_H

#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef CAP_PERFMON /* 5.8 */
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif
#ifndef CAP_CHECKPOINT_RESTORE /* 5.9 */
#define CAP_CHECKPOINT_RESTORE 40
#endif

#define EVP_CAP(number) (1ULL << (number))
/* With these everything is recorded; each one's use is in privilege.h. */
#define EVP_RECORDING_CAPS                                                                         \
	(EVP_CAP(CAP_BPF) | EVP_CAP(CAP_PERFMON) | EVP_CAP(CAP_SYS_PTRACE) | EVP_CAP(CAP_SYSLOG) | \
	 EVP_CAP(CAP_DAC_READ_SEARCH) | EVP_CAP(CAP_CHECKPOINT_RESTORE))

struct evp_rights {
	uint64_t caps;		     /* effective, EVP_CAP(number) each */
	bool user_namespace;	     /* its own, not the initial one; so the next */
	bool pid_namespace;	     /* other processes have no number here */
	int seccomp;		     /* 0 none, 1 strict, 2 a filter; -1 unknown */
	int paranoid, kptr_restrict; /* sysctls kernel.perf_event_paranoid ...; INT_MIN unknown */
	char lockdown[32];	     /* "none", "integrity", "confidentiality"; "" unknown */
};

void evp_rights_read(struct evp_rights *r);

bool evp_rights_have(const struct evp_rights *r, int cap);
/* Those of `caps` that are not had, as "cap_bpf, cap_perfmon"; false and "" if all are. */
bool evp_rights_missing(const struct evp_rights *r, uint64_t caps, char *buf, size_t size);
const char *evp_cap_name(int cap); /* "cap_bpf"; "cap_?" for one that this file does not know */

/*
 * Why the kernel refused, in one line: BPF with this errno (false: nothing here explains it); perf
 * events, EACCES or EPERM, on everybody (`all`) or on one's own processes; names of kernel
 * addresses for the reason that evp_kernel_syms_reason() gave.
 */
bool evp_rights_why_no_bpf(const struct evp_rights *r, int code, char *buf, size_t size);
void evp_rights_why_no_perf(const struct evp_rights *r, bool all, char *buf, size_t size);
void evp_rights_why_no_names(const struct evp_rights *r, const char *reason, char *buf,
			     size_t size);

/*
 * How a right may be had: "run as root, or once 'setcap ...'" with the path of this program; for
 * BPF and perf events only where that is what is missing, and with the sysctl; else "".
 */
void evp_rights_hint(const struct evp_rights *r, char *buf, size_t size);
void evp_rights_bpf_hint(const struct evp_rights *r, char *buf, size_t size);
void evp_rights_perf_hint(const struct evp_rights *r, bool all, char *buf, size_t size);

#endif
