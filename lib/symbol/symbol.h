/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From addresses to functions, files, lines and inline chains.
 *
 * Two doors: an object (one ELF file and the debug info that belongs to it) answers ELF virtual
 * addresses; a symbolizer hangs in the copying of a stream and names every native and vdso
 * location by the object that its file record's build ID asks for.
 *
 * An address lies inside the instruction to be named; nothing here adds or subtracts.
 *
 * Trust: a path that a stream or another file names is used only if it is a regular file with the
 * build ID that was asked for, unless `trust_paths`. Contents are hostile: whatever is wrong in
 * an ELF or in its DWARF costs names, never more.
 */
#ifndef EVP_SYMBOL_SYMBOL_H
#define EVP_SYMBOL_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "stream/copy.h"

/* Address spaces. A file offset becomes an ELF virtual address through the executable PT_LOADs. */
struct evp_elf_vaddr {
	uint64_t at;
};

struct evp_file_offset {
	uint64_t at;
};

enum evp_demangle {
	EVP_DEMANGLE_FULL,  /* "ns::f(int) const" */
	EVP_DEMANGLE_SHORT, /* without parameters: "ns::f" */
	EVP_DEMANGLE_NONE,  /* as the linker knows it */
};

struct evp_symbol_opts {
	const char *const *debug_dirs; /* trees like /usr/lib/debug, looked through before it */
	size_t ndebug_dirs;
	const char *root; /* recorded paths are resolved below this directory; NULL: as they are */
	enum evp_demangle demangle;
	bool no_inlines;    /* only the function that has the code, with the line inside of it */
	bool trust_paths;   /* a recorded path will do where the build ID is unknown or differs */
	size_t cache_bytes; /* soft bound of decoded tables, of all objects; 0: 256 MiB */
};

/*
 * The name for people of a linker's name: C++, Rust (legacy and v0) and D by libiberty; others,
 * and what does not demangle, as it is. ".llvm.N" goes; ".part.0", ".isra.0", ".cold" and the like
 * stay visible behind the name. Appended to `out`.
 */
void evp_demangle(struct evp_str *out, const char *name, enum evp_demangle how);

/* ---- one object ---- */

struct evp_object;

/* One function of an inline chain. Strings are good until the next call on the object. */
struct evp_symbol_frame {
	const char *name;     /* as the linker knows it; NULL unknown */
	const char *filename; /* absolute where the compiler's directory is known; NULL unknown */
	int64_t line,
		column;	    /* where in it the address is, or where the next inner one is called */
	int64_t start_line; /* of the function, in `filename`; 0 unknown */
};

struct evp_symbol_answer {
	const struct evp_symbol_frame
		*frames; /* innermost inline first, the function itself last */
	size_t nframes;
	enum evp_name_source
		source; /* EVP_SRC_NONE: no function, though frames[0] may have a line */
	const char *
		reason; /* why there is no function: "no symbols", "stripped", "not covered"; else NULL */
};

/*
 * Opens the ELF file at `path` and finds its debug info. A file without any symbol or debug info
 * opens well and answers "no symbols". -errno with a message where it is no usable ELF file.
 */
int evp_object_open(struct evp_object **ret_o, const char *path, const struct evp_symbol_opts *opts,
		    struct evp_err *err);
void evp_object_close(struct evp_object *o);

/* Fills *ret_a, good until the next call. 0, or -ENOMEM; damage in the file is a reason. */
int evp_object_lookup(struct evp_object *o, struct evp_elf_vaddr addr,
		      struct evp_symbol_answer *ret_a);

/* Through `segments` (executable PT_LOADs), or the object's own where n is 0. */
bool evp_object_vaddr(const struct evp_object *o, const struct evp_segment *segments, size_t n,
		      struct evp_file_offset offset, struct evp_elf_vaddr *ret_addr);

/*
 * Answers a list of addresses, one hexadecimal number a line with or without 0x, as
 * `addr2line -f -i` does: for each frame, innermost first, a line with the function ("??") and a
 * line with file:line ("??:0"). A line that is no address is answered by "??" and "??:0" too.
 */
int evp_object_answer_list(struct evp_object *o, const struct evp_symbol_opts *opts, FILE *in,
			   struct evp_out *out, struct evp_err *err);

/* ---- a stream ---- */

/* What a run did, in locations as the input's epochs define them, each counted at its first use. */
struct evp_symbolizer_stats {
	uint64_t locations;		   /* seen */
	uint64_t by_source[EVP_SRC_KINDS]; /* as they left; [EVP_SRC_NONE]: without a name */
	uint64_t improved;		   /* named better than they came */
	struct evp_symbolizer_reason {
		const char *reason;
		uint64_t locations;
	} reasons[32]; /* why nameless, most frequent first */
	size_t nreasons;
	uint64_t objects; /* opened */
};

struct evp_symbolizer;

int evp_symbolizer_new(struct evp_symbolizer **ret_s, const struct evp_symbol_opts *opts,
		       struct evp_err *err);
void evp_symbolizer_free(struct evp_symbolizer *s);

/*
 * Hangs the symbolizer into a copier whose output is w; it must outlive the copier. One symbolizer
 * may serve several, one after the other: what it opened stays open.
 */
void evp_symbolizer_attach(struct evp_symbolizer *s, struct evp_copy *c, struct evp_writer *w);
void evp_symbolizer_stats(const struct evp_symbolizer *s, struct evp_symbolizer_stats *ret_stats);

#endif
