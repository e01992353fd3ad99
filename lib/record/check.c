// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef EVP_HAVE_BPF
#include <bpf/libbpf.h>
#endif

#include "base/text.h"
#include "record/kernel_syms.h"
#include "record/mounts.h"
#include "record/perf_set.h"
#include "record/rights.h"
#include "record/sampler.h"
#include "record/sideband.h"

#define BTF_MAGIC 0xeb9f

/* ---- lines ---- */

static struct evp_check_item *add(struct evp_check *c, const char *name, const char *what,
				  bool needed)
{
	/* EVP_CHECK_MAX is more than evp_check_run adds. */
	struct evp_check_item *i = &c->item[c->n++];

	*i = (struct evp_check_item){ .name = name, .what = what, .needed = needed };
	return i;
}

__attribute__((format(printf, 3, 4))) static void
answer(struct evp_check_item *i, enum evp_check_answer answer, const char *fmt, ...)
{
	va_list ap;

	i->answer = answer;
	va_start(ap, fmt);
	vsnprintf(i->why, sizeof(i->why), fmt, ap);
	va_end(ap);
}

static void hint(struct evp_check_item *i, const char *text)
{
	snprintf(i->hint, sizeof(i->hint), "%s", text);
}

/* ---- BPF ---- */

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	int fd = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return fd < 0 ? -errno : fd;
}

/* "return 0": loads if and only if programs of this type may be loaded. */
static int load_program(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_PERF_EVENT;
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = EVP_ARRAY_SIZE(insns);
	attr.license = (uintptr_t) "GPL";
	return bpf(BPF_PROG_LOAD, &attr);
}

static void deny_bpf(const struct evp_check *c, struct evp_check_item *i, int code)
{
	i->answer = EVP_CHECK_NO;
	if (!evp_rights_why_no_bpf(&c->rights, code, i->why, sizeof(i->why)))
		answer(i, EVP_CHECK_NO, "%s", strerror(code));
	evp_rights_bpf_hint(&c->rights, i->hint, sizeof(i->hint));
}

static struct perf_event_attr sampling(bool user_only)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN,
		.disabled = 1,
		.exclude_hv = 1,
		.exclude_kernel = user_only,
	};
}

static void check_bpf_program(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "bpf-program", "BPF programs on perf events", true);
	struct perf_event_attr attr = sampling(true);
	int prog = load_program(), event, rc = 0;

	if (prog < 0) {
		deny_bpf(c, i, -prog);
		return;
	}
	event = evp_perf_open(&attr, 0, -1, -1, 0);
	if (event >= 0 && ioctl(event, PERF_EVENT_IOC_SET_BPF, prog) < 0)
		rc = errno;
	if (rc)
		deny_bpf(c, i, rc);
	else
		answer(i, EVP_CHECK_YES, "%s", event < 0 ? "loaded, not attached" : "");
	if (event >= 0)
		close(event);
	close(prog);
}

static void check_bpf_ring(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "bpf-ring", "BPF ring buffers (Linux 5.8)", true);
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_RINGBUF;
	attr.max_entries = (uint32_t)sysconf(_SC_PAGESIZE);
	fd = bpf(BPF_MAP_CREATE, &attr);
	if (fd < 0) {
		deny_bpf(c, i, -fd);
		return;
	}
	answer(i, EVP_CHECK_YES, "%s", "");
	close(fd);
}

/*
 * Whether the verifier knows the helper: it complains of the arguments, not of the number. Who may
 * load nothing does not even hear that, which libbpf takes for knowing.
 */
static int knows_loop(void)
{
	int prog = load_program();

	if (prog < 0)
		return prog;
	close(prog);
#ifdef EVP_HAVE_BPF
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL);
#else
	return -ENOTSUP;
#endif
}

static void check_bpf_loop(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "bpf-loop", "long loops in BPF (Linux 5.17)", true);
	int rc = knows_loop();

	if (rc > 0)
		answer(i, EVP_CHECK_YES, "%s", "");
	else if (!rc)
		answer(i, EVP_CHECK_NO,
		       "this kernel's BPF has no bpf_loop: stacks are cut earlier");
	else
		deny_bpf(c, i, -rc);
}

static void check_btf(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "btf", "type information of the kernel", true);
	static const char path[] = "/sys/kernel/btf/vmlinux";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint16_t magic = 0;

	if (fd < 0)
		answer(i, EVP_CHECK_NO, "cannot open '%s': %s (CONFIG_DEBUG_INFO_BTF)", path,
		       strerror(errno));
	else if (read(fd, &magic, sizeof(magic)) != sizeof(magic) || magic != BTF_MAGIC)
		answer(i, EVP_CHECK_NO, "'%s' is not BTF of this byte order", path);
	else
		answer(i, EVP_CHECK_YES, "%s", "");
	if (fd >= 0)
		close(fd);
}

