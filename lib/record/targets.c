// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/targets.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "record/mounts.h"
#include "record/process_read.h"
#include "record/sideband.h"

/* linux/magic.h */
#define CGROUP_MAGIC  0x0027e0eb
#define CGROUP2_MAGIC 0x63677270

int evp_targets_add_pid(struct evp_targets *t, pid_t pid)
{
	for (size_t i = 0; i < t->npids; i++)
		if (t->pid[i] == pid)
			return 0;
	if (t->npids >= EVP_MAX_TARGETS)
		return -E2BIG;
	if (evp_grow(&t->pid, &t->cpids, t->npids + 1, sizeof(*t->pid)))
		return -ENOMEM;
	t->pid[t->npids++] = pid;
	return 0;
}

/* A thread's number has a folder in /proc too, but is no process. */
static bool process_exists(pid_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, pid);
	return !stat(path, &st);
}

static int add_process(struct evp_targets *t, const char *text, struct evp_err *err)
{
	uint64_t pid;
	int rc;

	if (evp_parse_u64(text, &pid) || !pid || pid > INT32_MAX)
		return evp_fail(err, EINVAL, "'%s' is no process number", text);
	if (!process_exists((pid_t)pid))
		return evp_fail(err, ESRCH, "no process %s%s", text,
				kill((pid_t)pid, 0) && errno == ESRCH
					? ""
					: " in '/proc', which hides it or is not mounted");
	rc = evp_targets_add_pid(t, (pid_t)pid);
	if (rc == -E2BIG)
		return evp_fail(err, E2BIG, "more than %d processes", EVP_MAX_TARGETS);
	return rc ? evp_fail_oom(err) : 0;
}

/* The process of a thread, 0: there is none. */
static pid_t process_of(pid_t tid)
{
	struct evp_str text = { 0 };
	const char *line;
	char path[64];
	pid_t pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	if (!evp_read_file(path, 64u << 10, &text, NULL) && text.len) {
		line = strstr(text.buf, "\nTgid:");
		pid = line ? (pid_t)strtol(line + 6, NULL, 10) : 0;
	}
	evp_str_release(&text);
	return pid;
}

static int add_thread(struct evp_targets *t, const char *text, struct evp_err *err)
{
	struct evp_target_thread thread;
	uint64_t tid;

	if (evp_parse_u64(text, &tid) || !tid || tid > INT32_MAX)
		return evp_fail(err, EINVAL, "'%s' is no thread number", text);
	thread = (struct evp_target_thread){ .tid = (pid_t)tid, .pid = process_of((pid_t)tid) };
	if (!thread.pid)
		return evp_fail(err, ESRCH, "no thread %s", text);
	if (t->nthreads >= EVP_MAX_TARGETS)
		return evp_fail(err, E2BIG, "more than %d threads", EVP_MAX_TARGETS);
	if (evp_grow(&t->thread, &t->cthreads, t->nthreads + 1, sizeof(*t->thread)))
		return evp_fail_oom(err);
	t->thread[t->nthreads++] = thread;
	return 0;
}

static int add_list(struct evp_targets *t, const char *list,
		    int (*add_one)(struct evp_targets *t, const char *text, struct evp_err *err),
		    struct evp_err *err)
{
	char *copy = strdup(list), *rest = copy, *item;
	int rc = copy ? 0 : evp_fail_oom(err);

	while (!rc && (item = strsep(&rest, ",")))
		rc = add_one(t, item, err);
	free(copy);
	return rc;
}

int evp_targets_add_pids(struct evp_targets *t, const char *list, struct evp_err *err)
{
	return add_list(t, list, add_process, err);
}

int evp_targets_add_tids(struct evp_targets *t, const char *list, struct evp_err *err)
{
	return add_list(t, list, add_thread, err);
}

struct cgroup_search {
	const char *path; /* as the user has it */
	uint64_t id;
	bool v1; /* it is in a v1 hierarchy */
};

