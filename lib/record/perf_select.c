// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/perf_select.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "record/mounts.h"

#define COMM_BYTES   16
#define COMMS_MAX    (1u << 18) /* threads with a remembered name */
#define TIDY_FROM    65536u
#define CGROUP_DEPTH 64

/* Values of s->pids, as the header says. */
enum { BY_NUMBER = 0, NO_MORE = 1, ENDED = 2, ONE_THREAD = 3 };

static bool keep_pid(const struct evp_perf_select *s, uint64_t value)
{
	return value != NO_MORE && value != ENDED;
}

static bool keep_comm(const struct evp_perf_select *s, uint64_t value)
{
	return !s->comm[value - 1].ended;
}

/* A map that has doubled loses what has ended. */
static void tidy(struct evp_perf_select *s, struct evp_map *m, size_t *limit,
		 bool (*keep)(const struct evp_perf_select *s, uint64_t value))
{
	if (m->n < (*limit ? *limit : TIDY_FROM))
		return;
	for (size_t i = 0; i < m->nslots;) {
		if (m->slot[i].used && !keep(s, m->slot[i].value))
			evp_map_remove(m, m->slot[i].key);
		else
			i++;
	}
	*limit = 2 * m->n > TIDY_FROM ? 2 * m->n : TIDY_FROM;
}

int evp_perf_select_pid(struct evp_perf_select *s, pid_t pid)
{
	uint64_t *at = evp_map_at(&s->pids, (uint64_t)pid, NULL);

	if (!at)
		return -ENOMEM;
	*at = BY_NUMBER;
	return 0;
}

int evp_perf_select_thread(struct evp_perf_select *s, const struct evp_target_thread *thread)
{
	return evp_map_at(&s->tids, (uint64_t)thread->tid, NULL) &&
			       evp_map_at(&s->partly, (uint64_t)thread->pid, NULL)
		       ? 0
		       : -ENOMEM;
}

static bool has_thread(const struct evp_perf_select *s, pid_t tid)
{
	const uint64_t *at = evp_map_find(&s->tids, (uint64_t)tid);

	return at && !*at;
}

/* ---- cgroups ---- */

/* Is the perf_event controller on the v2 hierarchy, so that samples carry v2 ids? */
static bool perf_on_v2(void)
{
	struct evp_str text = { 0 };
	bool v2 = true;
	char *at;

	if (!evp_read_file("/proc/cgroups", 64u << 10, &text, NULL) && text.len) {
		at = strstr(text.buf, "\nperf_event\t");
		v2 = at && strtol(at + 12, NULL, 10) == 0;
	}
	evp_str_release(&text);
	return v2;
}

struct walk {
	struct evp_perf_select *select;
	uint64_t id; /* looked for */
	size_t mount_len;
	bool found;
	int rc;
};

static void walk_cgroups(struct walk *w, struct evp_str *path, bool inside, int depth);

static void visit(struct walk *w, struct evp_str *path, bool inside, int depth)
{
	struct stat st;

	if (w->rc || depth > CGROUP_DEPTH || stat(path->buf, &st))
		return;
	if (!inside && st.st_ino == w->id) {
		struct evp_perf_select *s = w->select;
		struct evp_str *copy = &s->paths[s->npaths++];

		evp_str_puts(copy, path->buf + w->mount_len);
		w->found = inside = true;
	}
	if (inside && !evp_map_at(&w->select->cgroups, st.st_ino, NULL))
		w->rc = -ENOMEM;
	walk_cgroups(w, path, inside, depth + 1);
}

static void walk_cgroups(struct walk *w, struct evp_str *path, bool inside, int depth)
{
	size_t len = path->len;
	struct dirent *d;
	DIR *dir;

	if (w->found && !inside)
		return;
	dir = opendir(path->buf);
	while (dir && (d = readdir(dir))) {
		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		evp_str_putc(path, '/');
		evp_str_puts(path, d->d_name);
		if (!path->oom)
			visit(w, path, inside, depth);
		path->len = len;
		path->buf[len] = '\0';
	}
	if (dir)
		closedir(dir);
}

