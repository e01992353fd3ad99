// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/processes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "record/labeller.h"
#include "record/proc_scan.h"

#define SETTLED_NS    1000000000LL
#define RESCAN_SHARE  20	/* one part of so many of the time, at most */
#define PRUNE_FROM    2048	/* mappings: unmapping is not heard of */
#define PRUNE_KEEP    1024	/* of the latest, in which samples to come may lie */
#define SAME_START_NS 100000000 /* start times from two sources differ by less than this */

static const char *keep(struct evp_procs *ps, const char *text, size_t len)
{
	uint32_t id;

	if (!len || evp_intern(&ps->strings, text, len, &id))
		return "";
	return ps->strings.item[id].ptr;
}

int evp_procs_init(struct evp_procs *ps)
{
	*ps = (struct evp_procs){ 0 };
	ps->tick_ns = EVP_NSEC / sysconf(_SC_CLK_TCK);
	ps->boot_offset_ns = evp_clock_ns(CLOCK_BOOTTIME) - evp_clock_ns(CLOCK_MONOTONIC);
	ps->real_offset_ns = evp_clock_ns(CLOCK_REALTIME) - evp_clock_ns(CLOCK_MONOTONIC);
	return 0;
}

struct evp_proc *evp_procs_find(const struct evp_procs *ps, pid_t pid)
{
	const uint64_t *slot = evp_map_find(&ps->by_pid, (uint64_t)pid);

	return slot ? (struct evp_proc *)(uintptr_t)*slot : NULL;
}

static void free_proc(struct evp_proc *p)
{
	if (!p)
		return;
	evp_mappings_drop(p->maps);
	evp_proc_labels_free(p->labels);
	free(p);
}

/* A fresh entry under this pid; what was there before is another process and goes. */
static struct evp_proc *new_proc(struct evp_procs *ps, pid_t pid)
{
	struct evp_proc *p = calloc(1, sizeof(*p));
	uint64_t *slot = p ? evp_map_at(&ps->by_pid, (uint64_t)pid, NULL) : NULL;

	if (!slot) {
		free(p);
		return NULL;
	}
	free_proc((struct evp_proc *)(uintptr_t)*slot);
	*slot = (uint64_t)(uintptr_t)p;
	p->pid = pid;
	p->exe = p->cgroup = "";
	p->serial = ++ps->last_serial;
	p->identity = ++ps->last_identity;
	return p;
}

static void remove_proc(struct evp_procs *ps, pid_t pid)
{
	free_proc(evp_procs_find(ps, pid));
	evp_map_remove(&ps->by_pid, (uint64_t)pid);
}

/* Who it is has changed: the stream and its labels learn it with the next sample. */
static void identity_changed(struct evp_procs *ps, struct evp_proc *p)
{
	p->stream_epoch = 0;
	p->identity = ++ps->last_identity;
}

static void set_comm(struct evp_procs *ps, struct evp_proc *p, const char *comm)
{
	if (!strcmp(p->comm, comm))
		return;
	snprintf(p->comm, sizeof(p->comm), "%s", comm);
	identity_changed(ps, p);
}

static void set_exe(struct evp_procs *ps, struct evp_proc *p, const char *path, size_t len)
{
	p->exe = keep(ps, path, len);
	p->exe_pending = false;
	identity_changed(ps, p);
}

static void set_cgroup(struct evp_procs *ps, struct evp_proc *p, const char *path, size_t len)
{
	const char *kept = keep(ps, path, len);

	if (kept != p->cgroup)
		identity_changed(ps, p);
	p->cgroup = kept;
}

/* Without memory for the list the entry stays until the number is used again. */
static void mark_gone(struct evp_procs *ps, struct evp_proc *p, int64_t when_ns)
{
	if (p->exit_ns)
		return;
	p->exit_ns = when_ns;
	if (!evp_grow(&ps->gone, &ps->cgone, ps->ngone + 1, sizeof(*ps->gone)))
		ps->gone[ps->ngone++] = p->pid;
}

/* ---- mappings ---- */

