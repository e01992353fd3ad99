// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbol/object.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbol/dwarf.h"
#include "symbol/find.h"
#include "symbol/vdso.h"

struct evp_object {
	struct evp_elf *main;  /* what runs, or its debug info where only that is at hand */
	struct evp_elf *debug; /* separate debug info, NULL: none or in main */
	struct evp_elf *mini;  /* .gnu_debugdata */
	struct evp_elf *alt;   /* dwz */
	struct evp_dwarf *dwarf;
	struct evp_symbols symbols;
	struct evp_chain chain;
	bool no_inlines, has_symtab;
};

static struct evp_elf *find_debug(const struct evp_symbol_opts *opts, const struct evp_elf *e)
{
	struct evp_elf *debug = evp_find_debug(opts, &e->build_id);

	return debug ? debug : evp_find_linked(opts, e);
}

/* Without one libdw would go and open whatever the link names: it gets an empty one instead. */
static int open_alt(struct evp_object *o, const struct evp_symbol_opts *opts,
		    const struct evp_elf *e, const char *name, const struct evp_build_id *id)
{
	o->alt = evp_find_alt(opts, e, name, id);
	return o->alt ? 0 : evp_elf_open_empty(&o->alt);
}

static int open_dwarf(struct evp_object *o, const struct evp_symbol_opts *opts)
{
	const struct evp_elf *e = o->main->has_dwarf ? o->main : o->debug;
	struct evp_build_id id = { 0 };
	const char *name;
	int rc = 0;

	if (!e || !e->has_dwarf)
		return 0;
	if (evp_dwarf_alt_link(e, &name, &id))
		rc = open_alt(o, opts, e, name, &id);
	if (rc)
		return rc;
	rc = evp_dwarf_open(&o->dwarf, e, o->alt, opts->cache_bytes);
	return rc == -ENOMEM ? rc : 0;
}

/* All function symbols that there are, from the best table at hand. */
static int load_symbols(struct evp_object *o)
{
	struct evp_symbols *s = &o->symbols;
	int rc;

	if (o->main->has_symtab || !o->debug || !o->debug->has_symtab)
		rc = evp_symbols_add(s, o->main, false);
	else
		rc = evp_symbols_add(s, o->debug, false);
	o->has_symtab = s->n > 0;
	if (!rc && !s->n) {
		rc = evp_symbols_add(s, o->main, true);
		o->mini = evp_find_minidebug(o->main);
		if (!rc && o->mini)
			rc = evp_symbols_add(s, o->mini, false);
	}
	return rc ? rc : evp_symbols_sort(s, o->main);
}

/* Takes e over. */
static int from_elf(struct evp_object **ret_o, struct evp_elf *e,
		    const struct evp_symbol_opts *opts)
{
	struct evp_object *o = calloc(1, sizeof(*o));
	int rc;

	if (!o) {
		evp_elf_close(e);
		return -ENOMEM;
	}
	o->main = e;
	o->no_inlines = opts->no_inlines;
	if (!e->has_dwarf || !e->has_symtab)
		o->debug = find_debug(opts, e);
	rc = open_dwarf(o, opts);
	if (!rc)
		rc = load_symbols(o);
	if (rc) {
		evp_object_close(o);
		return rc;
	}
	*ret_o = o;
	return 0;
}

int evp_object_open(struct evp_object **ret_o, const char *path, const struct evp_symbol_opts *opts,
		    struct evp_err *err)
{
	int fd = evp_open_below(NULL, path), rc;
	struct evp_elf *e;

	if (fd == -EINVAL)
		return evp_fail(err, EINVAL, "'%s' is not a regular file", path);
	if (fd < 0)
		return evp_fail_errno(err, -fd, "cannot open '%s'", path);
	rc = evp_elf_open_fd(&e, fd, path, err);
	if (rc)
		return rc;
	if (!e->linked) {
		evp_elf_close(e);
		return evp_fail(err, EBADMSG, "'%s' is neither a program nor a shared library",
				path);
	}
	rc = from_elf(ret_o, e, opts);
	return rc ? evp_fail_oom(err) : 0;
}

static bool same_build(const struct evp_elf *e, const struct evp_build_id *id,
		       const struct evp_symbol_opts *opts)
{
	return opts->trust_paths || (id->len && evp_build_id_equal(&e->build_id, id));
}