int evp_perf_select_cgroup(struct evp_perf_select *s, uint64_t id, struct evp_err *err)
{
	struct walk w = { .select = s, .id = id };
	struct evp_str path = { 0 }, *paths;
	int rc;

	if (!perf_on_v2())
		return evp_fail(err, ENOTSUP,
				"perf events know only cgroup v1 here: -G needs the "
				"bpf backend");
	paths = realloc(s->paths, (s->npaths + 1) * sizeof(*paths));
	if (!paths)
		return evp_fail_oom(err);
	s->paths = paths;
	s->paths[s->npaths] = (struct evp_str){ 0 };
	rc = evp_mounts_first("cgroup2", &path);
	if (!rc) {
		w.mount_len = path.len;
		visit(&w, &path, false, 0);
		rc = w.rc ? w.rc : w.found ? 0 : -ENOENT;
	}
	evp_str_release(&path);
	if (rc == -ENOENT)
		return evp_fail(err, ENOENT, "no cgroup v2 with id %llu", (unsigned long long)id);
	return rc ? evp_fail_oom(err) : 0;
}

static void on_cgroup(struct evp_perf_select *s, const struct evp_sideband_event *e)
{
	size_t i;

	for (i = 0; i < s->npaths; i++) {
		const struct evp_str *p = &s->paths[i];

		if (e->name_len > p->len && !memcmp(e->name, p->buf ? p->buf : "", p->len) &&
		    e->name[p->len] == '/')
			evp_map_at(&s->cgroups, e->cgroup_id, NULL);
	}
}

/* ---- names of threads ---- */

static struct evp_perf_comm *comm_at(const struct evp_perf_select *s, pid_t tid)
{
	const uint64_t *at = evp_map_find(&s->comms, (uint64_t)tid);

	return at ? &s->comm[*at - 1] : NULL;
}

static void forget_comms(struct evp_perf_select *s)
{
	evp_map_clear(&s->comms);
	s->ncomms = 0;
}

/* Drops ended threads and moves the names of the others together. */
static void tidy_comms(struct evp_perf_select *s)
{
	size_t before = s->comms.n, i, n = 0;
	struct evp_perf_comm *live;

	tidy(s, &s->comms, &s->comms_limit, keep_comm);
	if (s->comms.n == before)
		return;
	live = malloc((s->comms.n + 1) * sizeof(*live));
	if (!live) {
		forget_comms(s);
		return;
	}
	for (i = 0; i < s->comms.nslots; i++) {
		struct evp_map_slot *slot = &s->comms.slot[i];

		if (!slot->used)
			continue;
		live[n++] = s->comm[slot->value - 1];
		slot->value = n;
	}
	free(s->comm);
	s->comm = live;
	s->ncomms = n;
	s->comms_cap = n + 1;
}

static void set_comm(struct evp_perf_select *s, pid_t tid, const char *name)
{
	struct evp_perf_comm comm = { .ended = false }, *known = comm_at(s, tid);
	uint64_t *at;

	memcpy(comm.name, name, strnlen(name, sizeof(comm.name) - 1));
	if (known) {
		*known = comm;
		return;
	}
	tidy_comms(s);
	if (s->comms.n >= COMMS_MAX)
		forget_comms(s);
	if (evp_grow(&s->comm, &s->comms_cap, s->ncomms + 1, sizeof(*s->comm)))
		return;
	at = evp_map_at(&s->comms, (uint64_t)tid, NULL);
	if (!at)
		return;
	s->comm[s->ncomms] = comm;
	*at = ++s->ncomms;
}

