// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/perf_set.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "record/cpus.h"
#include "record/rights.h"

#define LOOK_EVERY_NS 2000000000LL

/* The place of a CPU in the arrays, made if need be; ncpus: no memory. */
static size_t place_of(struct evp_perf_set *set, int cpu)
{
	size_t i;

	for (i = 0; i < set->ncpus; i++)
		if (set->cpus[i] == cpu)
			return i;
	if (evp_grow(&set->cpus, &set->cpus_cap, i + 1, sizeof(*set->cpus)) ||
	    evp_grow(&set->ring, &set->ring_cap, i + 1, sizeof(*set->ring)))
		return i;
	set->cpus[i] = cpu;
	set->ring[i] = (struct evp_perf_ring){ 0 };
	set->ncpus++;
	return i;
}

static int list_cpus(struct evp_perf_set *set, struct evp_err *err)
{
	struct evp_cpus online = { 0 };
	int rc = evp_cpus_online(&online, err);
	size_t cpu;

	for (cpu = 0; cpu < online.n && !rc; cpu++)
		if (online.on[cpu] && place_of(set, (int)cpu) == set->ncpus)
			rc = evp_fail_oom(err);
	evp_cpus_release(&online);
	return rc;
}

int evp_perf_set_init(struct evp_perf_set *set, const struct perf_event_attr *attr,
		      evp_perf_step_down_fn step_down, size_t ring_bytes, struct evp_err *err)
{
	int rc;

	*set = (struct evp_perf_set){
		.attr = *attr, .step_down = step_down, .ring_bytes = ring_bytes, .epoll_fd = -1
	};
	rc = list_cpus(set, err);
	if (rc)
		goto out;
	set->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (set->epoll_fd < 0) {
		rc = evp_fail_errno(err, errno, "cannot make an epoll fd");
		goto out;
	}
	return 0;
out:
	evp_perf_set_release(set);
	return rc;
}

static int open_event(struct evp_perf_set *set, int pid, int cpu, unsigned long flags)
{
	int fd;

	do {
		fd = evp_perf_open(&set->attr, pid, cpu, -1, flags);
	} while (fd == -EINVAL && set->step_down && set->step_down(&set->attr));
	return fd;
}

/* The first event of a CPU owns the ring, the others are redirected into it. */
static int attach_ring(struct evp_perf_set *set, size_t i, int fd, struct evp_err *err)
{
	struct epoll_event ready = { .events = EPOLLIN | EPOLLET, .data.u64 = i };
	int rc;

	if (set->ring[i].page) {
		if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, set->ring[i].fd) < 0)
			return evp_fail_errno(err, errno, "cannot share a perf ring");
		return 0;
	}
	rc = evp_perf_ring_map(&set->ring[i], fd, set->ring_bytes, err);
	if (rc)
		return rc;
	if (epoll_ctl(set->epoll_fd, EPOLL_CTL_ADD, fd, &ready) < 0)
		return evp_fail_errno(err, errno, "cannot poll a perf ring");
	return 0;
}

/* Whether events on this process itself are permitted: then a refusal was about whose it is. */
static bool own_permitted(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_DUMMY,
					.exclude_kernel = 1,
					.exclude_hv = 1,
					.disabled = 1 };

	return !evp_perf_try(&attr);
}

static int fail_denied(int code, bool all, struct evp_err *err)
{
	struct evp_rights r;
	char why[160], hint[512];

	evp_rights_read(&r);
	if (!all && own_permitted()) {
		evp_rights_hint(&r, hint, sizeof(hint));
		return evp_fail(err, code, "another user's process may not be sampled: %s", hint);
	}
	evp_rights_why_no_perf(&r, all, why, sizeof(why));
	evp_rights_perf_hint(&r, all, hint, sizeof(hint));
	return evp_fail(err, code, "perf events are not permitted: %s%s%s", why,
			hint[0] ? "; " : "", hint);
}

static int fail_open(int code, int pid, struct evp_err *err)
{
	if (code == EACCES || code == EPERM)
		return fail_denied(code, pid == -1, err);
	if (code == EMFILE)
		return evp_fail(err, code,
				"too many open files for an event a thread and CPU: "
				"raise 'ulimit -n'");
	if (code == ENOSYS)
		return evp_fail(err, code,
				"there is no perf_event_open(2) here: "
				"CONFIG_PERF_EVENTS, or a seccomp filter");
	return evp_fail_errno(err, code, "cannot open a perf event");
}

static int add_on_cpu(struct evp_perf_set *set, size_t i, int pid, unsigned long flags,
		      struct evp_err *err)
{
	int fd, rc;

	if (evp_grow(&set->fds, &set->fds_cap, set->nfds + 1, sizeof(*set->fds)))
		return evp_fail_oom(err);
	fd = open_event(set, pid, set->cpus[i], flags);
	if (fd == -ENODEV) /* that CPU went off-line */
		return 0;
	if (fd < 0)
		return fail_open(-fd, pid, err);
	rc = attach_ring(set, i, fd, err);
	if (!rc || (set->ring[i].page && set->ring[i].fd == fd))
		set->fds[set->nfds++] = fd;
	else
		close(fd);
	return rc;
}

