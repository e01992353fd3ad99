// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <jansson.h>

#include "base/io.h"
#include "base/text.h"
#include "record/kernel_syms.h"
#include "record/perf_set.h"
#include "record/sampler.h"
#include "record/sideband.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

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

static bool have_capability(cap_value_t which)
{
	cap_t caps = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	if (!caps)
		return false;
	if (cap_get_flag(caps, which, CAP_EFFECTIVE, &value))
		value = CAP_CLEAR;
	cap_free(caps);
	return value == CAP_SET;
}

/* First line of a small file; "" where it cannot be read. */
static void first_line(const char *path, char *buf, size_t size)
{
	struct evp_str text = { 0 };

	buf[0] = '\0';
	if (!evp_read_file(path, 64u << 10, &text, NULL) && text.len)
		snprintf(buf, size, "%.*s", (int)strcspn(text.buf, "\n"), text.buf);
	evp_str_release(&text);
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

static void deny_bpf(struct evp_check_item *i, int code)
{
	char text[256];

	if (code == ENOSYS || code == EINVAL) {
		answer(i, EVP_CHECK_NO, "this kernel has none (%s)", strerror(code));
		return;
	}
	if (code != EPERM && code != EACCES) {
		answer(i, EVP_CHECK_NO, "%s", strerror(code));
		return;
	}
	if (!have_capability(CAP_BPF) || !have_capability(CAP_PERFMON)) {
		answer(i, EVP_CHECK_NO, "needs the capabilities BPF and PERFMON");
		evp_setcap_hint(i->hint, sizeof(i->hint));
		return;
	}
	first_line("/sys/kernel/security/lockdown", text, sizeof(text));
	answer(i, EVP_CHECK_NO, "refused in spite of all capabilities%s%.100s",
	       text[0] ? "; lockdown: " : "", text);
}

static int sampling_event(pid_t pid, int cpu, bool user_only)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = 1000000000,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_CALLCHAIN,
		.disabled = 1,
		.exclude_hv = 1,
		.exclude_kernel = user_only,
	};

	return evp_perf_open(&attr, pid, cpu, -1, 0);
}

static void check_bpf_program(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "bpf-program", "BPF programs on perf events", true);
	int prog = load_program(), event, rc = 0;

	if (prog < 0) {
		deny_bpf(i, -prog);
		return;
	}
	event = sampling_event(0, -1, true);
	if (event >= 0 && ioctl(event, PERF_EVENT_IOC_SET_BPF, prog) < 0)
		rc = errno;
	if (rc)
		deny_bpf(i, rc);
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
		deny_bpf(i, -fd);
		return;
	}
	answer(i, EVP_CHECK_YES, "%s", "");
	close(fd);
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
		answer(i, EVP_CHECK_NO, "not permitted: kernel.perf_event_paranoid is %d",
		       evp_perf_paranoid());
	else
		answer(i, EVP_CHECK_NO, "%s", err.msg);
	if (rc == -EACCES || rc == -EPERM)
		evp_perf_access_hint(true, i->hint, sizeof(i->hint));
	evp_perf_set_release(&set);
}

static void check_perf_own(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "perf-own", "perf events on one's own processes", true);
	int fd = sampling_event(0, -1, false);

	if (fd >= 0) {
		answer(i, EVP_CHECK_YES, "%s", "");
		close(fd);
		return;
	}
	fd = sampling_event(0, -1, true);
	if (fd >= 0) {
		answer(i, EVP_CHECK_PART,
		       "only the time spent in user space: "
		       "kernel.perf_event_paranoid is %d",
		       evp_perf_paranoid());
		hint(i, "sysctl kernel.perf_event_paranoid=1");
		close(fd);
		return;
	}
	answer(i, EVP_CHECK_NO, "%s; kernel.perf_event_paranoid is %d", strerror(-fd),
	       evp_perf_paranoid());
	evp_perf_access_hint(false, i->hint, sizeof(i->hint));
}

static void check_counters(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "hardware-counters", "hardware counters", false);
	struct perf_event_attr attr = { .type = PERF_TYPE_HARDWARE,
					.config = PERF_COUNT_HW_CPU_CYCLES,
					.exclude_kernel = 1,
					.exclude_hv = 1,
					.disabled = 1 };
	int fd = evp_perf_open(&attr, 0, -1, -1, 0);

	if (fd >= 0)
		close(fd);
	if (fd >= 0)
		answer(i, EVP_CHECK_YES, "%s", "");
	else if (fd == -ENOENT || fd == -EOPNOTSUPP || fd == -ENODEV)
		answer(i, EVP_CHECK_NO, "no PMU here; the CPU clock does for -e cpu");
	else
		answer(i, EVP_CHECK_NO, "%s", strerror(-fd));
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
		evp_perf_access_hint(true, i->hint, sizeof(i->hint));
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
	char text[32];

	if (evp_kernel_syms_new(&ks, "")) {
		answer(i, EVP_CHECK_NO, "out of memory");
		return;
	}
	reason = evp_kernel_syms_reason(ks);
	evp_kernel_syms_free(ks);
	first_line("/proc/sys/kernel/kptr_restrict", text, sizeof(text));
	if (!reason) {
		answer(i, EVP_CHECK_YES, "%s", "");
	} else if (!strcmp(reason, "kptr-restrict")) {
		answer(i, EVP_CHECK_NO, "hidden: kernel.kptr_restrict is %s%s", text,
		       have_capability(CAP_SYSLOG) ? "" : ", without cap_syslog");
		hint(i, have_capability(CAP_SYSLOG) ? "sysctl kernel.kptr_restrict=1"
						    : "run as root or with cap_syslog");
	} else {
		answer(i, EVP_CHECK_NO, "no usable '/proc/kallsyms' (CONFIG_KALLSYMS)");
	}
}

