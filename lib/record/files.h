/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files behind mappings, each once: path, build ID, executable segments.
 *
 * A mapping names its file by device, inode and generation. The file itself is opened only when a
 * sample first lies in it (evp_files_resolve): through the process if it still lives, so that
 * containers and deleted files are found, else as its parents or we see the path. What a path leads
 * to counts only if it is a regular file with that inode, not changed since it was mapped.
 * Entries live until a sweep finds them unmarked.
 */
#ifndef EVP_RECORD_FILES_H
#define EVP_RECORD_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/hash.h"
#include "record/device.h"
#include "record/elf_identity.h"

enum evp_mapped_kind {
	EVP_MAPPED_ANONYMOUS, /* memory, or a file that is no ELF: code made at run time */
	EVP_MAPPED_ELF,
	EVP_MAPPED_VDSO,
};

struct evp_mapped_file {
	const char *path; /* as the process saw it, without " (deleted)"; "[vdso]"; "" anonymous */
	enum evp_mapped_kind kind;
	struct evp_elf_identity id;
	/* Of the file that `id` was read from: anybody may claim a build ID. */
	uint64_t size;
	uid_t owner;
	int64_t changed_ns; /* unix time, its ctime */
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	int64_t mapped_ns; /* unix time when it was last heard of */
	bool resolved, marked;
	bool mapped_again;	   /* since it was identified: it may have been written over */
	bool refused;		   /* the last attempt to open it ended for lack of permission */
	bool silent;		   /* ... because its device does not answer */
	struct evp_device *device; /* of evp_files */
	uint8_t tries;
	uint32_t table;	    /* the unwinder's number for it; 0: not looked at */
	uint32_t stream_id; /* in epoch `stream_epoch`; for the translator */
	uint64_t stream_epoch;
};

struct evp_file_key {
	const char *path;
	uint32_t dev_major, dev_minor;
	uint64_t inode, inode_generation;
};

struct evp_files { /* a zeroed struct is empty */
	struct evp_interner keys;
	struct evp_mapped_file **file; /* by interned id */
	size_t n, cap;
	struct evp_map devices; /* major << 32 | minor -> struct evp_device * */
	struct evp_str text;	/* a key being looked up */
};

/* Whether a mapping of this name is memory rather than a file: "//anon", "[heap]", "" ... */
bool evp_files_is_memory(const char *name);

/* The entry for this key, new if needed, mapped then; 0 or -ENOMEM. Never opens anything. */
int evp_files_get(struct evp_files *fs, const struct evp_file_key *key, int64_t mapped_ns,
		  struct evp_mapped_file **ret_file);

/*
 * Reads what is not known yet. `pid` had it mapped at [start, end); `kin` are processes that are
 * likely to see the same files under the same names, 0 none. Gives up after some tries.
 */
#define EVP_KIN 3
void evp_files_resolve(struct evp_mapped_file *file, pid_t pid, const pid_t kin[EVP_KIN],
		       uint64_t start, uint64_t end);

/* The very file that was mapped, for reading; -1 where it cannot be had. Arguments as above. */
int evp_files_open(struct evp_mapped_file *file, pid_t pid, const pid_t kin[EVP_KIN],
		   uint64_t start, uint64_t end);

/* How many were wanted and may not be read; lie on devices that do not answer. */
size_t evp_files_refused(const struct evp_files *fs);
size_t evp_files_silent(const struct evp_files *fs);

/* Forgetting what is no longer in use: unmark all, mark what is, sweep. 0 or -ENOMEM (all stay). */
void evp_files_unmark(struct evp_files *fs);
void evp_files_mark(struct evp_mapped_file *file); /* NULL too */
int evp_files_sweep(struct evp_files *fs);

void evp_files_release(struct evp_files *fs);

#endif
