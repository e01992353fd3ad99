// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/process_table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "record/labeller.h"

#define SAME_START_NS 100000000 /* start times from two sources differ by less than this */

void evp_procs_init(struct evp_procs *ps)
{
	int64_t now_ns = evp_clock_ns(CLOCK_MONOTONIC);

	*ps = (struct evp_procs){ .tick_ns = EVP_NSEC / sysconf(_SC_CLK_TCK),
				  .boot_offset_ns = evp_clock_ns(CLOCK_BOOTTIME) - now_ns,
				  .real_offset_ns = evp_clock_ns(CLOCK_REALTIME) - now_ns };
}

struct evp_proc *evp_procs_find(const struct evp_procs *ps, pid_t pid)
{
	const uint64_t *slot = evp_map_find(&ps->by_pid, (uint64_t)pid);

	return slot ? (struct evp_proc *)(uintptr_t)*slot : NULL;
}

struct evp_proc *evp_procs_next(const struct evp_procs *ps, size_t *i)
{
	while (*i < ps->by_pid.nslots) {
		const struct evp_map_slot *slot = &ps->by_pid.slot[(*i)++];

		if (slot->used)
			return (struct evp_proc *)(uintptr_t)slot->value;
	}
	return NULL;
}

static void drop_parts(struct evp_proc *p)
{
	evp_mappings_drop(p->maps);
	evp_proc_labels_free(p->labels);
}

struct evp_proc *evp_procs_add(struct evp_procs *ps, pid_t pid)
{
	struct evp_proc *p = evp_procs_find(ps, pid);
	uint64_t *slot;

	if (p) {
		drop_parts(p);
	} else {
		p = malloc(sizeof(*p));
		slot = p ? evp_map_at(&ps->by_pid, (uint64_t)pid, NULL) : NULL;
		if (!slot) {
			free(p);
			return NULL;
		}
		*slot = (uint64_t)(uintptr_t)p;
	}
	*p = (struct evp_proc){ .pid = pid,
				.exe = "",
				.cgroup = "",
				.serial = ++ps->last_serial,
				.identity = ++ps->last_identity };
	return p;
}

static void free_proc(struct evp_proc *p)
{
	drop_parts(p);
	free(p);
}

bool evp_proc_began(const struct evp_proc *p, int64_t start_ns)
{
	return llabs(p->start_ns - start_ns) < SAME_START_NS;
}

/* ---- changes ---- */

static const char *keep(struct evp_procs *ps, const char *text, size_t len)
{
	uint32_t id;

	if (!len || evp_intern(&ps->strings, text, len, &id))
		return "";
	return ps->strings.item[id].ptr;
}

/* Who it is has changed: the stream and its labels learn it with the next sample. */
static void identity_changed(struct evp_procs *ps, struct evp_proc *p)
{
	p->stream_epoch = 0;
	p->identity = ++ps->last_identity;
}

void evp_procs_set_comm(struct evp_procs *ps, struct evp_proc *p, const char *comm)
{
	if (!strcmp(p->comm, comm))
		return;
	snprintf(p->comm, sizeof(p->comm), "%s", comm);
	identity_changed(ps, p);
}

void evp_procs_set_exe(struct evp_procs *ps, struct evp_proc *p, const char *path, size_t len)
{
	p->exe = keep(ps, path, len);
	p->exe_pending = false;
	identity_changed(ps, p);
}

void evp_procs_set_cgroup(struct evp_procs *ps, struct evp_proc *p, const char *path, size_t len)
{
	const char *kept = keep(ps, path, len);

	if (kept != p->cgroup)
		identity_changed(ps, p);
	p->cgroup = kept;
}

void evp_procs_count_exec(struct evp_procs *ps, struct evp_proc *p)
{
	p->exec_generation++;
	p->serial = ++ps->last_serial;
	identity_changed(ps, p);
}

int evp_procs_map(struct evp_procs *ps, struct evp_proc *p, struct evp_mapping m,
		  const struct evp_file_key *key, int64_t time_ns)
{
	int rc = 0;

	if (!evp_files_is_memory(key->path))
		rc = evp_files_get(&ps->files, key, time_ns + ps->real_offset_ns, &m.file);
	if (!rc)
		rc = evp_mappings_insert(&p->maps, &m);
	if (rc == -E2BIG) /* more than the kernel allows: leftovers of what was unmapped long ago */
		rc = 0;
	if (rc > 0)
		p->serial = ++ps->last_serial;
	return rc < 0 ? rc : 0;
}

void evp_procs_unmap(struct evp_procs *ps, struct evp_proc *p)
{
	evp_mappings_drop(p->maps);
	p->maps = NULL;
	p->serial = ++ps->last_serial;
}

/* ---- forgetting ---- */

/* Without memory for the list the entry stays until the number is used again. */
void evp_procs_end(struct evp_procs *ps, struct evp_proc *p, int64_t when_ns)
{
	if (p->exit_ns)
		return;
	p->exit_ns = when_ns;
	if (!evp_grow(&ps->gone, &ps->cgone, ps->ngone + 1, sizeof(*ps->gone)))
		ps->gone[ps->ngone++] = p->pid;
}

/* Files and strings that no living process uses any more. */
static int sweep_tables(struct evp_procs *ps)
{
	struct evp_interner old = ps->strings;
	struct evp_proc *p;
	int rc;

	ps->strings = (struct evp_interner){ 0 };
	evp_cgroup_ids_forget(&ps->cgroup_ids);
	evp_files_unmark(&ps->files);
	for (size_t i = 0; (p = evp_procs_next(ps, &i));) {
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
		struct evp_proc *p = evp_procs_find(ps, ps->gone[i]);

		if (!p || !p->exit_ns) /* the number is someone else's by now */
			continue;
		if (p->exit_ns < before_ns) {
			evp_map_remove(&ps->by_pid, (uint64_t)p->pid);
			free_proc(p);
		} else {
			ps->gone[kept++] = p->pid;
		}
	}
	ps->ngone = kept;
	return sweep ? sweep_tables(ps) : 0;
}

void evp_procs_release(struct evp_procs *ps)
{
	struct evp_proc *p;

	for (size_t i = 0; (p = evp_procs_next(ps, &i));)
		free_proc(p);
	evp_map_release(&ps->by_pid);
	evp_cgroup_ids_release(&ps->cgroup_ids);
	evp_interner_release(&ps->strings);
	evp_files_release(&ps->files);
	free(ps->gone);
	*ps = (struct evp_procs){ 0 };
}
