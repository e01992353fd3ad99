// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbol/dwarf.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "symbol/unit.h"

#define DEFAULT_CACHE_BYTES ((size_t)256 << 20)
#define MAX_UNITS	    (1u << 20)
#define MAX_UNIT_RANGES	    (16u << 20) /* of all units together */

struct evp_dwarf {
	const struct evp_elf *elf;
	const struct evp_elf *alt_elf;
	Dwarf *dw, *alt;
	struct evp_unit *units;
	size_t nunits, cunits;
	uint32_t ranges_left;
	struct evp_segs segs; /* of units */
	struct evp_unit_env env;
	size_t cache_bytes, index_bytes; /* the index itself stays */
};

static void drop(struct evp_dwarf *d)
{
	for (size_t i = 0; i < d->nunits; i++)
		evp_unit_release(&d->units[i]);
	free(d->units);
	d->units = NULL;
	d->nunits = d->cunits = 0;
	evp_segs_release(&d->segs);
	evp_arena_release(&d->env.arena);
	d->env = (struct evp_unit_env){ .elf = d->elf };
	dwarf_end(d->dw);
	dwarf_end(d->alt);
	d->dw = d->alt = NULL;
}

struct add_arg {
	struct evp_ranges *ranges;
	uint32_t id;
};

static int add_range(void *arg, uint64_t lo, uint64_t hi)
{
	struct add_arg *a = arg;

	return evp_ranges_add(a->ranges, lo, hi, a->id);
}

static const char *comp_dir(Dwarf_Die *die)
{
	Dwarf_Attribute attr;

	return dwarf_formstring(dwarf_attr(die, DW_AT_comp_dir, &attr));
}

/* A unit that does not say where its code is: its functions do. */
static int add_function_ranges(struct evp_dwarf *d, struct evp_unit *u, struct add_arg *a)
{
	int rc;

	if (u->skeleton)
		evp_unit_find_split(u, &d->env);
	rc = evp_unit_load_funcs(u, &d->env, false);
	for (size_t i = 0; !rc && i + 1 < u->segs.n; i++)
		if (u->segs.item[i].id != EVP_NO_ID)
			rc = evp_ranges_add(a->ranges, u->segs.item[i].lo, u->segs.item[i + 1].lo,
					    a->id);
	return rc;
}

static int add_unit(struct evp_dwarf *d, Dwarf_Die *die, uint8_t type, struct evp_ranges *ranges)
{
	struct add_arg a = { ranges, (uint32_t)d->nunits };
	size_t before = ranges->n;
	struct evp_unit *u;
	int rc;

	if (evp_grow(&d->units, &d->cunits, d->nunits + 1, sizeof(*d->units)))
		return -ENOMEM;
	u = &d->units[d->nunits++];
	*u = (struct evp_unit){ .die = *die,
				.split = *die,
				.comp_dir = comp_dir(die),
				.skeleton = type == DW_UT_skeleton };
	rc = evp_die_ranges(die, d->elf, &d->ranges_left, add_range, &a);
	if (!rc && ranges->n == before)
		rc = add_function_ranges(d, u, &a);
	return rc;
}

static int index_units(struct evp_dwarf *d)
{
	struct evp_ranges ranges = { 0 };
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type = 0;
	int rc = 0;

	d->ranges_left = MAX_UNIT_RANGES;
	while (!rc && d->nunits < MAX_UNITS &&
	       !dwarf_get_units(d->dw, cu, &cu, NULL, &type, &die, NULL))
		if (type == DW_UT_compile || type == DW_UT_skeleton)
			rc = add_unit(d, &die, type, &ranges);
	if (!rc)
		rc = evp_segs_build(&d->segs, &ranges);
	evp_ranges_release(&ranges);
	d->env.bytes += d->cunits * sizeof(*d->units);
	return rc;
}

static int begin(struct evp_dwarf *d)
{
	int rc;

	d->dw = dwarf_begin_elf(d->elf->elf, DWARF_C_READ, NULL);
	if (!d->dw)
		return -EBADMSG;
	if (d->alt_elf) {
		d->alt = dwarf_begin_elf(d->alt_elf->elf, DWARF_C_READ, NULL);
		if (d->alt)
			dwarf_setalt(d->dw, d->alt);
	}
	evp_line_sections_get(&d->env.sections, d->elf);
	rc = index_units(d);
	d->index_bytes = d->env.bytes;
	return rc;
}

int evp_dwarf_open(struct evp_dwarf **ret_d, const struct evp_elf *e, const struct evp_elf *alt,
		   size_t cache_bytes)
{
	struct evp_dwarf *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return -ENOMEM;
	d->elf = e;
	d->alt_elf = alt;
	d->env.elf = e;
	d->cache_bytes = cache_bytes ? cache_bytes : DEFAULT_CACHE_BYTES;
	rc = begin(d);
	if (rc) {
		evp_dwarf_close(d);
		return rc;
	}
	*ret_d = d;
	return 0;
}

