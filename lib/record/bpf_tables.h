/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What walks in BPF go by, as bpf/walk.bpf.h reads it: unwind tables in a pool of words, the
 * mappings of processes, and which process has which. This is the writer of those maps and keeps
 * their places; what to put there is the unwinder's to decide.
 *
 * BPF reads while we write: a process gets new mappings in a new place before the old one is
 * given up, and a place is used again only when no program that was led there still runs.
 */
#ifndef EVP_RECORD_BPF_TABLES_H
#define EVP_RECORD_BPF_TABLES_H

#include "../bpf/record.h"
#include "base/err.h"
#include "unwind/table.h"

struct evp_bpf_tables;

/* The descriptors stay the caller's. */
int evp_bpf_tables_new(struct evp_bpf_tables **ret, int pool_fd, int mappings_fd, int processes_fd);
void evp_bpf_tables_free(struct evp_bpf_tables *t); /* NULL too */

/*
 * Puts a table into the pool, at word *ret_at, once nobody reads what was unloaded (some 20 ms).
 * -ENOSPC: no place large enough is free.
 */
int evp_bpf_tables_load(struct evp_bpf_tables *t, const struct evp_unwind_table *table,
			uint32_t *ret_at);
/* Reads n words back. */
int evp_bpf_tables_read(struct evp_bpf_tables *t, uint32_t at, uint32_t n, uint32_t *words);
/* No published mapping leads there any more. Programs that run now may still read it. */
void evp_bpf_tables_unload(struct evp_bpf_tables *t, uint32_t at, uint32_t nwords);

/* A process as it is now; m[n] sorted by address. -ENOSPC: there is no room for its mappings. */
int evp_bpf_tables_publish(struct evp_bpf_tables *t, uint32_t global_pid,
			   struct evp_bpf_process *process, const struct evp_bpf_mapping *m,
			   uint32_t n);
/*
 * Writes the process's mapping number i anew, in place. When that was done with all that change,
 * evp_bpf_tables_changed must follow.
 */
int evp_bpf_tables_change(struct evp_bpf_tables *t, const struct evp_bpf_process *process,
			  uint32_t i, const struct evp_bpf_mapping *m);
/* What BPF remembers of the process's code is not true any more. */
int evp_bpf_tables_changed(struct evp_bpf_tables *t, uint32_t global_pid,
			   struct evp_bpf_process *process);
/* `process` is as publish left it. */
void evp_bpf_tables_withdraw(struct evp_bpf_tables *t, uint32_t global_pid,
			     const struct evp_bpf_process *process);

#endif