static int map_file(struct evp_procs *ps, struct evp_proc *p, struct evp_mapping *m,
		    const struct evp_file_key *key, int64_t time_ns)
{
	int rc = 0;

	if (!evp_files_is_memory(key->path))
		rc = evp_files_get(&ps->files, key, time_ns + ps->real_offset_ns, &m->file);
	if (!rc)
		rc = evp_mappings_insert(&p->maps, m);
	if (rc == -E2BIG) /* more than the kernel allows: leftovers of what was unmapped long ago */
		rc = 0;
	if (rc > 0)
		p->serial = ++ps->last_serial;
	return rc < 0 ? rc : 0;
}

static int on_live_map(void *arg, const struct evp_proc_map *map)
{
	struct evp_mappings **live = arg;
	struct evp_mapping m = { .start = map->start, .end = map->end };
	int rc = evp_mappings_insert(live, &m);

	return rc < 0 ? rc : 0;
}

/*
 * Who maps code at ever new addresses would gather mappings for ever. The set is held against /proc
 * whenever it has doubled, so that the work stays in proportion to the events.
 */
static int prune_maps(struct evp_proc *p)
{
	struct evp_mappings *live = NULL;
	char dir[32];
	int rc;

	if (evp_mappings_count(p->maps) < (p->prune_at ? p->prune_at : PRUNE_FROM))
		return 0;
	snprintf(dir, sizeof(dir), "/proc/%d", p->pid);
	rc = evp_proc_read_maps(dir, on_live_map, &live);
	if (!rc)
		rc = evp_mappings_prune(&p->maps, live, PRUNE_KEEP);
	evp_mappings_drop(live);
	p->prune_at = 2 * evp_mappings_count(p->maps) + PRUNE_FROM - PRUNE_KEEP;
	return rc == -ENOMEM ? rc : 0;
}

struct map_scan {
	struct evp_procs *ps;
	struct evp_proc *p;
};

static int on_map(void *arg, const struct evp_proc_map *map)
{
	struct map_scan *scan = arg;
	struct evp_mapping m = { .start = map->start, .end = map->end, .pgoff = map->pgoff };

	return map_file(scan->ps, scan->p, &m,
			&(struct evp_file_key){ .path = map->name,
						.dev_major = map->dev_major,
						.dev_minor = map->dev_minor,
						.inode = map->inode },
			scan->p->snapshot_ns);
}

/* ---- /proc ---- */

static void read_cgroup(struct evp_procs *ps, struct evp_proc *p, const char *dir)
{
	struct evp_str text = { 0 };

	if (!evp_proc_read_cgroup(dir, &text) && text.len)
		set_cgroup(ps, p, text.buf, text.len);
	p->cgroup_inherited = false;
	evp_str_release(&text);
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
	set_comm(ps, p, stat->comm);
	read_cgroup(ps, p, dir);
	if (!stat->kernel_thread) {
		p->ns_pid = evp_proc_read_ns_pid(dir);
		rc = evp_proc_read_exe(dir, &exe);
		if (!rc)
			set_exe(ps, p, exe.buf, exe.len);
		ps->refused += rc == -EACCES || rc == -EPERM;
		evp_str_release(&exe);
		evp_proc_read_maps(dir, on_map, &scan);
	}
	p->serial = ++ps->last_serial;
}

/* The folder of a thread that goes on after the first one has ended: that one shows no mappings. */
static void find_live_thread(pid_t pid, char *dir, size_t size)
{
	const struct dirent *e;
	char tasks[32];
	DIR *d;

	snprintf(tasks, sizeof(tasks), "/proc/%d/task", pid);
	d = opendir(tasks);
	while (d && (e = readdir(d))) {
		long tid = strtol(e->d_name, NULL, 10);

		if (tid > 0 && tid != pid) {
			snprintf(dir, size, "%s/%ld", tasks, tid);
			break;
		}
	}
	if (d)
		closedir(d);
}

struct evp_proc *evp_procs_scan_pid(struct evp_procs *ps, pid_t pid)
{
	struct evp_proc *old = evp_procs_find(ps, pid), *p;
	struct evp_proc_stat stat;
	char dir[64];