/* The proof of the pudding: the very program that evp-record would run. */
static void check_bpf(struct evp_check *c)
{
	const struct evp_sampler_opts opts = {
		.period_ns = EVP_NSEC / 99, .user = true, .kernel = true, .all = true
	};
	struct evp_check_item *i = add(c, "bpf", "the BPF sampler", true);
	struct evp_sampler *s = NULL;
	struct evp_err err = { 0 };

	if (evp_sampler_bpf.open(&s, &opts, &err)) {
		answer(i, EVP_CHECK_NO, "%s", err.msg);
		return;
	}
	answer(i, EVP_CHECK_YES, "%s", "");
	evp_sampler_bpf.close(s);
}

/* ---- perf events ---- */

static void deny_perf(const struct evp_check *c, struct evp_check_item *i, bool all)
{
	i->answer = EVP_CHECK_NO;
	evp_rights_why_no_perf(&c->rights, all, i->why, sizeof(i->why));
	evp_rights_perf_hint(&c->rights, all, i->hint, sizeof(i->hint));
}

/* Of an event of one's own: 0 or -errno. */
static void answer_perf(const struct evp_check *c, struct evp_check_item *i, int rc)
{
	if (!rc)
		answer(i, EVP_CHECK_YES, "%s", "");
	else if (rc == -EACCES || rc == -EPERM)
		deny_perf(c, i, false);
	else
		answer(i, EVP_CHECK_NO, "%s", strerror(-rc));
}

static void check_perf_all(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "perf-all", "perf events on the whole machine", true);
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.disabled = 1,
					.sample_period = 1000000000 };
	struct evp_perf_set set;
	struct evp_err err = { 0 };
	int rc;

	rc = evp_perf_set_init(&set, &attr, NULL, 0, &err);
	if (!rc)
		rc = evp_perf_set_add(&set, -1, 0, &err);
	if (!rc)
		answer(i, EVP_CHECK_YES, "on %zu CPUs", set.nfds);
	else if (rc == -EACCES || rc == -EPERM)
		deny_perf(c, i, true);
	else
		answer(i, EVP_CHECK_NO, "%s", err.msg);
	evp_perf_set_release(&set);
}

static void check_perf_own(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "perf-own", "perf events on one's own processes", true);
	struct perf_event_attr all = sampling(false), user = sampling(true);

	if (!evp_perf_try(&all)) {
		answer(i, EVP_CHECK_YES, "%s", "");
		return;
	}
	answer_perf(c, i, evp_perf_try(&user));
	if (i->answer == EVP_CHECK_YES) {
		answer(i, EVP_CHECK_PART,
		       "only the time spent in user space: "
		       "kernel.perf_event_paranoid is %d",
		       c->rights.paranoid);
		hint(i, "sysctl kernel.perf_event_paranoid=1");
	}
}

/* What the walk in user space needs where there is no BPF. */
static void check_stack_copies(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "stack-copies", "copies of registers and user stacks",
				       true);
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.sample_period = 1000000000,
					.sample_type = PERF_SAMPLE_REGS_USER |
						       PERF_SAMPLE_STACK_USER,
					.sample_regs_user = 1,
					.sample_stack_user = 4096,
					.exclude_kernel = 1,
					.exclude_hv = 1,
					.disabled = 1 };

	answer_perf(c, i, evp_perf_try(&attr));
}

static void check_counters(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "hardware-counters", "hardware counters", false);
	struct perf_event_attr attr = { .type = PERF_TYPE_HARDWARE,
					.config = PERF_COUNT_HW_CPU_CYCLES,
					.exclude_kernel = 1,
					.exclude_hv = 1,
					.disabled = 1 };
	int rc = evp_perf_try(&attr);

	if (!rc)
		answer(i, EVP_CHECK_YES, "%s", "");
	else if (rc == -ENOENT || rc == -EOPNOTSUPP || rc == -ENODEV)
		answer(i, EVP_CHECK_NO, "no PMU here; the CPU clock does for -e cpu");
	else
		answer(i, EVP_CHECK_NO, "%s", strerror(-rc));
}

static void check_sideband(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "side-band", "news of mappings, exec, fork and exit",
				       true);
	const pid_t me = getpid();
	const struct evp_sideband_opts opts = { .all = true, .pids = &me, .npids = 1 };
	struct evp_sideband *sb = NULL;
	struct evp_err err = { 0 };
	unsigned int has;

	if (evp_sideband_open(&sb, &opts, &err)) {
		answer(i, EVP_CHECK_NO, "%s", err.msg);
		return;
	}
	has = evp_sideband_features(sb);
	evp_sideband_close(sb);
	if (!(has & EVP_SB_SYSTEM_WIDE)) {
		answer(i, EVP_CHECK_PART, "of one's own processes only");
		evp_rights_perf_hint(&c->rights, true, i->hint, sizeof(i->hint));
	} else {
		answer(i, EVP_CHECK_YES, "of all processes%s%s",
		       has & EVP_SB_HAS_KSYMBOL ? ", with kernel symbols" : "",
		       has & EVP_SB_HAS_CGROUP ? ", with cgroups" : "");
	}
}

