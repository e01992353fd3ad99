// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions of a DWARF unit, and what was inlined into them. */
#define _GNU_SOURCE
#include "symbol/unit.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"

bool evp_die_next(Dwarf_Die *die)
{
	const void *was = die->addr;
	Dwarf_Die next;

	/* DW_AT_sibling may point anywhere. */
	if (dwarf_siblingof(die, &next) || (const char *)next.addr <= (const char *)was)
		return false;
	*die = next;
	return true;
}

int evp_die_ranges(Dwarf_Die *die, const struct evp_elf *e, uint32_t *left,
		   int (*fn)(void *arg, uint64_t lo, uint64_t hi), void *arg)
{
	Dwarf_Addr base = 0, lo = 0, hi = 0;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(die, at, &base, &lo, &hi)) > 0) {
		int rc;

		if (!*left)
			return 0;
		--*left;
		/* Code that the linker threw away was moved to 0 or thereabouts. */
		if (!evp_elf_is_text(e, lo))
			continue;
		rc = fn(arg, lo, hi);
		if (rc)
			return rc;
	}
	return 0;
}

struct add_arg {
	struct evp_ranges *ranges;
	uint32_t id;
	bool any;
};

static int add_range(void *arg, uint64_t lo, uint64_t hi)
{
	struct add_arg *a = arg;

	a->any = true;
	return evp_ranges_add(a->ranges, lo, hi, a->id);
}

static bool has_code(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_low_pc) || dwarf_hasattr(die, DW_AT_ranges);
}

static int add_func(struct evp_unit *u, struct evp_unit_env *env, Dwarf_Die *die,
		    struct evp_ranges *ranges)
{
	struct add_arg a = { ranges, (uint32_t)u->nfuncs, false };
	int rc;

	if (!has_code(die) || u->nfuncs >= EVP_NO_ID - 1)
		return 0;
	rc = evp_die_ranges(die, env->elf, &u->ranges_left, add_range, &a);
	if (rc || !a.any)
		return rc;
	if (evp_grow(&u->funcs, &u->cfuncs, u->nfuncs + 1, sizeof(*u->funcs)))
		return -ENOMEM;
	u->funcs[u->nfuncs++] = (struct evp_func){ .die = *die };
	return 0;
}

/* Does code hide below? Shallow: where compilers put functions; deep: anywhere. */
static bool descends(int tag, bool deep, bool classes)
{
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_compile_unit:
	case DW_TAG_partial_unit:
		return true;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
		return deep || classes;
	case DW_TAG_subprogram:
	case DW_TAG_lexical_block:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_common_block:
	case DW_TAG_entry_point:
	case DW_TAG_variant_part:
	case DW_TAG_variant:
		return deep;
	default:
		return false;
	}
}

/* C and C++ have nothing but declarations in their classes, and a great many of those. */
static bool functions_in_classes(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
		return false;
	default:
		return true;
	}
}

static void drop_funcs(struct evp_unit *u)
{
	for (size_t i = 0; i < u->nfuncs; i++) {
		free(u->funcs[i].nodes);
		evp_segs_release(&u->funcs[i].segs);
	}
	u->nfuncs = 0;
	evp_segs_release(&u->segs);
}

static int walk_funcs(struct evp_unit *u, struct evp_unit_env *env, bool deep,
		      struct evp_ranges *ranges)
{
	bool classes = functions_in_classes(&u->split);
	Dwarf_Die level[EVP_UNIT_MAX_DEPTH];
	size_t depth = 0;

	if (dwarf_child(&u->split, &level[0]))
		return 0;
	for (;;) {
		Dwarf_Die *die = &level[depth];
		int tag = dwarf_tag(die);

		if (tag == DW_TAG_subprogram && add_func(u, env, die, ranges))
			return -ENOMEM;
		if (descends(tag, deep, classes) && depth + 1 < EVP_UNIT_MAX_DEPTH &&
		    !dwarf_child(die, &level[depth + 1])) {
			depth++;
			continue;
		}
		while (!evp_die_next(&level[depth]))
			if (!depth--)
				return 0;
	}
}

int evp_unit_load_funcs(struct evp_unit *u, struct evp_unit_env *env, bool deep)
{
	struct evp_ranges ranges = { 0 };
	int rc;

	if (u->has_funcs && (!deep || u->deep))
		return 0;
	u->has_funcs = true;
	u->deep = deep;
	u->ranges_left = EVP_UNIT_MAX_RANGES;
	drop_funcs(u);
	rc = walk_funcs(u, env, deep, &ranges);
	if (!rc)
		rc = evp_segs_build(&u->segs, &ranges);
	evp_ranges_release(&ranges);
	env->bytes += u->cfuncs * sizeof(*u->funcs) + u->segs.cap * sizeof(*u->segs.item);
	return rc;
}

static uint32_t get_u32(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value = 0;

	if (!dwarf_attr(die, name, &attr) || dwarf_formudata(&attr, &value) || value > INT32_MAX)
		return 0;
	return (uint32_t)value;
}