	snprintf(dir, sizeof(dir), "/proc/%d", pid);
	if (evp_proc_read_stat(dir, &stat))
		return NULL;
	if (old && llabs(old->start_ns - stat.start_ns) < SAME_START_NS) {
		evp_mappings_drop(old->maps);
		old->maps = NULL;
		p = old;
	} else {
		p = new_proc(ps, pid);
	}
	if (stat.state == 'Z' && stat.threads > 1)
		find_live_thread(pid, dir, sizeof(dir));
	if (p)
		read_proc(ps, p, dir, &stat);
	return p;
}

struct evp_proc *evp_procs_add(struct evp_procs *ps, pid_t pid)
{
	return new_proc(ps, pid);
}

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

/* ---- samples ---- */

static void read_cgroup_again(struct evp_procs *ps, struct evp_proc *p)
{
	char dir[32];

	snprintf(dir, sizeof(dir), "/proc/%d", p->pid);
	read_cgroup(ps, p, dir);
}

/* The place of the answer to this id, which is 0 for the root too: that says nothing of v1. */
static const uint64_t *ask_cgroup(struct evp_procs *ps, uint64_t id)
{
	struct evp_str path = { 0 };
	uint64_t *place = evp_map_at(&ps->cgroup_path, id, NULL);
	uint32_t string;

	if (place && !evp_cgroup_path_of_id(&ps->cgroup_ids, id, &path) && path.len > 1 &&
	    !evp_intern(&ps->strings, path.buf, path.len, &string))
		*place = (uint64_t)string + 1;
	evp_str_release(&path);
	return place;
}

/* The path of a v2 cgroup, remembered by its id; a process of the root one may be in a v1 one. */
static void cgroup_of_sample(struct evp_procs *ps, struct evp_proc *p, uint64_t id)
{
	const uint64_t *known;

	if (id == p->cgroup_id || !id)
		return;
	known = evp_map_find(&ps->cgroup_path, id);
	if (!known)
		known = ask_cgroup(ps, id);
	if (known && *known) {
		const struct evp_bytes *path = &ps->strings.item[*known - 1];

		set_cgroup(ps, p, path->ptr, path->len);
		p->cgroup_inherited = false;
	} else if (p->cgroup_id || !p->cgroup[0]) {
		read_cgroup_again(ps, p);
	}
	p->cgroup_id = id;
}

struct evp_proc *evp_procs_of_sample(struct evp_procs *ps, const struct evp_raw_sample *s)
{
	struct evp_proc *p = evp_procs_find(ps, s->pid);
	int64_t start_ns = s->start_ns - s->start_ns % ps->tick_ns;

	if (p && start_ns && p->start_ns && llabs(p->start_ns - start_ns) > SAME_START_NS)
		p = NULL; /* the number was given to another process and its fork was lost */
	if (!p)
		p = evp_procs_scan_pid(ps, s->pid);
	if (!p) {
		p = new_proc(ps, s->pid);
		if (!p)
			return NULL;
		set_comm(ps, p, s->comm);
		mark_gone(ps, p, s->time_ns);
	}
	if (start_ns && !p->stream_epoch)
		p->start_ns = start_ns;
	cgroup_of_sample(ps, p, s->cgroup_id);
	/* Who sets up a container moves a child after the fork: look again once it has settled. */
	if (p->cgroup_inherited && !p->exit_ns) {
		bool settled = s->time_ns + ps->boot_offset_ns - p->start_ns > SETTLED_NS;

		if (settled || (!s->cgroup_id && !p->cgroup_looked))
			read_cgroup_again(ps, p);
		p->cgroup_looked = true;
		p->cgroup_inherited = !settled;
	}
	return p;
}

/* ---- events ---- */

static int on_mmap(struct evp_procs *ps, const struct evp_sideband_event *ev)
{
	struct evp_proc *p = evp_procs_find(ps, ev->pid);
	struct evp_mapping m = { .start = ev->addr, .end = ev->addr + ev->len, .pgoff = ev->pgoff };
	int rc;

	if (!p || ev->time_ns < p->snapshot_ns || m.end <= m.start || !(ev->prot & PROT_EXEC))
		return 0;
	if (p->exe_pending && ev->name[0] == '/' && !evp_files_is_memory(ev->name))
		set_exe(ps, p, ev->name, ev->name_len);
	rc = prune_maps(p);
	if (rc)
		return rc;
	return map_file(ps, p, &m,
			&(struct evp_file_key){ .path = ev->name,
						.dev_major = ev->dev_major,
						.dev_minor = ev->dev_minor,
						.inode = ev->inode,
						.inode_generation = ev->inode_generation },
			ev->time_ns);
}

