// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/kernel_syms.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bisect.h"
#include "base/elf_notes.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "record/kallsyms.h"
#include "record/kernel_dynamic.h"

#define RELOAD_NS   10000000000LL
#define IMAGES_MAX  4096u
#define SHARED_MAX  (64u << 20) /* bytes of names that may be read again */
#define KERNEL_HALF (1ULL << 63)

struct symbol {
	uint64_t addr;
	uint32_t name; /* kernel: place in `names`; modules: id in `shared` */
	uint32_t rank; /* of several names for one address the lowest is taken */
};

struct symbols {
	struct symbol *item; /* by address */
	size_t n, cap;
};

struct module {
	uint64_t start, end, text; /* text: of its section .text */
	const struct evp_kernel_image *image;
};

struct evp_kernel_syms {
	char *root;
	bool loaded;
	const char *reason;
	int64_t reload_ns; /* not before */
	struct evp_kernel_image kernel;
	uint64_t text, etext;
	struct symbols symbols; /* of the kernel */
	struct evp_str names;	/* theirs */
	struct module *module;	/* by address */
	size_t nmodules, modules_cap;
	struct symbols module_symbols;
	struct evp_kernel_dynamic dynamic;
	struct evp_interner shared;	 /* names of modules, their symbols, BPF programs */
	struct evp_kernel_image **image; /* of modules, also of former ones */
	size_t nimages, images_cap;
};

int evp_kernel_syms_new(struct evp_kernel_syms **ret, const char *root)
{
	struct evp_kernel_syms *ks = calloc(1, sizeof(*ks));

	if (!ks)
		return -ENOMEM;
	ks->root = strdup(root);
	if (!ks->root) {
		free(ks);
		return -ENOMEM;
	}
	ks->kernel.name = "[kernel]";
	*ret = ks;
	return 0;
}

void evp_kernel_syms_free(struct evp_kernel_syms *ks)
{
	size_t i;

	if (!ks)
		return;
	for (i = 0; i < ks->nimages; i++)
		free(ks->image[i]);
	free(ks->image);
	free(ks->module);
	free(ks->module_symbols.item);
	free(ks->symbols.item);
	evp_kernel_dynamic_release(&ks->dynamic);
	evp_str_release(&ks->names);
	evp_interner_release(&ks->shared);
	free(ks->root);
	free(ks);
}

/* ---- reading ---- */

static bool is_text(char type)
{
	return type == 't' || type == 'T' || type == 'w' || type == 'W';
}

/* Marks that linker scripts put where sections begin and end; never the name of a function. */
static bool is_marker(const char *name, size_t len)
{
	return !strcmp(name, "_text") || !strcmp(name, "_stext") || !strcmp(name, "__pi__text") ||
	       (len > 6 && !strcmp(name + len - 6, "_start")) ||
	       (len > 4 && !strcmp(name + len - 4, "_end")) || !strncmp(name, "__start_", 8) ||
	       !strncmp(name, "__stop_", 7);
}

/* Global before local before weak, then few leading underscores: as a person would call it. */
static uint32_t rank(const struct evp_kallsym *sym)
{
	uint32_t underscores = 0;

	while (underscores < 3 && sym->name[underscores] == '_')
		underscores++;
	return (is_marker(sym->name, sym->name_len) ? 16 : 0) +
	       (sym->type == 'T'   ? 0
		: sym->type == 't' ? 4
				   : 8) +
	       underscores;
}

static int share(struct evp_kernel_syms *ks, const char *name, size_t len, uint32_t *ret_id)
{
	if (ks->shared.arena.bytes > SHARED_MAX)
		return -ENOSPC;
	return evp_intern(&ks->shared, name, len, ret_id);
}

static int add_symbol(struct symbols *s, uint64_t addr, uint32_t name, uint32_t rank)
{
	if (evp_grow(&s->item, &s->cap, s->n + 1, sizeof(*s->item)))
		return -ENOMEM;
	s->item[s->n++] = (struct symbol){ addr, name, rank };
	return 0;
}