const char *evp_perf_select_comm(struct evp_perf_select *s, pid_t pid, pid_t tid)
{
	const struct evp_perf_comm *known = comm_at(s, tid);
	char path[64], name[COMM_BYTES + 1] = "";
	ssize_t n;
	int fd;

	if (known && known->name[0])
		return known->name;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, name, sizeof(name) - 1) : 0;
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return "";
	name[strcspn(name, "\n")] = '\0';
	set_comm(s, tid, name);
	known = comm_at(s, tid);
	return known ? known->name : "";
}

/* ---- records ---- */

static void select_child(struct evp_perf_select *s, const struct evp_sideband_event *e)
{
	uint64_t *parent = evp_map_find(&s->pids, (uint64_t)e->ppid), *child;

	if (e->pid == e->ppid) {
		if (parent && *parent >= ONE_THREAD)
			++*parent;
		return;
	}
	if ((parent && *parent != NO_MORE) || has_thread(s, e->ptid)) {
		tidy(s, &s->pids, &s->pids_limit, keep_pid);
		child = evp_map_at(&s->pids, (uint64_t)e->pid, NULL);
		if (child)
			*child = ONE_THREAD;
		return;
	}
	child = evp_map_find(&s->pids, (uint64_t)e->pid);
	if (child) /* its number is somebody else's now */
		*child = NO_MORE;
}

static void on_fork(struct evp_perf_select *s, const struct evp_sideband_event *e)
{
	char name[COMM_BYTES];

	snprintf(name, sizeof(name), "%s", evp_perf_select_comm(s, e->ppid, e->ptid));
	uint64_t *thread = evp_map_find(&s->tids, (uint64_t)e->tid);

	set_comm(s, e->tid, name);
	if (thread) /* its number is somebody else's now */
		*thread = 1;
	select_child(s, e);
}

static void on_exit_event(struct evp_perf_select *s, const struct evp_sideband_event *e)
{
	uint64_t *threads = evp_map_find(&s->pids, (uint64_t)e->pid);
	struct evp_perf_comm *comm = comm_at(s, e->tid);

	if (comm)
		comm->ended = true;
	if (threads && *threads >= ONE_THREAD)
		--*threads;
}

void evp_perf_select_event(struct evp_perf_select *s, const struct evp_sideband_event *e)
{
	switch (e->type) {
	case EVP_SB_FORK:
		on_fork(s, e);
		break;
	case EVP_SB_EXIT:
		on_exit_event(s, e);
		break;
	case EVP_SB_COMM:
		set_comm(s, e->tid, e->name);
		break;
	case EVP_SB_CGROUP:
		on_cgroup(s, e);
		break;
	case EVP_SB_LOST:
		forget_comms(s);
		s->forks_lost = true;
		break;
	default:
		break;
	}
}

bool evp_perf_select_inherited(const struct evp_perf_select *s, pid_t pid, pid_t tid)
{
	return !evp_map_find(&s->partly, (uint64_t)pid) || has_thread(s, tid) ||
	       evp_map_find(&s->pids, (uint64_t)pid);
}

bool evp_perf_select_sample(const struct evp_perf_select *s, pid_t pid, pid_t tid,
			    uint64_t cgroup_id)
{
	const uint64_t *at;

	if (s->all || has_thread(s, tid))
		return true;
	at = evp_map_find(&s->pids, (uint64_t)pid);
	if (at && *at != NO_MORE)
		return true;
	return cgroup_id && evp_map_find(&s->cgroups, cgroup_id);
}

void evp_perf_select_release(struct evp_perf_select *s)
{
	size_t i;

	for (i = 0; i < s->npaths; i++)
		evp_str_release(&s->paths[i]);
	free(s->paths);
	free(s->comm);
	evp_map_release(&s->pids);
	evp_map_release(&s->tids);
	evp_map_release(&s->partly);
	evp_map_release(&s->cgroups);
	evp_map_release(&s->comms);
	*s = (struct evp_perf_select){ 0 };
}
