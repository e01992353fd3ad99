// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/bpf_tables.h"

#ifdef EVP_HAVE_BPF

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/mem.h"
#include "base/text.h"
#include "record/room.h"

/* A program in BPF runs no longer than this, even where a hypervisor takes its CPU away. */
#define GRACE_NS 100000000

struct retired {
	uint32_t at, n;
	int64_t time_ns;
};

struct evp_bpf_tables {
	int pool_fd, mappings_fd, processes_fd;
	struct evp_room pool;	  /* in words, of even length */
	struct evp_room mappings; /* in mappings */
	struct retired *retired;  /* of mappings, oldest first */
	size_t nretired, cretired;
	bool unsettled; /* words were given up, and BPF may read them still */
	uint32_t version;
};

int evp_bpf_tables_new(struct evp_bpf_tables **ret, int pool_fd, int mappings_fd, int processes_fd)
{
	struct evp_bpf_tables *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->pool_fd = pool_fd;
	t->mappings_fd = mappings_fd;
	t->processes_fd = processes_fd;
	if (evp_room_init(&t->pool, EVP_BPF_POOL_WORDS) ||
	    evp_room_init(&t->mappings, EVP_BPF_MAPPINGS)) {
		evp_bpf_tables_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

void evp_bpf_tables_free(struct evp_bpf_tables *t)
{
	if (!t)
		return;
	evp_room_release(&t->pool);
	evp_room_release(&t->mappings);
	free(t->retired);
	free(t);
}

/*
 * Waits until no program that runs now is still running: what was taken from BPF is not read any
 * more. The barrier is a grace period of RCU, under which programs run; full dynticks have none.
 */
static void settle(void)
{
	struct timespec grace = { .tv_nsec = GRACE_NS };

	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&grace, NULL);
}

/* ---- arrays ---- */

/*
 * A part of an array, mapped for as long as it is copied: what is mapped counts as our resident
 * memory. At once and without a system call an element, because a process may have thousands of
 * mappings, and new ones all the time.
 */
struct part {
	char *map, *bytes;
	size_t len; /* of `map` */
};

static int map_part(int fd, size_t from, size_t n, int prot, struct part *ret)
{
	size_t skip = from % (size_t)sysconf(_SC_PAGESIZE);

	ret->len = skip + n;
	ret->map = mmap(NULL, ret->len, prot, MAP_SHARED, fd, (off_t)(from - skip));
	if (ret->map == MAP_FAILED)
		return -errno;
	ret->bytes = ret->map + skip;
	return 0;
}

static int write_part(int fd, size_t from, const void *bytes, size_t n)
{
	struct part part;
	int rc = map_part(fd, from, n, PROT_READ | PROT_WRITE, &part);

	if (rc)
		return rc;
	memcpy(part.bytes, bytes, n);
	munmap(part.map, part.len);
	return 0;
}

/* ---- the pool ---- */

static uint32_t even(uint32_t nwords)
{
	return (nwords + 1) & ~1u;
}

int evp_bpf_tables_load(struct evp_bpf_tables *t, const struct evp_unwind_table *table,
			uint32_t *ret_at)
{
	uint32_t at;
	int rc = evp_room_take(&t->pool, even(table->nwords), &at);

	if (rc)
		return rc;
	if (t->unsettled)
		settle();
	t->unsettled = false;
	rc = write_part(t->pool_fd, at * sizeof(*table->word), table->word,
			table->nwords * sizeof(*table->word));
	if (rc)
		evp_room_give(&t->pool, at, even(table->nwords));
	else
		*ret_at = at;
	return rc;
}

int evp_bpf_tables_read(struct evp_bpf_tables *t, uint32_t at, uint32_t n, uint32_t *words)
{
	struct part part;
	int rc = map_part(t->pool_fd, at * sizeof(*words), n * sizeof(*words), PROT_READ, &part);

	if (rc)
		return rc;
	memcpy(words, part.bytes, n * sizeof(*words));
	munmap(part.map, part.len);
	return 0;
}

void evp_bpf_tables_unload(struct evp_bpf_tables *t, uint32_t at, uint32_t nwords)
{
	evp_room_give(&t->pool, at, even(nwords));
	t->unsettled = true;
}

/* ---- processes ---- */

/* Places given up before then are free now. */
static void collect(struct evp_bpf_tables *t, int64_t before_ns)
{
	size_t n = 0;

	while (n < t->nretired && t->retired[n].time_ns < before_ns) {
		evp_room_give(&t->mappings, t->retired[n].at, t->retired[n].n);
		n++;
	}
	t->nretired -= n;
	if (n)
		memmove(t->retired, t->retired + n, t->nretired * sizeof(*t->retired));
}

static int take_mappings(struct evp_bpf_tables *t, uint32_t n, uint32_t *ret_first)
{
	int rc;

	collect(t, evp_clock_ns(CLOCK_MONOTONIC) - GRACE_NS);
	rc = evp_room_take(&t->mappings, n, ret_first);
	if (rc != -ENOSPC || !t->nretired)
		return rc;
	settle();
	collect(t, INT64_MAX);
	return evp_room_take(&t->mappings, n, ret_first);
}

/* Without memory for the note its place stays taken. */
static void retire(struct evp_bpf_tables *t, const struct evp_bpf_process *p)
{
	if (p->n && !evp_grow(&t->retired, &t->cretired, t->nretired + 1, sizeof(*t->retired)))
		t->retired[t->nretired++] = (struct retired){ p->first, p->n,
							      evp_clock_ns(CLOCK_MONOTONIC) };
}

int evp_bpf_tables_publish(struct evp_bpf_tables *t, uint32_t global_pid,
			   struct evp_bpf_process *process, const struct evp_bpf_mapping *m,
			   uint32_t n)
{
	struct evp_bpf_process old = *process;
	bool taken;
	int rc;

	process->first = 0;
	process->n = n;
	rc = n ? take_mappings(t, n, &process->first) : 0;
	taken = n && !rc;
	if (taken)
		rc = write_part(t->mappings_fd, process->first * sizeof(*m), m, n * sizeof(*m));
	if (!rc)
		rc = evp_bpf_tables_changed(t, global_pid, process);
	if (rc) {
		if (taken) /* nothing ever led there */
			evp_room_give(&t->mappings, process->first, n);
		*process = old;
		return rc == -E2BIG ? -ENOSPC : rc;
	}
	retire(t, &old);
	return 0;
}

int evp_bpf_tables_changed(struct evp_bpf_tables *t, uint32_t global_pid,
			   struct evp_bpf_process *process)
{
	if (!++t->version)
		t->version = 1;
	process->version = t->version;
	return bpf_map_update_elem(t->processes_fd, &global_pid, process, BPF_ANY) ? -errno : 0;
}

int evp_bpf_tables_change(struct evp_bpf_tables *t, const struct evp_bpf_process *process,
			  uint32_t i, const struct evp_bpf_mapping *m)
{
	uint32_t key = process->first + i;

	return bpf_map_update_elem(t->mappings_fd, &key, m, BPF_ANY) ? -errno : 0;
}

void evp_bpf_tables_withdraw(struct evp_bpf_tables *t, uint32_t global_pid,
			     const struct evp_bpf_process *process)
{
	bpf_map_delete_elem(t->processes_fd, &global_pid);
	retire(t, process);
}

#endif