/* A function's padding, "__pfx_f", stands before f: they share one string. */
static int add_name(struct evp_str *names, const struct evp_kallsym *sym, uint32_t *ret_place)
{
	size_t n = sym->name_len + 1;

	if (names->len >= n + 6 && !memcmp(names->buf + names->len - n - 6, "__pfx_", 6) &&
	    !memcmp(names->buf + names->len - n, sym->name, n)) {
		*ret_place = (uint32_t)(names->len - n);
		return 0;
	}
	if (names->len + n > UINT32_MAX)
		return -E2BIG;
	*ret_place = (uint32_t)names->len;
	evp_str_add(names, sym->name, n);
	return names->oom ? -ENOMEM : 0;
}

static int add_foreign(struct evp_kernel_syms *ks, const struct evp_kallsym *sym)
{
	bool is_bpf = !strcmp(sym->module, "bpf");
	uint32_t name;
	int rc;

	if (!sym->addr || !is_text(sym->type))
		return 0;
	rc = share(ks, sym->name, sym->name_len, &name);
	if (!rc && (is_bpf || !strncmp(sym->module, "__builtin__", 11)))
		rc = evp_kernel_dynamic_put(&ks->dynamic, sym->addr, 0, name, is_bpf);
	else if (!rc)
		rc = add_symbol(&ks->module_symbols, sym->addr, name, rank(sym));
	return rc == -ENOMEM ? rc : 0; /* what is out of bounds stays without a name */
}

static int on_symbol(void *arg, const struct evp_kallsym *sym)
{
	struct evp_kernel_syms *ks = arg;
	uint32_t name;
	int rc;

	if (*sym->module)
		return add_foreign(ks, sym);
	if (ks->loaded || !is_text(sym->type))
		return 0;
	if (!sym->addr)
		return -EACCES; /* hidden: no text is at 0 */
	if (!strcmp(sym->name, "_text"))
		ks->text = sym->addr;
	else if (!strcmp(sym->name, "_etext"))
		ks->etext = sym->addr;
	if (sym->name[0] == '$' || !strncmp(sym->name, ".L", 2)) /* assembler's own */
		return 0;
	rc = add_name(&ks->names, sym, &name);
	return rc ? rc : add_symbol(&ks->symbols, sym->addr, name, rank(sym));
}

static int by_address(const void *pa, const void *pb)
{
	const struct symbol *a = pa, *b = pb;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->name < b->name ? -1 : a->name > b->name;
}

/* Sorts, leaves one symbol an address and none outside [from, to), gives back what is not needed. */
static void settle(struct symbols *s, uint64_t from, uint64_t to)
{
	size_t i, n = 0;
	void *p;

	for (i = 1; i < s->n && by_address(&s->item[i - 1], &s->item[i]) < 0; i++)
		;
	if (i < s->n)
		qsort(s->item, s->n, sizeof(*s->item), by_address);
	for (i = 0; i < s->n; i++) {
		if (s->item[i].addr < from || s->item[i].addr >= to ||
		    (n && s->item[n - 1].addr == s->item[i].addr))
			continue;
		s->item[n++] = s->item[i];
	}
	s->n = n;
	p = n ? realloc(s->item, n * sizeof(*s->item)) : NULL;
	if (p) {
		s->item = p;
		s->cap = n;
	}
}

static const struct symbol *nearest(const struct symbols *s, uint64_t addr)
{
	size_t n = EVP_NOT_ABOVE(s->item, s->n, addr, addr);

	return n ? &s->item[n - 1] : NULL;
}

static void read_build_id(const char *path, struct evp_kernel_image *image)
{
	struct evp_str notes = { 0 };

	if (!evp_read_file(path, EVP_NOTES_MAX_BYTES, &notes, NULL))
		image->build_id_len = evp_notes_build_id(notes.buf, notes.len, 4, image->build_id,
							 sizeof(image->build_id));
	evp_str_release(&notes);
}