/* Where the first file system of this type is mounted, "" nowhere. */
static void find_mount(const char *type, char *buf, size_t size)
{
	struct evp_str mounts = { 0 };
	char *line, *save;

	buf[0] = '\0';
	if (evp_read_file("/proc/self/mounts", 4u << 20, &mounts, NULL))
		mounts.len = 0;
	for (line = mounts.len ? strtok_r(mounts.buf, "\n", &save) : NULL; line && !buf[0];
	     line = strtok_r(NULL, "\n", &save)) {
		char where[PATH_MAX], found[64];

		if (sscanf(line, "%*s %4095s %63s", where, found) == 2 && !strcmp(found, type))
			snprintf(buf, size, "%.*s", (int)size - 1, where);
	}
	evp_str_release(&mounts);
}

static void check_cgroup(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "cgroup2", "cgroup v2, for -G and labels", true);
	char where[128];

	find_mount("cgroup2", where, sizeof(where));
	if (where[0]) {
		answer(i, EVP_CHECK_YES, "%s", where);
		return;
	}
	answer(i, EVP_CHECK_NO, "not mounted");
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
	if (refused && !have_capability(CAP_SYS_PTRACE))
		hint(i, "run as root or with cap_sys_ptrace");
}

static void check_tracefs(struct evp_check *c)
{
	struct evp_check_item *i = add(c, "tracefs", "tracefs (not needed)", false);
	char where[128];

	find_mount("tracefs", where, sizeof(where));
	if (where[0])
		answer(i, EVP_CHECK_YES, "%s", where);
	else
		answer(i, EVP_CHECK_NO, "not mounted");
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
	check_bpf(c);
	check_bpf_program(c);
	check_bpf_ring(c);
	check_btf(c);
	check_perf_all(c);
	check_perf_own(c);
	check_sideband(c);
	check_kernel_symbols(c);
	check_processes(c);
	check_cgroup(c);
	check_counters(c);
	check_tracefs(c);
	c->can_bpf = yes(c, "bpf") && yes(c, "perf-all");
	c->can_all = yes(c, "perf-all");
	c->can_sample = c->can_all || yes(c, "perf-own");
}

/* ---- showing ---- */

static const char *answer_name(enum evp_check_answer a)
{
	return a == EVP_CHECK_YES ? "yes" : a == EVP_CHECK_PART ? "partly" : "no";
}

static const char *backend(const struct evp_check *c)
{
	return c->can_bpf ? "bpf" : c->can_sample ? "perf" : "none";
}

void evp_check_text(const struct evp_check *c, struct evp_str *out)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		const struct evp_check_item *it = &c->item[i];

		evp_str_printf(out, "%-18s %-7s %s%s%s\n", it->name, answer_name(it->answer),
			       it->what, it->why[0] ? ": " : "", it->why);
		if (it->hint[0])
			evp_str_printf(out, "%26s %s\n", "->", it->hint);
	}
	evp_str_printf(out, "backend            %s\n", backend(c));
	evp_str_printf(out, "can sample         %s\n",
		       c->can_all      ? "the whole machine"
		       : c->can_sample ? "your own processes"
				       : "nothing");
}

static json_t *item_json(const struct evp_check_item *it)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "name", it->name, "what", it->what,
			 "answer", answer_name(it->answer), "needed", it->needed, "why", it->why,
			 "hint", it->hint);
}

int evp_check_json(const struct evp_check *c, struct evp_str *out)
{
	json_t *list = json_array(), *root;
	char *text;
	size_t i;

	for (i = 0; i < c->n; i++)
		json_array_append_new(list, item_json(&c->item[i]));
	root = json_pack("{s:s, s:b, s:b, s:o}", "backend", backend(c), "can_all", c->can_all,
			 "can_sample", c->can_sample, "checks", list);
	text = root ? json_dumps(root, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
	json_decref(root);
	if (!text)
		return -ENOMEM;
	evp_str_puts(out, text);
	evp_str_putc(out, '\n');
	free(text);
	return out->oom ? -ENOMEM : 0;
}
