// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/process_read.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
#include "record/proc_scan.h"

#define RESCAN_SHARE 20	  /* one part of so many of the time, at most */
#define PRUNE_FROM   2048 /* mappings */
#define PRUNE_KEEP   1024 /* of the latest, in which samples to come may lie */

/* "/proc/PID/task/TID" is the longest. */
#define DIR_MAX 64

static void dir_of(pid_t pid, char dir[DIR_MAX])
{
	snprintf(dir, DIR_MAX, "/proc/%d", pid);
}

/* ---- one process ---- */

static void read_cgroup(struct evp_procs *ps, struct evp_proc *p, const char *dir)
{
	struct evp_str text = { 0 };

	if (!evp_proc_read_cgroup(dir, &text) && text.len)
		evp_procs_set_cgroup(ps, p, text.buf, text.len);
	p->cgroup_inherited = false;
	evp_str_release(&text);
}

void evp_procs_read_cgroup(struct evp_procs *ps, struct evp_proc *p)
{
	char dir[DIR_MAX];

	dir_of(p->pid, dir);
	read_cgroup(ps, p, dir);
}

struct map_scan {
	struct evp_procs *ps;
	struct evp_proc *p;
};

static int on_map(void *arg, const struct evp_proc_map *map)
{
	struct map_scan *scan = arg;
	struct evp_mapping m = { .start = map->start, .end = map->end, .pgoff = map->pgoff };
	struct evp_file_key key = { .path = map->name,
				    .dev_major = map->dev_major,
				    .dev_minor = map->dev_minor,
				    .inode = map->inode };

	return evp_procs_map(scan->ps, scan->p, m, &key, scan->p->snapshot_ns);
}

static void read_proc(struct evp_procs *ps, struct evp_proc *p, const char *dir,
		      const struct evp_proc_stat *stat)
{
	struct map_scan scan = { ps, p };
	struct evp_str exe = { 0 };
	int rc;

	p->snapshot_ns = evp_clock_ns(CLOCK_MONOTONIC);
	p->start_ns = stat->start_ns;
	p->kin[0] = stat->ppid;
	evp_procs_set_comm(ps, p, stat->comm);
	read_cgroup(ps, p, dir);
	if (stat->kernel_thread)
		return;
	p->ns_pid = evp_proc_read_ns_pid(dir);
	rc = evp_proc_read_exe(dir, &exe);
	if (!rc)
		evp_procs_set_exe(ps, p, exe.buf, exe.len);
	ps->refused += rc == -EACCES || rc == -EPERM;
	evp_str_release(&exe);
	evp_proc_read_maps(dir, on_map, &scan);
}

/* The folder of a thread that goes on after the first one has ended: that one shows no mappings. */
static void find_live_thread(pid_t pid, char dir[DIR_MAX])
{
	const struct dirent *e;
	char tasks[32];
	DIR *d;

	snprintf(tasks, sizeof(tasks), "/proc/%d/task", pid);
	d = opendir(tasks);
	while (d && (e = readdir(d))) {
		long tid = strtol(e->d_name, NULL, 10);

		if (tid > 0 && tid != pid) {
			snprintf(dir, DIR_MAX, "%s/%ld", tasks, tid);
			break;
		}
	}
	if (d)
		closedir(d);
}

struct evp_proc *evp_procs_scan_pid(struct evp_procs *ps, pid_t pid)
{
	struct evp_proc *p = evp_procs_find(ps, pid);
	struct evp_proc_stat stat;
	char dir[DIR_MAX];

	dir_of(pid, dir);
	if (evp_proc_read_stat(dir, &stat))
		return NULL;
	if (p && evp_proc_began(p, stat.start_ns))
		evp_procs_unmap(ps, p);
	else
		p = evp_procs_add(ps, pid);
	if (stat.state == 'Z' && stat.threads > 1)
		find_live_thread(pid, dir);
	if (p)
		read_proc(ps, p, dir, &stat);
	return p;
}

bool evp_proc_goes_on(const struct evp_proc *p)
{
	struct evp_proc_stat stat;
	char dir[DIR_MAX];

	dir_of(p->pid, dir);
	return !evp_proc_read_stat(dir, &stat) && (stat.state != 'Z' || stat.threads > 1) &&
	       evp_proc_began(p, stat.start_ns);
}

static int on_live_map(void *arg, const struct evp_proc_map *map)
{
	struct evp_mappings **live = arg;
	struct evp_mapping m = { .start = map->start, .end = map->end };
	int rc = evp_mappings_insert(live, &m);

	return rc < 0 ? rc : 0;
}

int evp_procs_prune(struct evp_proc *p)
{
	struct evp_mappings *live = NULL;
	char dir[DIR_MAX];
	int rc;

	if (evp_mappings_count(p->maps) < (p->prune_at ? p->prune_at : PRUNE_FROM))
		return 0;
	dir_of(p->pid, dir);
	rc = evp_proc_read_maps(dir, on_live_map, &live);
	if (!rc)
		rc = evp_mappings_prune(&p->maps, live, PRUNE_KEEP);
	evp_mappings_drop(live);
	p->prune_at = 2 * evp_mappings_count(p->maps) + PRUNE_FROM - PRUNE_KEEP;
	return rc == -ENOMEM ? rc : 0;
}

/* ---- many ---- */

int evp_procs_scan(struct evp_procs *ps, struct evp_err *err)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;

	if (!d)
		return evp_fail_errno(err, errno, "cannot open '/proc'");
	while ((e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			evp_procs_scan_pid(ps, (pid_t)strtol(e->d_name, NULL, 10));
	closedir(d);
	return 0;
}

/* Of those that ended what is known is all that there will ever be. */
void evp_procs_rescan(struct evp_procs *ps)
{
	int64_t begin_ns = evp_clock_ns(CLOCK_MONOTONIC), end_ns;
	struct evp_proc *p;

	ps->rescan_due = begin_ns < ps->rescan_from_ns;
	if (ps->rescan_due)
		return;
	for (size_t i = 0; (p = evp_procs_next(ps, &i));)
		if (!p->exit_ns && !evp_procs_scan_pid(ps, p->pid))
			evp_procs_end(ps, p, evp_clock_ns(CLOCK_MONOTONIC));
	end_ns = evp_clock_ns(CLOCK_MONOTONIC);
	ps->rescan_from_ns = end_ns + RESCAN_SHARE * (end_ns - begin_ns);
}