/* ---- the rest ---- */

static void check_kernel_symbols(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "kernel-symbols", "names of kernel addresses", true);
	struct evp_kernel_syms *ks;
	const char *reason;

	if (evp_kernel_syms_new(&ks, "")) {
		answer(i, EVP_CHECK_NO, "out of memory");
		return;
	}
	reason = evp_kernel_syms_reason(ks);
	evp_kernel_syms_free(ks);
	if (!reason) {
		answer(i, EVP_CHECK_YES, "%s", "");
		return;
	}
	i->answer = EVP_CHECK_NO;
	evp_rights_why_no_names(&c->rights, reason, i->why, sizeof(i->why));
	if (c->rights.kptr_restrict > 1)
		hint(i, "sysctl kernel.kptr_restrict=1");
	else if (!evp_rights_have(&c->rights, CAP_SYSLOG))
		evp_rights_hint(&c->rights, i->hint, sizeof(i->hint));
}

static void check_mount(struct evp_check_item *i, const char *type)
{
	struct evp_str dir = { 0 };

	if (evp_mounts_first(type, &dir))
		answer(i, EVP_CHECK_NO, "not mounted");
	else
		answer(i, EVP_CHECK_YES, "%s", dir.buf);
	evp_str_release(&dir);
}

static void check_cgroup(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "cgroup2", "cgroup v2, for -G and labels", true);

	check_mount(i, "cgroup2");
	if (i->answer == EVP_CHECK_NO)
		hint(i, "mount -t cgroup2 none /sys/fs/cgroup/unified");
}

static void check_processes(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "processes", "files that processes map", true);
	char path[64], exe[PATH_MAX];
	int all = 0, refused = 0;
	struct dirent *d;
	uint64_t pid;
	DIR *dir = opendir("/proc");

	while (dir && (d = readdir(dir))) {
		if (evp_parse_u64(d->d_name, &pid) || pid > INT_MAX)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
		if (readlink(path, exe, sizeof(exe)) >= 0)
			all++;
		else if (errno == EACCES ||
			 errno == EPERM) /* not so kernel threads: they have none */
			refused++;
	}
	if (dir)
		closedir(dir);
	all += refused;
	if (!all)
		answer(i, EVP_CHECK_NO, "cannot read '/proc'");
	else if (!refused)
		answer(i, EVP_CHECK_YES, "of all %d processes", all);
	else
		answer(i, EVP_CHECK_PART, "not of %d of %d processes", refused, all);
	if (refused && !evp_rights_have(&c->rights, CAP_SYS_PTRACE))
		evp_rights_hint(&c->rights, i->hint, sizeof(i->hint));
}

static void check_tracefs(struct evp_check *c)
{
	check_mount(add(c, "tracefs", "tracefs (not needed)", false), "tracefs");
}

static void check_capabilities(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "capabilities", "capabilities", true);
	char missing[160];

	if (!evp_rights_missing(&c->rights, EVP_RECORDING_CAPS, missing, sizeof(missing))) {
		answer(i, EVP_CHECK_YES, "%s", "");
		return;
	}
	answer(i, EVP_CHECK_PART, "without %s%s", missing,
	       c->rights.user_namespace ? " of the initial user namespace" : "");
	evp_rights_hint(&c->rights, i->hint, sizeof(i->hint));
}

static void check_pid_namespace(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "pid-namespace", "a number for every process", true);

	if (!c->rights.pid_namespace)
		answer(i, EVP_CHECK_YES, "%s", "");
	else
		answer(i, EVP_CHECK_PART, "only for those of this container's pid namespace");
}

static void check_seccomp(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "seccomp", "system calls without a filter", false);

	if (c->rights.seccomp > 0)
		answer(i, EVP_CHECK_PART, "seccomp may refuse bpf(2) or perf_event_open(2)");
	else
		answer(i, EVP_CHECK_YES, "%s", c->rights.seccomp < 0 ? "cannot be read" : "");
}

static bool yes(const struct evp_check *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (!strcmp(c->item[i].name, name))
			return c->item[i].answer != EVP_CHECK_NO;
	return false;
}

void evp_check_run(struct evp_check *c)
{
	memset(c, 0, sizeof(*c));
	evp_rights_read(&c->rights);
	check_bpf(c);
	check_bpf_program(c);
	check_bpf_ring(c);
	check_bpf_loop(c);
	check_btf(c);
	check_perf_all(c);
	check_perf_own(c);
	check_stack_copies(c);
	check_sideband(c);
	check_kernel_symbols(c);
	check_processes(c);
	check_capabilities(c);
	check_pid_namespace(c);
	check_seccomp(c);
	check_cgroup(c);
	check_counters(c);
	check_tracefs(c);
	c->can_bpf = yes(c, "bpf") && yes(c, "perf-all");
	c->can_all = yes(c, "perf-all");
	c->can_sample = c->can_all || yes(c, "perf-own");
}
