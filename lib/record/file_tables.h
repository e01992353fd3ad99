/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The unwind tables of mapped files: each made once for all files with its build ID, when a walk
 * first wants it; kept in our memory, in BPF, or both, and the least recently used first let go.
 *
 * A file's table has a number (1 to UINT16_MAX; in evp_mapped_file.table), valid until
 * evp_file_tables_reset.
 */
#ifndef EVP_RECORD_FILE_TABLES_H
#define EVP_RECORD_FILE_TABLES_H

#include "record/bpf_tables.h"
#include "record/process_table.h"
#include "unwind/compiler.h"

struct evp_file_tables {	    /* a zeroed struct is empty; see evp_file_tables_init */
	struct evp_bpf_tables *bpf; /* NULL: there is no BPF to have them */
	struct evp_compiler *compiler;
	struct evp_file_table *item; /* number - 1 */
	size_t n, cap;
	struct evp_map by_build_id; /* hash -> number */
	uint64_t seed;		    /* of those hashes */
	size_t own_bytes;	    /* of those in our memory */
	uint64_t turn;		    /* of use: the caller raises it; what was used in it stays */
	uint64_t changes;	    /* raised by every table that comes or goes */
	uint64_t made, failed, evicted;
	/* BPF loses this table: whoever told BPF where it is takes that back. */
	void (*on_evict)(void *arg, uint32_t number);
	void *arg;
	int64_t debt_ns, debt_at_ns;  /* of files that took too long */
	void (*meanwhile)(void *arg); /* now and then while one is being made; may be NULL */
	void *meanwhile_arg;
};

int evp_file_tables_init(struct evp_file_tables *t, struct evp_bpf_tables *bpf,
			 struct evp_err *err);
void evp_file_tables_release(struct evp_file_tables *t);

/*
 * What a mapping holds, without opening anything: EVP_CODE_PENDING where there may be a table, then
 * with *ret_number and *ret_bias; number 0: not even the file was looked at yet.
 */
enum evp_code_kind evp_file_tables_kind(struct evp_file_tables *t, const struct evp_mapping *m,
					uint64_t *ret_bias, uint32_t *ret_number);

/*
 * The table of such a number, made from the process's mapping if need be. NULL: there is none, or
 * the file cannot be had, or there are 64 MiB of tables already, or evp_file_tables_late. It stays
 * until evp_file_tables_trim.
 */
const struct evp_unwind_table *evp_file_tables_get(struct evp_file_tables *t, uint32_t number,
						   const struct evp_proc *p,
						   const struct evp_mapping *m);

/* Whether files took so long that no table is made for a while. */
bool evp_file_tables_late(const struct evp_file_tables *t);

/* A walk in BPF used this one. */
void evp_file_tables_used(struct evp_file_tables *t, uint32_t number);

/* Whether BPF has that table now, others evicted for it; then *ret says how a mapping names it. */
bool evp_file_tables_load(struct evp_file_tables *t, uint32_t number, struct evp_bpf_mapping *ret);

/* What was not used for longest leaves our memory; BPF or the file still has it. */
void evp_file_tables_trim(struct evp_file_tables *t);

/* All is forgotten, numbers too. Nothing that BPF was told may name a table any more. */
bool evp_file_tables_full(const struct evp_file_tables *t); /* it should be */
void evp_file_tables_reset(struct evp_file_tables *t, const struct evp_files *files);

/* Number of tables known and their size. */
size_t evp_file_tables_count(const struct evp_file_tables *t, size_t *ret_bytes);

#endif
