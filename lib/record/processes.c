// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/processes.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "record/process_read.h"

#define SETTLED_NS 1000000000LL

/* ---- events ---- */

static int on_mmap(struct evp_procs *ps, const struct evp_sideband_event *ev)
{
	struct evp_proc *p = evp_procs_find(ps, ev->pid);
	struct evp_mapping m = { .start = ev->addr, .end = ev->addr + ev->len, .pgoff = ev->pgoff };
	struct evp_file_key key = { .path = ev->name,
				    .dev_major = ev->dev_major,
				    .dev_minor = ev->dev_minor,
				    .inode = ev->inode,
				    .inode_generation = ev->inode_generation };
	int rc;

	if (!p || ev->time_ns < p->snapshot_ns || m.end <= m.start || !(ev->prot & PROT_EXEC))
		return 0;
	if (p->exe_pending && ev->name[0] == '/' && !evp_files_is_memory(ev->name))
		evp_procs_set_exe(ps, p, ev->name, ev->name_len);
	rc = evp_procs_prune(p);
	return rc ? rc : evp_procs_map(ps, p, m, &key, ev->time_ns);
}

static void on_comm(struct evp_procs *ps, const struct evp_sideband_event *ev)
{
	struct evp_proc *p = evp_procs_find(ps, ev->pid);

	if (!p || ev->tid != ev->pid)
		return;
	if (ev->is_exec)
		evp_procs_count_exec(ps, p);
	if (ev->time_ns < p->snapshot_ns)
		return;
	evp_procs_set_comm(ps, p, ev->name);
	if (ev->is_exec) {
		evp_procs_unmap(ps, p);
		p->threaded = p->leader_gone = false;
		p->exe_pending = true;
	}
}

/* A child is as its parent is; the parent's cgroup is where it was born, at least. */
static struct evp_proc *born(struct evp_procs *ps, const struct evp_proc *parent,
			     const struct evp_sideband_event *ev)
{
	int64_t start_ns = ev->time_ns + ps->boot_offset_ns;
	struct evp_proc *child = evp_procs_add(ps, ev->pid);

	if (!child)
		return NULL;
	child->start_ns = start_ns - start_ns % ps->tick_ns;
	memcpy(child->comm, parent->comm, sizeof(child->comm));
	child->exe = parent->exe;
	child->cgroup = parent->cgroup;
	child->cgroup_id = parent->cgroup_id;
	child->cgroup_inherited = true;
	child->maps = evp_mappings_share(parent->maps);
	child->kin[0] = parent->pid;
	memcpy(child->kin + 1, parent->kin, sizeof(child->kin) - sizeof(child->kin[0]));
	return child;
}

static int on_fork(struct evp_procs *ps, const struct evp_sideband_event *ev,
		   struct evp_proc **ret_child)
{
	struct evp_proc *child = evp_procs_find(ps, ev->pid), *parent;

	if (ev->pid == ev->ppid) {
		if (child)
			child->threaded = true;
		return 0;
	}
	parent = evp_procs_find(ps, ev->ppid);
	if (!parent)
		return 0;
	if (!child || ev->time_ns >= child->snapshot_ns)
		child = born(ps, parent, ev);
	if (!child)
		return -ENOMEM;
	child->selected = parent->selected;
	if (child->selected && ret_child)
		*ret_child = child;
	return 0;
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
	if (p->leader_gone &&
	    !((p->threaded || ev->time_ns < p->snapshot_ns) && evp_proc_goes_on(p)))
		evp_procs_end(ps, p, ev->time_ns);
}

int evp_procs_event(struct evp_procs *ps, const struct evp_sideband_event *ev,
		    struct evp_proc **ret_child)
{
	if (ret_child)
		*ret_child = NULL;
	if (ps->rescan_due)
		evp_procs_rescan(ps);
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
		return evp_cgroup_ids_learn(&ps->cgroup_ids, ev->cgroup_id, ev->name, ev->name_len);
	case EVP_SB_LOST:
		evp_procs_rescan(ps);
		return 0;
	case EVP_SB_KSYMBOL:
		return 0;
	}
	return 0;
}

/* ---- samples ---- */

/* The path of a v2 cgroup is remembered by its id; a process of the root one may be in a v1 one. */
static void set_cgroup_id(struct evp_procs *ps, struct evp_proc *p, uint64_t id)
{
	const struct evp_bytes *path;

	if (id == p->cgroup_id || !id)
		return;
	path = evp_cgroup_ids_path(&ps->cgroup_ids, id);
	if (path) {
		evp_procs_set_cgroup(ps, p, path->ptr, path->len);
		p->cgroup_inherited = false;
	} else if (p->cgroup_id || !p->cgroup[0]) {
		evp_procs_read_cgroup(ps, p);
	}
	p->cgroup_id = id;
}

/* Who sets up a container moves a child after the fork: look again once it has settled. */
static void look_at_inherited_cgroup(struct evp_procs *ps, struct evp_proc *p,
				     const struct evp_raw_sample *s)
{
	bool settled = s->time_ns + ps->boot_offset_ns - p->start_ns > SETTLED_NS;

	if (settled || (!s->cgroup_id && !p->cgroup_looked))
		evp_procs_read_cgroup(ps, p);
	p->cgroup_looked = true;
	p->cgroup_inherited = !settled;
}

struct evp_proc *evp_procs_of_sample(struct evp_procs *ps, const struct evp_raw_sample *s)
{
	struct evp_proc *p = evp_procs_find(ps, s->pid);
	int64_t start_ns = s->start_ns - s->start_ns % ps->tick_ns;

	if (p && start_ns && p->start_ns && !evp_proc_began(p, start_ns))
		p = NULL; /* the number was given to another process and its fork was lost */
	if (!p)
		p = evp_procs_scan_pid(ps, s->pid);
	if (!p) {
		p = evp_procs_add(ps, s->pid);
		if (!p)
			return NULL;
		evp_procs_set_comm(ps, p, s->comm);
		evp_procs_end(ps, p, s->time_ns);
	}
	if (start_ns && !p->stream_epoch)
		p->start_ns = start_ns;
	set_cgroup_id(ps, p, s->cgroup_id);
	if (p->cgroup_inherited && !p->exit_ns)
		look_at_inherited_cgroup(ps, p, s);
	return p;
}
