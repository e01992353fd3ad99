// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "symbol/elf.h"

/* Several names for one address: a sized function before a label, an exported one before a local
 * alias, fewer leading underscores before more ("write" before "__write"). */
static uint8_t rank_of(const GElf_Sym *sym, const char *name)
{
	size_t underscores = strspn(name, "_");
	bool function = GELF_ST_TYPE(sym->st_info) != STT_NOTYPE;
	bool local = GELF_ST_BIND(sym->st_info) == STB_LOCAL;

	return (uint8_t)((sym->st_size ? 64 : 0) + (function ? 32 : 0) + (local ? 0 : 16) +
			 (underscores > 15 ? 0 : 15 - underscores));
}

static bool wanted(const struct evp_elf *e, const GElf_Sym *sym)
{
	unsigned int type = GELF_ST_TYPE(sym->st_info);

	if (type != STT_FUNC && type != STT_NOTYPE && type != STT_GNU_IFUNC)
		return false;
	return sym->st_shndx != SHN_UNDEF && sym->st_shndx != SHN_ABS &&
	       evp_elf_is_text(e, sym->st_value);
}

/* "memcpy@@GLIBC_2.14" in a .symtab is "memcpy" in .dynsym, and should be so everywhere. */
static const char *without_version(struct evp_symbols *s, const char *name)
{
	const char *at = strchr(name, '@');

	return at && at != name ? evp_arena_dup(&s->names, name, (size_t)(at - name)) : name;
}

static int add_section(struct evp_symbols *s, const struct evp_elf *e, Elf_Scn *scn,
		       const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t entry = gelf_fsize(e->elf, ELF_T_SYM, 1, EV_CURRENT);
	size_t n = data && entry ? data->d_size / entry : 0;
	GElf_Sym sym;

	for (size_t i = 1; i < n && i < INT32_MAX && s->n < EVP_NO_ID - 1; i++) {
		const char *name;

		if (!gelf_getsym(data, (int)i, &sym) || !wanted(e, &sym))
			continue;
		name = elf_strptr(e->elf, sh->sh_link, sym.st_name);
		/* '$' starts mapping symbols of some machines, ".L" an assembler's own labels. */
		if (!name || !*name || *name == '$' || !strncmp(name, ".L", 2))
			continue;
		name = without_version(s, name);
		if (!name || evp_grow(&s->item, &s->cap, s->n + 1, sizeof(*s->item)))
			return -ENOMEM;
		s->item[s->n] = (struct evp_symbol){ .addr = sym.st_value,
						     .size = sym.st_size,
						     .name = name,
						     .order = (uint32_t)s->n,
						     .rank = rank_of(&sym, name),
						     .dynamic = sh->sh_type == SHT_DYNSYM };
		s->n++;
	}
	return 0;
}

int evp_symbols_add(struct evp_symbols *s, const struct evp_elf *e, bool dynamic)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	int rc = 0;

	while (!rc && (scn = elf_nextscn(e->elf, scn)) && gelf_getshdr(scn, &sh))
		if (sh.sh_type == (dynamic ? SHT_DYNSYM : SHT_SYMTAB))
			rc = add_section(s, e, scn, &sh);
	return rc;
}

/* By address, the best of an address last. Of equals the later one in the file counts. */
static int compare_symbols(const void *pa, const void *pb)
{
	const struct evp_symbol *a = pa, *b = pb;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* Labels without a size cover what is between them and the next symbol of any kind, and nothing
 * inside a sized one. */
static int add_ranges(const struct evp_symbols *s, const struct evp_elf *e, struct evp_ranges *r)
{
	uint64_t covered = 0, end, limit;

	for (size_t i = 0; i < s->n; i++) {
		const struct evp_symbol *sym = &s->item[i];

		if (sym->size) {
			end = sym->addr + sym->size;
			if (end < sym->addr)
				end = UINT64_MAX;
			if (end > covered)
				covered = end;
		} else {
			if (sym->addr < covered)
				continue;
			end = i + 1 < s->n ? s->item[i + 1].addr : UINT64_MAX;
			limit = evp_segs_end(&e->text, sym->addr);
			end = end < limit ? end : limit;
		}
		if (evp_ranges_add(r, sym->addr, end, (uint32_t)i))
			return -ENOMEM;
	}
	return 0;
}

int evp_symbols_sort(struct evp_symbols *s, const struct evp_elf *e)
{
	struct evp_ranges r = { 0 };
	size_t n = 0;
	int rc;

	if (!s->n)
		return 0;
	qsort(s->item, s->n, sizeof(*s->item), compare_symbols);
	for (size_t i = 0; i < s->n; i++)
		if (i + 1 == s->n || s->item[i].addr != s->item[i + 1].addr)
			s->item[n++] = s->item[i];
	s->n = n;
	rc = add_ranges(s, e, &r);
	if (!rc)
		rc = evp_segs_build(&s->segs, &r);
	evp_ranges_release(&r);
	return rc;
}

const struct evp_symbol *evp_symbols_find(const struct evp_symbols *s, uint64_t vaddr)
{
	uint32_t id = evp_segs_find(&s->segs, vaddr);

	return id == EVP_NO_ID ? NULL : &s->item[id];
}

void evp_symbols_release(struct evp_symbols *s)
{
	free(s->item);
	evp_segs_release(&s->segs);
	evp_arena_release(&s->names);
	*s = (struct evp_symbols){ 0 };
}