/* "0xffffffffc0a01000\n"; 0: not to be had, or hidden. */
static uint64_t read_address(const char *path)
{
	struct evp_str text = { 0 };
	uint64_t v = 0;

	if (!evp_read_file(path, 64, &text, NULL) && text.len)
		v = strtoull(text.buf, NULL, 16);
	evp_str_release(&text);
	return v;
}

static int find_image(struct evp_kernel_syms *ks, const struct evp_kernel_image *like,
		      const struct evp_kernel_image **ret)
{
	struct evp_kernel_image *image;
	size_t i;

	for (i = 0; i < ks->nimages; i++) {
		image = ks->image[i];
		if (image->name == like->name && image->build_id_len == like->build_id_len &&
		    !memcmp(image->build_id, like->build_id, like->build_id_len)) {
			*ret = image;
			return 0;
		}
	}
	if (ks->nimages >= IMAGES_MAX)
		return -ENOSPC;
	image = malloc(sizeof(*image));
	if (!image || evp_grow(&ks->image, &ks->images_cap, ks->nimages + 1, sizeof(*ks->image))) {
		free(image);
		return -ENOMEM;
	}
	*image = *like;
	ks->image[ks->nimages++] = image;
	*ret = image;
	return 0;
}

static int on_module(void *arg, const struct evp_kmodule *km)
{
	struct module m = { .start = km->addr, .end = km->addr + km->size };
	struct evp_kernel_syms *ks = arg;
	struct evp_kernel_image image = { 0 };
	char path[PATH_MAX], name[128];
	uint32_t id;
	int n, rc;

	n = snprintf(name, sizeof(name), "[%s]", km->name);
	if (!m.start || m.end <= m.start || n >= (int)sizeof(name) || strchr(name, '/'))
		return 0;
	snprintf(path, sizeof(path), "%s/sys/module/%s/sections/.text", ks->root, km->name);
	m.text = read_address(path);
	snprintf(path, sizeof(path), "%s/sys/module/%s/notes/.note.gnu.build-id", ks->root,
		 km->name);
	read_build_id(path, &image);
	rc = share(ks, name, (size_t)n, &id);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	image.name = ks->shared.item[id].ptr;
	rc = find_image(ks, &image, &m.image);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	if (evp_grow(&ks->module, &ks->modules_cap, ks->nmodules + 1, sizeof(*ks->module)))
		return -ENOMEM;
	ks->module[ks->nmodules++] = m;
	return 0;
}