/* 1: `path` is a folder of the v2 hierarchy, and s->id its id; 0: of something else, or none. */
static int look_at(struct cgroup_search *s, const char *path)
{
	struct statfs fs;
	struct stat st;

	if (statfs(path, &fs) || stat(path, &st))
		return 0;
	s->v1 = s->v1 || fs.f_type == CGROUP_MAGIC;
	if (fs.f_type != CGROUP2_MAGIC || !S_ISDIR(st.st_mode))
		return 0;
	s->id = st.st_ino; /* kernfs: the inode is the cgroup's id */
	return 1;
}

static int look_below(void *arg, const char *dir)
{
	struct cgroup_search *s = arg;
	char full[8192];

	snprintf(full, sizeof(full), "%s/%s", dir, s->path);
	return look_at(s, full);
}

int evp_targets_add_cgroup(struct evp_targets *t, const char *path, struct evp_err *err)
{
	struct cgroup_search s = { .path = path };

	if (!(path[0] == '/' && look_at(&s, path)) && !evp_mounts_each("cgroup2", look_below, &s)) {
		evp_mounts_each("cgroup", look_below, &s);
		if (s.v1)
			return evp_fail(
				err, EINVAL,
				"'%s' is in a cgroup v1 hierarchy; -G selects by cgroup v2 only",
				path);
		return evp_fail(err, ENOENT,
				"no cgroup '%s' below a cgroup v2 mount; "
				"'/proc/PID/cgroup' shows a process's behind '0::'",
				path);
	}
	if (t->ncgroups >= EVP_MAX_TARGETS)
		return evp_fail(err, E2BIG, "more than %d cgroups", EVP_MAX_TARGETS);
	if (evp_grow(&t->cgroup_id, &t->ccgroups, t->ncgroups + 1, sizeof(*t->cgroup_id)))
		return evp_fail_oom(err);
	t->cgroup_id[t->ncgroups++] = s.id;
	return 0;
}

/* ---- while they run ---- */

int evp_targets_select(const struct evp_targets *t, struct evp_procs *ps, pid_t command, bool all,
		       struct evp_err *err)
{
	for (size_t i = 0; i < t->npids; i++) {
		struct evp_proc *p = evp_procs_scan_pid(ps, t->pid[i]);

		if (!p && t->pid[i] == command) /* without /proc */
			p = evp_procs_add(ps, t->pid[i]);
		if (!p && !all)
			return evp_fail(err, ESRCH, "process %d ended before it could be sampled",
					t->pid[i]);
		if (p)
			p->selected = true;
	}
	for (size_t i = 0; i < t->nthreads; i++)
		if (!evp_procs_scan_pid(ps, t->thread[i].pid) && !all)
			return evp_fail(err, ESRCH, "thread %d ended before it could be sampled",
					t->thread[i].tid);
	return 0;
}

/* An exec leaves the first thread alone; after a loss /proc says which there are. */
static bool ends(const struct evp_target_thread *thread, const struct evp_sideband_event *ev)
{
	if (ev->type == EVP_SB_EXIT)
		return thread->tid == ev->tid;
	if (ev->type == EVP_SB_COMM)
		return ev->is_exec && thread->pid == ev->pid && thread->tid != ev->pid;
	return ev->type == EVP_SB_LOST && process_of(thread->tid) != thread->pid;
}

void evp_targets_event(struct evp_targets *t, const struct evp_procs *ps,
		       const struct evp_sideband_event *ev, struct evp_proc **child)
{
	for (size_t i = 0; i < t->nthreads; i++) {
		struct evp_target_thread *thread = &t->thread[i];

		if (ev->type == EVP_SB_FORK && ev->pid != ev->ppid && ev->ptid == thread->tid &&
		    !thread->ended && !*child)
			*child = evp_procs_find(ps, ev->pid);
		thread->ended = thread->ended || ends(thread, ev);
	}
	if (*child)
		(*child)->selected = true;
}

bool evp_targets_ended(const struct evp_targets *t, const struct evp_procs *ps)
{
	const struct evp_proc *p;

	for (size_t i = 0; i < t->nthreads; i++)
		if (!t->thread[i].ended)
			return false;
	for (size_t i = 0; (p = evp_procs_next(ps, &i));)
		if (p->selected && !p->exit_ns)
			return false;
	return true;
}

void evp_targets_release(struct evp_targets *t)
{
	free(t->pid);
	free(t->thread);
	free(t->cgroup_id);
	*t = (struct evp_targets){ 0 };
}