int evp_perf_set_add(struct evp_perf_set *set, int pid, unsigned long flags, struct evp_err *err)
{
	size_t i, before = set->nfds;
	int rc;

	for (i = 0; i < set->ncpus; i++) {
		rc = add_on_cpu(set, i, pid, flags, err);
		if (rc)
			return rc;
	}
	if (set->nfds == before)
		return evp_fail(err, ENODEV, "no CPU has this perf event");
	set->everybody = set->everybody || pid == -1;
	return 0;
}

int evp_perf_set_add_process(struct evp_perf_set *set, pid_t pid, struct evp_err *err)
{
	char path[64];
	struct dirent *d;
	uint64_t tid;
	size_t added = 0;
	int rc = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir && !kill(pid, 0)) /* no /proc: its first thread, and what that will start */
		return evp_perf_set_add(set, pid, 0, err);
	if (!dir)
		return evp_fail(err, ESRCH, "no process %d", (int)pid);
	while (!rc && (d = readdir(dir))) {
		if (evp_parse_u64(d->d_name, &tid) || tid > INT_MAX)
			continue;
		rc = evp_perf_set_add(set, (int)tid, 0, err);
		if (!rc)
			added++;
		else if (rc == -ESRCH)
			rc = 0;
	}
	closedir(dir);
	if (!rc && !added)
		rc = evp_fail(err, ESRCH, "no process %d", (int)pid);
	return rc;
}

int evp_perf_set_add_own(struct evp_perf_set *set, struct evp_err *err)
{
	struct evp_err last = { 0 };
	int rc = 0, added = 0;
	char path[32];
	struct dirent *d;
	struct stat st;
	uint64_t pid;
	DIR *dir = opendir("/proc");

	if (!dir)
		return evp_fail_errno(err, errno, "cannot open '/proc'");
	while (rc != -EMFILE && rc != -ENFILE && (d = readdir(dir))) {
		if (evp_parse_u64(d->d_name, &pid) || pid > INT_MAX)
			continue;
		snprintf(path, sizeof(path), "/proc/%d", (int)pid);
		if (stat(path, &st) || st.st_uid != geteuid())
			continue;
		rc = evp_perf_set_add_process(set, (pid_t)pid, &last);
		added += !rc;
	}
	closedir(dir);
	if (added)
		return 0;
	return rc ? evp_fail(err, -rc, "%s", last.msg)
		  : evp_fail(err, ESRCH, "no process of this user");
}

int evp_perf_set_ioctl(struct evp_perf_set *set, unsigned long request)
{
	int rc = 0;
	size_t i;

	if (request == PERF_EVENT_IOC_ENABLE || request == PERF_EVENT_IOC_DISABLE)
		set->enabled = request == PERF_EVENT_IOC_ENABLE;
	for (i = 0; i < set->nfds; i++)
		if (ioctl(set->fds[i], request, 0) < 0 && !rc)
			rc = -errno;
	return rc;
}

static void drop_cpu(struct evp_perf_set *set, size_t at)
{
	int fd = set->ring[at].fd;
	size_t i, n = 0;

	if (!set->ring[at].page)
		return;
	evp_perf_ring_release(&set->ring[at]);
	for (i = 0; i < set->nfds; i++)
		if (set->fds[i] != fd)
			set->fds[n++] = set->fds[i];
	set->nfds = n;
	close(fd);
}

static bool open_cpu(struct evp_perf_set *set, int cpu)
{
	size_t i = place_of(set, cpu);

	if (i == set->ncpus || set->ring[i].page || add_on_cpu(set, i, -1, 0, NULL) ||
	    !set->ring[i].page)
		return false;
	if (set->enabled)
		ioctl(set->ring[i].fd, PERF_EVENT_IOC_ENABLE, 0);
	return true;
}

bool evp_perf_set_follow_cpus(struct evp_perf_set *set, int64_t now_ns)
{
	struct evp_cpus online = { 0 };
	bool came = false;
	size_t i, cpu;

	if (!set->everybody || now_ns - set->looked_ns < LOOK_EVERY_NS)
		return false;
	set->looked_ns = now_ns;
	if (!evp_cpus_online(&online, NULL)) {
		for (i = 0; i < set->ncpus; i++)
			if ((size_t)set->cpus[i] >= online.n || !online.on[set->cpus[i]])
				drop_cpu(set, i);
		for (cpu = 0; cpu < online.n; cpu++)
			if (online.on[cpu] && open_cpu(set, (int)cpu))
				came = true;
	}
	evp_cpus_release(&online);
	return came;
}

void evp_perf_set_quiet(struct evp_perf_set *set)
{
	struct epoll_event ready[64];

	while (epoll_wait(set->epoll_fd, ready, EVP_ARRAY_SIZE(ready), 0) == EVP_ARRAY_SIZE(ready))
		;
}

void evp_perf_set_release(struct evp_perf_set *set)
{
	size_t i;

	for (i = 0; set->ring && i < set->ncpus; i++)
		evp_perf_ring_release(&set->ring[i]);
	for (i = 0; i < set->nfds; i++)
		close(set->fds[i]);
	if (set->epoll_fd >= 0)
		close(set->epoll_fd);
	free(set->ring);
	free(set->cpus);
	free(set->fds);
	*set = (struct evp_perf_set){ .epoll_fd = -1 };
}