static int add_node(struct evp_unit *u, struct evp_unit_env *env, struct evp_func *f,
		    Dwarf_Die *die, uint32_t parent, struct evp_ranges *ranges)
{
	struct add_arg a = { ranges, (uint32_t)f->nnodes, false };

	if (f->nnodes >= EVP_FUNC_MAX_NODES)
		return -E2BIG;
	if (evp_grow(&f->nodes, &f->cnodes, f->nnodes + 1, sizeof(*f->nodes)))
		return -ENOMEM;
	f->nodes[f->nnodes++] = (struct evp_node){ .die = *die, .parent = parent };
	return evp_die_ranges(die, env->elf, &u->ranges_left, add_range, &a);
}

/* Appends the node of an inlined call to f. */
static int add_inlined(struct evp_unit *u, struct evp_unit_env *env, struct evp_func *f,
		       Dwarf_Die *die, uint32_t parent, struct evp_ranges *ranges)
{
	int rc = add_node(u, env, f, die, parent, ranges);

	if (!rc) {
		struct evp_node *n = &f->nodes[f->nnodes - 1];

		n->call_file = get_u32(die, DW_AT_call_file);
		n->call_line = get_u32(die, DW_AT_call_line);
		n->call_column = get_u32(die, DW_AT_call_column);
	}
	return rc;
}

static int walk_inlines(struct evp_unit *u, struct evp_unit_env *env, struct evp_func *f,
			struct evp_ranges *ranges)
{
	Dwarf_Die level[EVP_UNIT_MAX_DEPTH];
	uint32_t parent[EVP_UNIT_MAX_DEPTH] = { 0 };
	size_t depth = 0;

	if (dwarf_child(&f->die, &level[0]))
		return 0;
	for (;;) {
		Dwarf_Die *die = &level[depth];
		int tag = dwarf_tag(die);
		uint32_t inner = parent[depth];
		bool descend = tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
			       tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt;

		if (tag == DW_TAG_inlined_subroutine) {
			int rc = add_inlined(u, env, f, die, inner, ranges);

			if (rc)
				return rc == -E2BIG ? 0 : rc;
			inner = (uint32_t)f->nnodes - 1;
			descend = true;
		}
		if (descend && depth + 1 < EVP_UNIT_MAX_DEPTH &&
		    !dwarf_child(die, &level[depth + 1])) {
			parent[++depth] = inner;
			continue;
		}
		while (!evp_die_next(&level[depth]))
			if (!depth--)
				return 0;
	}
}

int evp_unit_load_inlines(struct evp_unit *u, struct evp_unit_env *env, struct evp_func *f)
{
	struct evp_ranges ranges = { 0 };
	int rc;

	if (f->nodes)
		return 0;
	rc = add_node(u, env, f, &f->die, 0, &ranges);
	if (!rc)
		rc = walk_inlines(u, env, f, &ranges);
	if (!rc)
		rc = evp_segs_build(&f->segs, &ranges);
	evp_ranges_release(&ranges);
	env->bytes += f->cnodes * sizeof(*f->nodes) + f->segs.cap * sizeof(*f->segs.item);
	return rc;
}

void evp_unit_release(struct evp_unit *u)
{
	drop_funcs(u);
	free(u->funcs);
	evp_line_table_release(&u->lines);
	free(u->row_paths.path);
	free(u->die_paths.path);
}

static const char *get_string(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attr));
}

void evp_unit_name_node(struct evp_unit *u, struct evp_node *n)
{
	Dwarf_Attribute attr;
	Dwarf_Word value = 0;
	int line = 0;

	if (n->name)
		return;
	n->name = get_string(&n->die, DW_AT_linkage_name);
	if (!n->name)
		n->name = get_string(&n->die, DW_AT_MIPS_linkage_name);
	if (!n->name)
		n->name = get_string(&n->die, DW_AT_name);
	if (!n->name)
		n->name = "";
	if (!dwarf_decl_line(&n->die, &line) && line > 0)
		n->start_line = (uint32_t)line;
	/* Another unit counts its files by another table: then the file is taken on trust. */
	n->start_file = EVP_NO_ID;
	if (dwarf_attr_integrate(&n->die, DW_AT_decl_file, &attr) && attr.cu == u->split.cu &&
	    !dwarf_formudata(&attr, &value) && value < EVP_NO_ID)
		n->start_file = (uint32_t)value;
}

/* Would libdw, which opens the .dwo by itself, find a regular file or nothing? */
static bool split_is_safe(const struct evp_unit *u, const char *dwo)
{
	const char *dir = *dwo == '/' || !u->comp_dir ? "" : u->comp_dir;
	char path[8192];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s%s%s", dir, *dir ? "/" : "", dwo);

	if (n < 0 || (size_t)n >= sizeof(path))
		return false;
	return stat(path, &st) ? true : S_ISREG(st.st_mode);
}

void evp_unit_find_split(struct evp_unit *u, struct evp_unit_env *env)
{
	const char *dwo = get_string(&u->die, DW_AT_dwo_name);
	Dwarf_Die split;

	u->skeleton = false; /* looked for once */
	if (!dwo)
		dwo = get_string(&u->die, DW_AT_GNU_dwo_name);
	if (!dwo || !split_is_safe(u, dwo))
		return;
	memset(&split, 0, sizeof(split));
	if (!dwarf_cu_info(u->die.cu, NULL, NULL, NULL, &split, NULL, NULL, NULL) && split.addr)
		u->split = split;
}