/* The file that the stream names, if it is the one that ran. NULL with a reason. */
static struct evp_elf *open_recorded(const char *path, const struct evp_build_id *id,
				     const struct evp_symbol_opts *opts, const char **ret_reason)
{
	struct evp_elf *e = NULL;
	int fd;

	*ret_reason = "no file";
	if (*path != '/')
		return NULL;
	if (!id->len && !opts->trust_paths) {
		*ret_reason = "no build ID";
		return NULL;
	}
	fd = evp_open_below(opts->root, path);
	if (fd == -EINVAL)
		*ret_reason = "not a regular file";
	else if (fd == -EACCES || fd == -EPERM)
		*ret_reason = "file not readable";
	if (fd < 0)
		return NULL;
	if (evp_elf_open_fd(&e, fd, path, NULL)) {
		*ret_reason = "no ELF file";
		return NULL;
	}
	if (same_build(e, id, opts) && e->linked)
		return e;
	*ret_reason = !e->linked	? "not linked"
		      : e->build_id.len ? "build ID differs"
					: "file has no build ID";
	evp_elf_close(e);
	return NULL;
}

int evp_object_find(struct evp_object **ret_o, const char *path, const struct evp_build_id *id,
		    const struct evp_symbol_opts *opts, const char **ret_reason)
{
	struct evp_elf *e = open_recorded(path, id, opts, ret_reason);

	if (!e)
		e = evp_find_executable(opts, id);
	if (!e)
		e = evp_find_debug(opts, id);
	if (e && !e->linked) {
		evp_elf_close(e);
		e = NULL;
	}
	return e ? from_elf(ret_o, e, opts) : -ENOENT;
}

int evp_object_find_vdso(struct evp_object **ret_o, const struct evp_build_id *id,
			 const struct evp_symbol_opts *opts, const char **ret_reason)
{
	struct evp_elf *e = evp_vdso_open();

	*ret_reason = "no file";
	if (e && (!id->len || !evp_build_id_equal(&e->build_id, id))) {
		*ret_reason = id->len ? "build ID differs" : "no build ID";
		evp_elf_close(e);
		e = NULL;
	}
	if (!e)
		e = evp_find_debug(opts, id);
	return e ? from_elf(ret_o, e, opts) : -ENOENT;
}

void evp_object_close(struct evp_object *o)
{
	if (!o)
		return;
	evp_dwarf_close(o->dwarf);
	evp_symbols_release(&o->symbols);
	evp_elf_close(o->alt);
	evp_elf_close(o->mini);
	evp_elf_close(o->debug);
	evp_elf_close(o->main);
	free(o->chain.item);
	free(o);
}

size_t evp_object_bytes(const struct evp_object *o)
{
	return o->symbols.cap * sizeof(*o->symbols.item) +
	       (o->dwarf ? evp_dwarf_bytes(o->dwarf) : 0);
}

bool evp_object_vaddr(const struct evp_object *o, const struct evp_segment *segments, size_t n,
		      struct evp_file_offset offset, struct evp_elf_vaddr *ret_addr)
{
	if (!n) {
		segments = o->main->segments;
		n = o->main->nsegments;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t into = offset.at - segments[i].offset;

		if (offset.at >= segments[i].offset && into < segments[i].size) {
			ret_addr->at = segments[i].vaddr + into;
			return true;
		}
	}
	return false;
}

static int set_function(struct evp_object *o, const struct evp_symbol *sym)
{
	struct evp_chain *c = &o->chain;

	if (!c->n) {
		if (evp_grow(&c->item, &c->cap, 1, sizeof(*c->item)))
			return -ENOMEM;
		c->item[c->n++] = (struct evp_symbol_frame){ 0 };
	}
	c->item[c->n - 1].name = sym->name;
	return 0;
}

int evp_object_lookup(struct evp_object *o, struct evp_elf_vaddr addr,
		      struct evp_symbol_answer *ret_a)
{
	const struct evp_symbol *sym = evp_symbols_find(&o->symbols, addr.at);
	bool thorough = !o->symbols.n || (sym && sym->size), function = false;
	struct evp_chain *c = &o->chain;
	int rc;

	*ret_a = (struct evp_symbol_answer){ 0 };
	c->n = 0;
	if (o->dwarf) {
		rc = evp_dwarf_lookup(o->dwarf, addr.at, thorough, c, &function);
		if (rc)
			return rc;
	}
	if (c->n)
		ret_a->source = EVP_SRC_DWARF;
	else if (sym)
		ret_a->source = sym->dynamic ? EVP_SRC_DYNSYM : EVP_SRC_SYMTAB;
	/* The linker's name says ".cold" and which constructor; DWARF's comes from the source. */
	if (sym && (sym->size || !function || !c->item[c->n - 1].name) && set_function(o, sym))
		return -ENOMEM;
	if (!sym && !function) {
		ret_a->source = EVP_SRC_NONE;
		ret_a->reason = o->dwarf || o->has_symtab ? "not covered"
				: o->symbols.n		  ? "stripped"
							  : "no symbols";
	}
	if (o->no_inlines && c->n > 1) {
		c->item[0] = c->item[c->n - 1];
		c->n = 1;
	}
	ret_a->frames = c->item;
	ret_a->nframes = c->n;
	return 0;
}