void evp_dwarf_close(struct evp_dwarf *d)
{
	if (!d)
		return;
	drop(d);
	free(d);
}

size_t evp_dwarf_bytes(const struct evp_dwarf *d)
{
	return d->env.bytes;
}

bool evp_dwarf_alt_link(const struct evp_elf *e, const char **ret_name, struct evp_build_id *ret_id)
{
	Elf_Data *data = evp_elf_section(e, ".gnu_debugaltlink");
	const char *end = data ? memchr(data->d_buf, 0, data->d_size) : NULL;
	size_t len;

	if (!end)
		return false;
	len = data->d_size - (size_t)(end + 1 - (const char *)data->d_buf);
	if (!len || len > EVP_MAX_BUILD_ID)
		return false;
	*ret_name = data->d_buf;
	memcpy(ret_id->bytes, end + 1, len);
	ret_id->len = (uint32_t)len;
	return true;
}

static struct evp_symbol_frame *push(struct evp_chain *c)
{
	if (evp_grow(&c->item, &c->cap, c->n + 1, sizeof(*c->item)))
		return NULL;
	c->item[c->n] = (struct evp_symbol_frame){ 0 };
	return &c->item[c->n++];
}

/* The chain from the innermost node outwards; `where` says where the inner one stands. */
static int add_chain(struct evp_dwarf *d, struct evp_unit *u, struct evp_func *f, uint32_t id,
		     struct evp_symbol_frame where, struct evp_chain *chain)
{
	for (;;) {
		struct evp_node *n = &f->nodes[id];
		struct evp_symbol_frame *frame = push(chain);
		const char *start;

		if (!frame)
			return -ENOMEM;
		evp_unit_name_node(u, n);
		*frame = where;
		frame->name = *n->name ? n->name : NULL;
		start = n->start_file == EVP_NO_ID
				? NULL
				: evp_unit_path(u, &d->env, false, n->start_file);
		if (!start || !where.filename || !strcmp(start, where.filename))
			frame->start_line = n->start_line;
		if (!id || chain->n >= EVP_MAX_LINES)
			return 0;
		where = (struct evp_symbol_frame){
			.filename = evp_unit_path(u, &d->env, false, n->call_file),
			.line = n->call_line,
			.column = n->call_column,
		};
		id = n->parent;
	}
}

static int find_func(struct evp_dwarf *d, struct evp_unit *u, uint64_t vaddr, bool thorough,
		     uint32_t *ret_id)
{
	int rc = evp_unit_load_funcs(u, &d->env, false);

	if (rc)
		return rc;
	*ret_id = evp_segs_find(&u->segs, vaddr);
	if (*ret_id != EVP_NO_ID || !thorough || u->deep)
		return 0;
	rc = evp_unit_load_funcs(u, &d->env, true);
	*ret_id = evp_segs_find(&u->segs, vaddr);
	return rc;
}

static int lookup_in_unit(struct evp_dwarf *d, struct evp_unit *u, uint64_t vaddr, bool thorough,
			  struct evp_chain *chain, bool *ret_function)
{
	struct evp_symbol_frame where = { 0 }, *frame;
	const struct evp_row *row;
	struct evp_func *f;
	uint32_t id = EVP_NO_ID;
	int rc;

	if (u->skeleton)
		evp_unit_find_split(u, &d->env);
	rc = evp_unit_load_rows(u, &d->env);
	if (!rc)
		rc = find_func(d, u, vaddr, thorough, &id);
	if (rc)
		return rc;
	row = evp_line_table_find(&u->lines, vaddr);
	if (row) {
		where.filename = evp_unit_path(u, &d->env, true, row->file);
		where.line = row->line;
		where.column = row->column;
	}
	if (id == EVP_NO_ID) {
		frame = row ? push(chain) : NULL;
		if (row && !frame)
			return -ENOMEM;
		if (frame)
			*frame = where;
		return 0;
	}
	f = &u->funcs[id];
	rc = evp_unit_load_inlines(u, &d->env, f);
	if (rc)
		return rc;
	id = evp_segs_find(&f->segs, vaddr);
	*ret_function = true;
	return add_chain(d, u, f, id == EVP_NO_ID ? 0 : id, where, chain);
}

int evp_dwarf_lookup(struct evp_dwarf *d, uint64_t vaddr, bool thorough, struct evp_chain *chain,
		     bool *ret_function)
{
	uint32_t unit;

	*ret_function = false;
	if (d->env.bytes - d->index_bytes > d->cache_bytes) {
		drop(d);
		if (begin(d) == -ENOMEM)
			return -ENOMEM;
	}
	unit = evp_segs_find(&d->segs, vaddr);
	if (unit == EVP_NO_ID)
		return 0;
	return lookup_in_unit(d, &d->units[unit], vaddr, thorough, chain, ret_function);
}
