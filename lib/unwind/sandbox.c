// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "unwind/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#ifdef __x86_64__
#define THIS_ARCH AUDIT_ARCH_X86_64
#else
#define THIS_ARCH AUDIT_ARCH_AARCH64
#endif

/* Sanitizers map terabytes and, to report, open files. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static int set_limit(__rlimit_resource_t what, uint64_t max)
{
	struct rlimit r = { .rlim_cur = max, .rlim_max = max };
	struct rlimit now;

	if (!getrlimit(what, &now) && now.rlim_max < max)
		r.rlim_cur = r.rlim_max = now.rlim_max;
	return setrlimit(what, &r) < 0 ? -errno : 0;
}

/* No limit of CPU time: it would count all files together. Who asks gives each a time. */
static int set_limits(const struct evp_sandbox *s)
{
	int rc = set_limit(RLIMIT_CORE, 0);

	if (!rc)
		rc = set_limit(RLIMIT_FSIZE, s->max_file);
	if (!rc)
		rc = set_limit(RLIMIT_NOFILE, 16);
	if (!rc && !SANITIZED)
		rc = set_limit(RLIMIT_DATA, s->max_heap);
	return rc;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); /* absent: they are none */
	if (syscall(SYS_capset, &header, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

#define ALLOW(nr)                                                                                  \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1),                                           \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Nothing here takes a path that it could open, or makes memory executable. */
static int filter_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(__NR_pread64),
		ALLOW(__NR_write),
		ALLOW(__NR_recvmsg),
		ALLOW(__NR_sendmsg),
		ALLOW(__NR_close),
		ALLOW(__NR_fstat),
		ALLOW(__NR_newfstatat), /* glibc's fstat */
		ALLOW(__NR_memfd_create),
		ALLOW(__NR_ftruncate),
		ALLOW(__NR_munmap),
		ALLOW(__NR_mremap),
		ALLOW(__NR_madvise),
		ALLOW(__NR_brk),
		ALLOW(__NR_sysinfo), /* qsort asks how much memory there is */
		ALLOW(__NR_futex),
		ALLOW(__NR_getrandom),
		ALLOW(__NR_clock_gettime),
		ALLOW(__NR_restart_syscall),
		ALLOW(__NR_rt_sigreturn),
		ALLOW(__NR_exit_group),
		/* F_SETOWN and F_SETSIG would send any signal to any process. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_fcntl, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_ADD_SEALS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4 /* PROT_EXEC */, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { .len = EVP_ARRAY_SIZE(code), .filter = code };

	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0))
		return 0;
	return errno == EINVAL || errno == ENOSYS ? 0 : -errno; /* a kernel without filters */
}

int evp_sandbox_enter(const struct evp_sandbox *s, int fd)
{
	int rc;

	prctl(PR_SET_NAME, s->name, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != s->parent)
		return -ESRCH; /* it ended before it could be watched */
	setsid();	       /* the terminal's signals are for the parent */
	if (fd != EVP_SANDBOX_FD && dup2(fd, EVP_SANDBOX_FD) < 0)
		return -errno;
	closefrom(EVP_SANDBOX_FD + 1);
	if (!SANITIZED) {
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
	}
	rc = set_limits(s);
	if (!rc)
		rc = drop_capabilities();
	if (!rc && !SANITIZED)
		rc = filter_calls();
	return rc;
}
