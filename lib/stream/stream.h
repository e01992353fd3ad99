/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stack-record stream, evp-stream(5): what both its reader and its writer hold in memory.
 *
 * A stream is a sequence of epochs. Within an epoch everything is defined once and then named by
 * a dense id: strings, events, processes, files, functions, locations, stacks, label sets. Id 0 is
 * always the empty one (the empty string, no process, no file, the empty stack, no labels), except
 * for events, whose ids start at 0. A new epoch forgets every id.
 *
 * Address spaces are types here: a struct evp_location holds an offset whose meaning follows from
 * its kind (see enum evp_location_kind), and no ELF virtual address is ever stored.
 */
#ifndef EVP_STREAM_STREAM_H
#define EVP_STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"

/* Limits, all checked on both sides: evp-stream(5), "LIMITS". */
#define EVP_MAX_BLOCK	 (1u << 20)
#define EVP_MAX_NAME	 (64u << 10)
#define EVP_MAX_LABEL	 (4u << 10)
#define EVP_MAX_LABELS	 64
#define EVP_MAX_DEPTH	 (1u << 20)
#define EVP_MAX_TYPES	 32  /* value types of one event */
#define EVP_MAX_LINES	 512 /* inline chain of one location */
#define EVP_MAX_SEGMENTS 256 /* PT_LOADs of one file */
#define EVP_MAX_BUILD_ID 64
#define EVP_EPOCH_BYTES	 (64u << 20) /* tables of one epoch, as evp_tables.bytes counts them */
#define EVP_EPOCH_NS	 (3600LL * 1000000000)

enum evp_location_kind {
	EVP_LOC_NONE = 0,	 /* a name without an address (imported text) */
	EVP_LOC_NATIVE = 1,	 /* file; offset = pc - map start + page offset: a FILE offset */
	EVP_LOC_KERNEL = 2,	 /* file = the kernel (build ID); offset from _text */
	EVP_LOC_MODULE = 3,	 /* file = the module; offset from its .text */
	EVP_LOC_VDSO = 4,	 /* file = the vdso image; offset into the image */
	EVP_LOC_BPF = 5,	 /* offset from the BPF program's start; the name says which */
	EVP_LOC_JIT = 6,	 /* run-time address within `process` */
	EVP_LOC_INTERPRETER = 7, /* text = language; named by its lines */
	EVP_LOC_CUT = 8,	 /* the stack's root was not reached; text = reason */
	EVP_LOC_UNKNOWN =
		9, /* run-time address within `process`, in no known mapping; text = reason */
	EVP_LOC_KINDS
};

/* Where a name came from; a higher one is better and replaces a lower one. */
enum evp_name_source {
	EVP_SRC_NONE = 0,
	EVP_SRC_DYNSYM = 1,
	EVP_SRC_SYMTAB = 2,
	EVP_SRC_PCLNTAB = 3,
	EVP_SRC_JIT = 4,
	EVP_SRC_KALLSYMS = 5,
	EVP_SRC_TEXT = 6, /* imported: somebody else named it */
	EVP_SRC_DWARF = 7,
	EVP_SRC_KINDS
};

/* All strings are ids of the tables' string table. */
struct evp_value_type {
	uint32_t type, unit; /* "samples" "count", "cpu" "nanoseconds" */
};

struct evp_event {
	uint32_t name; /* "cpu": [a-z][a-z0-9_]* */
	struct evp_value_type types[EVP_MAX_TYPES];
	uint32_t ntypes;       /* values of every sample of this event, >= 1 */
	uint32_t samples_type; /* index + 1 of the type that counts events; 0: none does */
	uint32_t value_type;   /* index + 1 of the type shown by default and stored as `value` */
	struct evp_value_type period_type; /* "cpu" "nanoseconds" */
	int64_t period;	 /* as configured at the start; a rate record changes it; 0 unknown */
	bool cumulative; /* false: delta */
};

struct evp_process {
	uint32_t node, boot_id, comm, exe, cgroup;
	int64_t pid;	  /* in the recorder's pid namespace */
	int64_t ns_pid;	  /* in its own innermost one; 0 unknown */
	int64_t start_ns; /* since boot, CLOCK_BOOTTIME; with node and boot id it makes the pid
			     unique */
	uint32_t exec_generation; /* execs seen since the start, counted by the recorder */
};

struct evp_segment {		      /* an executable PT_LOAD */
	uint64_t offset, vaddr, size; /* p_offset, p_vaddr, p_filesz */
};

struct evp_file {
	uint32_t path;
	uint8_t build_id[EVP_MAX_BUILD_ID];
	uint32_t build_id_len; /* 0 unknown */
	const struct evp_segment *segments;
	uint32_t nsegments;
};

struct evp_function {
	uint32_t name;	      /* for people, demangled */
	uint32_t system_name; /* as the linker knows it; 0: same as name */
	uint32_t filename;
	int64_t start_line; /* 0 unknown */
};

struct evp_line {
	uint32_t function;
	int64_t line;	/* 0 unknown */
	int64_t column; /* 0 unknown */
};