static void on_comm(struct evp_procs *ps, const struct evp_sideband_event *ev)
{
	struct evp_proc *p = evp_procs_find(ps, ev->pid);

	if (!p || ev->tid != ev->pid)
		return;
	if (ev->is_exec) {
		p->exec_generation++;
		identity_changed(ps, p);
		p->serial = ++ps->last_serial;
	}
	if (ev->time_ns < p->snapshot_ns)
		return;
	set_comm(ps, p, ev->name);
	if (ev->is_exec) {
		p->threaded = p->leader_gone = false;
		evp_mappings_drop(p->maps);
		p->maps = NULL;
		p->exe_pending = true;
	}
}

static int on_fork(struct evp_procs *ps, const struct evp_sideband_event *ev,
		   struct evp_proc **ret_child)
{
	struct evp_proc *parent, *child;

	child = evp_procs_find(ps, ev->pid);
	if (ev->pid == ev->ppid) {
		if (child)
			child->threaded = true;
		return 0;
	}
	parent = evp_procs_find(ps, ev->ppid);
	if (!parent)
		return 0;
	if (!child || ev->time_ns >= child->snapshot_ns) {
		int64_t start_ns = ev->time_ns + ps->boot_offset_ns;

		child = new_proc(ps, ev->pid);
		if (!child)
			return -ENOMEM;
		child->start_ns = start_ns - start_ns % ps->tick_ns;
		memcpy(child->comm, parent->comm, sizeof(child->comm));
		child->exe = parent->exe;
		child->cgroup = parent->cgroup;
		child->cgroup_id = parent->cgroup_id;
		child->cgroup_inherited = true;
		child->maps = evp_mappings_share(parent->maps);
		child->kin[0] = parent->pid;
		memcpy(child->kin + 1, parent->kin, sizeof(child->kin) - sizeof(child->kin[0]));
	}
	child->selected = parent->selected;
	if (child->selected && ret_child)
		*ret_child = child;
	return 0;
}

/* Asks the kernel whether the process, which had this start time, still runs in any thread. */
static bool goes_on(const struct evp_proc *p)
{
	struct evp_proc_stat stat;
	char dir[32];

	snprintf(dir, sizeof(dir), "/proc/%d", p->pid);
	return !evp_proc_read_stat(dir, &stat) && (stat.state != 'Z' || stat.threads > 1) &&
	       llabs(stat.start_ns - p->start_ns) < SAME_START_NS;
}

/*
 * The first thread's end is the process's, as a rule. Not where it ended alone (pthread_exit in
 * main), or another thread executes a program and takes its number; and an event from before a
 * scan may be about who had the number before.
 */
static void on_exit_event(struct evp_procs *ps, const struct evp_sideband_event *ev)
{
	struct evp_proc *p = evp_procs_find(ps, ev->pid);

	if (!p)
		return;
	if (ev->tid == ev->pid)
		p->leader_gone = true;
	if (p->leader_gone && !((p->threaded || ev->time_ns < p->snapshot_ns) && goes_on(p)))
		mark_gone(ps, p, ev->time_ns);
}

static int on_cgroup(struct evp_procs *ps, const struct evp_sideband_event *ev)
{
	uint64_t *place;
	uint32_t id;
	int rc;

	if (ev->name_len < 2) /* the root says nothing of v1 */
		return 0;
	rc = evp_intern(&ps->strings, ev->name, ev->name_len, &id);
	if (rc)
		return rc;
	place = evp_map_at(&ps->cgroup_path, ev->cgroup_id, NULL);
	if (!place)
		return -ENOMEM;
	*place = (uint64_t)id + 1;
	return 0;
}

/*
 * What we know may be wrong from here on. Of those that ended it is all that there will ever be.
 * Whoever makes so many events that some are lost shall not make us read /proc all the time.
 */
