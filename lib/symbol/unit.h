/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One DWARF unit decoded for look-ups: sorted line rows, function ranges, and for every function
 * that was asked for the tree of what was inlined into it. Internal to the room.
 */
#ifndef EVP_SYMBOL_UNIT_H
#define EVP_SYMBOL_UNIT_H

#include <elfutils/libdw.h>

#include "symbol/dwarf.h"
#include "symbol/line_program.h"

#define EVP_UNIT_MAX_RANGES (4u << 20) /* of one unit; hostile lists may all point to one place */
#define EVP_FUNC_MAX_NODES  (1u << 20) /* inlined calls in one function */
#define EVP_UNIT_MAX_DEPTH  256	       /* of nested DIEs that are followed */

struct evp_node {
	Dwarf_Die die;	 /* a function or an inlined call of one */
	uint32_t parent; /* the node that it was inlined into; of node 0: itself */
	uint32_t call_file, call_line, call_column;
	const char *name;		 /* NULL until asked for, "" if there is none */
	uint32_t start_file, start_line; /* with the name */
};

struct evp_func {
	Dwarf_Die die;
	struct evp_node *nodes; /* [0] is the function itself; NULL until asked for */
	size_t nnodes, cnodes;
	struct evp_segs segs; /* of nodes */
};

struct evp_unit {
	Dwarf_Die die;	 /* the unit's, of the skeleton where it is split */
	Dwarf_Die split; /* the .dwo's, or the same as die */
	struct evp_line_table lines;
	Dwarf_Files *files; /* libdw's, where DIEs or lines could not be had from `lines` */
	struct evp_unit_paths {
		const char **path; /* joined, NULL until asked for */
		size_t n;
		bool by_libdw;
	} row_paths, die_paths; /* a .dwo's DIEs count by another table than its skeleton's rows */
	const char *comp_dir;
	bool skeleton, has_rows, has_funcs, deep;
	uint32_t ranges_left; /* that may still be read */
	struct evp_func *funcs;
	size_t nfuncs, cfuncs;
	struct evp_segs segs; /* of funcs */
};

struct evp_unit_env {
	const struct evp_elf *elf;
	struct evp_line_sections sections;
	struct evp_arena arena; /* joined paths; dies with the generation */
	size_t bytes;		/* what all units and libdw hold, roughly */
};

/* Each 0 or -ENOMEM; damage gives fewer rows and functions. */
int evp_unit_load_rows(struct evp_unit *u, struct evp_unit_env *env);
int evp_unit_load_funcs(struct evp_unit *u, struct evp_unit_env *env, bool deep);
int evp_unit_load_inlines(struct evp_unit *u, struct evp_unit_env *env, struct evp_func *f);
void evp_unit_release(struct evp_unit *u);

/* The .dwo's DIE for a skeleton's, if it can be had. */
void evp_unit_find_split(struct evp_unit *u, struct evp_unit_env *env);
/* Absolute path of a file by index, NULL unknown. */
const char *evp_unit_path(struct evp_unit *u, struct evp_unit_env *env, bool of_rows,
			  uint32_t index);
/* Fills name and start of a node. */
void evp_unit_name_node(struct evp_unit *u, struct evp_node *n);

/* Calls fn with every range of a DIE that lies in code, while *left lasts. 0 or what fn said. */
int evp_die_ranges(Dwarf_Die *die, const struct evp_elf *e, uint32_t *left,
		   int (*fn)(void *arg, uint64_t lo, uint64_t hi), void *arg);
/* The next DIE on the same level; false at the end, also where damaged data leads backwards. */
bool evp_die_next(Dwarf_Die *die);

#endif