static int by_start(const void *pa, const void *pb)
{
	const struct module *a = pa, *b = pb;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* The size in /proc/modules counts data elsewhere too: no module reaches into the next. */
static void settle_modules(struct evp_kernel_syms *ks)
{
	size_t i;

	if (!ks->nmodules)
		return;
	qsort(ks->module, ks->nmodules, sizeof(*ks->module), by_start);
	for (i = 0; i + 1 < ks->nmodules; i++)
		if (ks->module[i].end > ks->module[i + 1].start)
			ks->module[i].end = ks->module[i + 1].start;
}

static void trim_names(struct evp_str *names)
{
	char *p = names->len ? realloc(names->buf, names->len) : NULL;

	if (p) {
		names->buf = p;
		names->cap = names->len;
	}
}

/* The kernel itself the first time; modules and programs, which change, each time. */
static void load(struct evp_kernel_syms *ks)
{
	char path[PATH_MAX];
	int rc;

	ks->reload_ns = evp_clock_ns(CLOCK_MONOTONIC) + RELOAD_NS;
	ks->module_symbols.n = ks->nmodules = 0;
	snprintf(path, sizeof(path), "%s/proc/kallsyms", ks->root);
	rc = evp_kallsyms_read(path, on_symbol, ks);
	if (!ks->loaded) {
		ks->loaded = true;
		if (rc == -EACCES)
			ks->reason = "kptr-restrict";
		else if (rc || !ks->text || ks->etext <= ks->text)
			ks->reason = "no-kallsyms";
		settle(&ks->symbols, ks->text, ks->etext);
		trim_names(&ks->names);
		snprintf(path, sizeof(path), "%s/sys/kernel/notes", ks->root);
		read_build_id(path, &ks->kernel);
	}
	if (ks->reason)
		return;
	settle(&ks->module_symbols, 1, UINT64_MAX);
	snprintf(path, sizeof(path), "%s/proc/modules", ks->root);
	evp_kmodules_read(path, on_module, ks);
	settle_modules(ks);
}

const char *evp_kernel_syms_reason(struct evp_kernel_syms *ks)
{
	if (!ks->loaded)
		load(ks);
	return ks->reason;
}

/* ---- looking up ---- */

static bool find_kernel(const struct evp_kernel_syms *ks, uint64_t address,
			struct evp_kernel_place *p)
{
	const struct symbol *s = nearest(&ks->symbols, address);

	if (address < ks->text || address >= ks->etext)
		return false;
	p->kind = EVP_LOC_KERNEL;
	p->offset = address - ks->text;
	p->image = &ks->kernel;
	if (s) {
		p->name = ks->names.buf + s->name;
		p->symbol_start = s->addr;
	}
	return true;
}

static bool find_module(const struct evp_kernel_syms *ks, uint64_t address,
			struct evp_kernel_place *p)
{
	const struct symbol *s = nearest(&ks->module_symbols, address);
	const struct module *m = NULL;
	size_t i;

	for (i = 0; i < ks->nmodules && ks->module[i].start <= address; i++)
		m = &ks->module[i];
	if (!m || address >= m->end)
		return false;
	if (s && s->addr >= m->start) {
		p->name = ks->shared.item[s->name].ptr;
		p->symbol_start = s->addr;
	}
	/* Without its .text there is no offset that another host could use; the name is right. */
	if (!m->text || address < m->text) {
		p->reason = "no-module-text";
		return true;
	}
	p->kind = EVP_LOC_MODULE;
	p->offset = address - m->text;
	p->image = m->image;
	return true;
}

static bool find_dynamic(const struct evp_kernel_syms *ks, uint64_t address,
			 struct evp_kernel_place *p)
{
	const struct evp_kernel_range *r = evp_kernel_dynamic_find(&ks->dynamic, address);

	if (!r)
		return false;
	if (r->is_bpf) {
		p->kind = EVP_LOC_BPF;
		p->offset = address - r->start;
	}
	p->name = ks->shared.item[r->name].ptr;
	p->symbol_start = r->start;
	return true;
}

static bool find(const struct evp_kernel_syms *ks, uint64_t address, struct evp_kernel_place *p)
{
	return find_kernel(ks, address, p) || find_module(ks, address, p) ||
	       find_dynamic(ks, address, p);
}

void evp_kernel_syms_lookup(struct evp_kernel_syms *ks, uint64_t address,
			    struct evp_kernel_place *ret_place)
{
	struct evp_kernel_place p = { .kind = EVP_LOC_UNKNOWN, .offset = address };

	if (!ks->loaded)
		load(ks);
	if (!find(ks, address, &p) && !ks->reason && address >= KERNEL_HALF &&
	    evp_clock_ns(CLOCK_MONOTONIC) >= ks->reload_ns) {
		load(ks);
		find(ks, address, &p);
	}
	if (p.kind == EVP_LOC_UNKNOWN && !p.reason && !p.name)
		p.reason = ks->reason ? ks->reason : "no-symbol";
	*ret_place = p;
}

int evp_kernel_syms_ksymbol(struct evp_kernel_syms *ks, uint64_t addr, uint64_t len,
			    const char *name, bool is_bpf, bool is_unregister)
{
	uint32_t id;
	int rc;

	if (is_unregister) {
		evp_kernel_dynamic_gone(&ks->dynamic, addr);
		return 0;
	}
	if (!addr || !len)
		return -EINVAL;
	rc = share(ks, name, strlen(name), &id);
	return rc ? rc : evp_kernel_dynamic_put(&ks->dynamic, addr, len, id, is_bpf);
}