static void rescan(struct evp_procs *ps)
{
	int64_t begin_ns = evp_clock_ns(CLOCK_MONOTONIC), end_ns;
	pid_t *pids;
	size_t n = 0;

	ps->rescan_due = begin_ns < ps->rescan_from_ns;
	if (ps->rescan_due)
		return;
	pids = calloc(ps->by_pid.nslots + 1, sizeof(*pids));
	for (size_t i = 0; pids && i < ps->by_pid.nslots; i++) {
		const struct evp_map_slot *slot = &ps->by_pid.slot[i];
		const struct evp_proc *p = (const struct evp_proc *)(uintptr_t)slot->value;

		if (slot->used && !p->exit_ns)
			pids[n++] = (pid_t)slot->key;
	}
	for (size_t i = 0; i < n; i++)
		if (!evp_procs_scan_pid(ps, pids[i]))
			mark_gone(ps, evp_procs_find(ps, pids[i]), evp_clock_ns(CLOCK_MONOTONIC));
	free(pids);
	end_ns = evp_clock_ns(CLOCK_MONOTONIC);
	ps->rescan_from_ns = end_ns + RESCAN_SHARE * (end_ns - begin_ns);
}

int evp_procs_event(struct evp_procs *ps, const struct evp_sideband_event *ev,
		    struct evp_proc **ret_child)
{
	if (ret_child)
		*ret_child = NULL;
	if (ps->rescan_due)
		rescan(ps);
	switch (ev->type) {
	case EVP_SB_MMAP:
		return on_mmap(ps, ev);
	case EVP_SB_COMM:
		on_comm(ps, ev);
		return 0;
	case EVP_SB_FORK:
		return on_fork(ps, ev, ret_child);
	case EVP_SB_EXIT:
		on_exit_event(ps, ev);
		return 0;
	case EVP_SB_CGROUP:
		return on_cgroup(ps, ev);
	case EVP_SB_LOST:
		rescan(ps);
		return 0;
	case EVP_SB_KSYMBOL:
		return 0;
	}
	return 0;
}

/* ---- forgetting ---- */

/* Files and strings that no living process uses any more. */
static int sweep_tables(struct evp_procs *ps)
{
	struct evp_interner old = ps->strings;
	int rc;

	ps->strings = (struct evp_interner){ 0 };
	evp_map_clear(&ps->cgroup_path);
	evp_files_unmark(&ps->files);
	for (size_t i = 0; i < ps->by_pid.nslots; i++) {
		struct evp_proc *p = (struct evp_proc *)(uintptr_t)ps->by_pid.slot[i].value;

		if (!ps->by_pid.slot[i].used)
			continue;
		p->exe = keep(ps, p->exe, strlen(p->exe));
		p->cgroup = keep(ps, p->cgroup, strlen(p->cgroup));
		p->cgroup_id = 0;
		p->stream_epoch = 0;
		for (size_t j = 0; j < evp_mappings_count(p->maps); j++)
			evp_files_mark(evp_mappings_item(p->maps, j)->file);
	}
	rc = evp_files_sweep(&ps->files);
	evp_interner_release(&old);
	return rc;
}

int evp_procs_reap(struct evp_procs *ps, int64_t before_ns, bool sweep)
{
	size_t kept = 0;

	for (size_t i = 0; i < ps->ngone; i++) {
		const struct evp_proc *p = evp_procs_find(ps, ps->gone[i]);

		if (!p || !p->exit_ns) /* the number is someone else's by now */
			continue;
		if (p->exit_ns < before_ns)
			remove_proc(ps, p->pid);
		else
			ps->gone[kept++] = p->pid;
	}
	ps->ngone = kept;
	return sweep ? sweep_tables(ps) : 0;
}

void evp_procs_release(struct evp_procs *ps)
{
	for (size_t i = 0; i < ps->by_pid.nslots; i++)
		if (ps->by_pid.slot[i].used)
			free_proc((struct evp_proc *)(uintptr_t)ps->by_pid.slot[i].value);
	evp_map_release(&ps->by_pid);
	evp_map_release(&ps->cgroup_path);
	evp_cgroup_ids_release(&ps->cgroup_ids);
	evp_interner_release(&ps->strings);
	evp_files_release(&ps->files);
	free(ps->gone);
	*ps = (struct evp_procs){ 0 };
}