struct evp_location {
	uint8_t kind;	  /* enum evp_location_kind */
	uint8_t source;	  /* enum evp_name_source */
	uint32_t file;	  /* native, kernel, module, vdso; else 0 */
	uint32_t process; /* jit, unknown; else 0 */
	uint32_t text; /* language (interpreter), reason (cut, unknown, or why there is no name) */
	uint64_t offset; /* as the kind says */
	const struct evp_line
		*lines;	 /* innermost inline first, the function that has the code last */
	uint32_t nlines; /* 0: not symbolized */
};

struct evp_stack {
	uint32_t parent; /* stack id, towards the root; 0: this is the root frame */
	uint32_t location;
};

struct evp_label {
	uint32_t key;	/* [a-zA-Z_][a-zA-Z0-9_]* */
	uint32_t text;	/* value; 0 when numeric */
	int64_t number; /* value when is_number */
	uint32_t unit;
	bool is_number;
};

struct evp_label_set {
	const struct evp_label *labels; /* sorted by key's bytes, each key once */
	uint32_t n;
};

/*
 * The tables of one epoch. Read them directly; ids below the n of their table are valid. Slices
 * (segments, lines, labels) live in the arena and die with the epoch.
 */
struct evp_tables {
	bool indexed; /* the writer's: equal strings are found again; a reader only looks ids up */
	struct evp_interner strings;
	struct evp_event *events;
	struct evp_process *processes;
	struct evp_file *files;
	struct evp_function *functions;
	struct evp_location *locations;
	struct evp_stack *stacks;
	uint32_t *depths; /* of each stack */
	struct evp_label_set *label_sets;
	size_t nevents, nprocesses, nfiles, nfunctions, nlocations, nstacks, nlabel_sets;
	size_t cevents, cprocesses, cfiles, cfunctions, clocations, cstacks, cdepths, clabel_sets;
	struct evp_arena arena;
	size_t bytes; /* rough size of all of it: what EVP_EPOCH_BYTES bounds */
};

static inline const struct evp_bytes *evp_string(const struct evp_tables *t, uint32_t id)
{
	return &t->strings.item[id];
}

/*
 * One sample. It belongs to the window [window_ns, window_ns + window_len_ns), or, with
 * window_len_ns 0, happened at exactly window_ns. Times are unix nanoseconds.
 */
struct evp_sample {
	uint32_t event, process, labels, stack;
	int64_t window_ns, window_len_ns;
	const int64_t *values; /* tables.events[event].ntypes of them, already weighted */
};

struct evp_clock { /* one instant by three clocks, nanoseconds */
	int64_t realtime_ns, monotonic_ns, boottime_ns;
};

struct evp_rate { /* from this time on, this event's period (0: unknown) */
	uint32_t event;
	int64_t from_ns, period;
};

/*
 * Samples of one event and window that are not in the stream, and why: lost, or dropped because
 * the user wanted that.
 */
struct evp_loss {
	uint32_t event;
	uint32_t reason; /* "stack-missing", "ring-full" ... */
	int64_t window_ns, window_len_ns;
	int64_t samples;
};

struct evp_totals { /* what the stream carries for one event and window up to here */
	uint32_t event;
	int64_t window_ns, window_len_ns;
	int64_t samples; /* sum of the samples type, or sample records where there is none */
	int64_t value;	 /* sum of the value type */
};

struct evp_cost { /* what making the stream cost since the last such record */
	int64_t from_ns, to_ns;
	int64_t user_ns, system_ns, kernel_ns; /* kernel_ns: inside BPF programs */
	int64_t peak_rss_bytes;
};

struct evp_provenance { /* one program that the data went through; strings, not ids */
	struct evp_bytes tool, version, options;
};

/* Is it [a-zA-Z_][a-zA-Z0-9_]*? */
bool evp_label_name_valid(struct evp_bytes name);

/* Label names that come from the process record unless the label set has them. */
#define EVP_PROCESS_LABELS "comm", "pid", "node", "exe", "cgroup"

/*
 * The value of label `key` for a sample of (process, label set): the set's, else the process
 * record's for comm, pid, node, exe, cgroup. Numbers come as decimal text. `out` is appended to.
 * Returns whether it is present and not empty.
 */
bool evp_label_value(const struct evp_tables *t, uint32_t process, uint32_t labels, const char *key,
		     size_t key_len, struct evp_str *out);

const char *evp_location_kind_name(enum evp_location_kind kind);
const char *evp_name_source_name(enum evp_name_source source);

/*
 * What a viewer calls a location that has no lines, unescaped: "libc.so.6+0x26ad0",
 * "[kernel]+0x1230", "[cut:too-deep]", "[unknown]".
 */
void evp_location_text(const struct evp_tables *t, uint32_t location, struct evp_str *out);
/* Base name of the file behind a location, "[kernel]", "[vdso]", "[jit]"; empty: none. */
void evp_location_module(const struct evp_tables *t, uint32_t location, struct evp_str *out);

/* ---- tables as the writer fills them: interning ---- */

void evp_tables_release(struct evp_tables *t);

#endif
