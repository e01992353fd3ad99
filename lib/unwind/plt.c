// SPDX-License-Identifier: GPL-2.0-or-later
/* Forms: System V ABI, AMD64 supplement, section 5.2, and its Intel CET extension. */
#include "unwind/plt.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/cfi_job.h"

#define SLOT 16
#define PUSH 0x68 /* imm32: 5 bytes */

static const uint8_t jump[] = { 0xff, 0x25 };	  /* jmp *rip-relative: 6 bytes */
static const uint8_t push_got[] = { 0xff, 0x35 }; /* push rip-relative: 6 bytes */
static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

static int add(struct evp_rule_set *rules, struct evp_cfi_rows *rows, uint64_t vaddr,
	       struct evp_unwind_rule rule)
{
	uint32_t id;
	int rc;

	if (rule.cfa != EVP_CFA_NONE)
		rule.ra_off = -8;
	rc = evp_rule_set_add(rules, &rule, &id);
	return rc ? rc : evp_cfi_add_row(rows, vaddr, id);
}

static int add_sp(struct evp_rule_set *rules, struct evp_cfi_rows *rows, uint64_t vaddr, int off)
{
	return add(rules, rows, vaddr,
		   (struct evp_unwind_rule){ .cfa = EVP_CFA_SP, .cfa_off = off });
}

/* Where in a slot of a lazy .plt the number of the symbol is pushed already; 0: no known form. */
static short pushed_at(const uint8_t *slot)
{
	if (!memcmp(slot, jump, sizeof(jump)) && slot[6] == PUSH)
		return 11;
	return !memcmp(slot, endbr64, sizeof(endbr64)) && slot[4] == PUSH ? 9 : 0;
}

/* Slot 0 calls the dynamic linker with two words more on the stack, the others come to it. */
static int add_lazy(const struct evp_unwind_elf *e, const struct evp_unwind_elf_section *s,
		    struct evp_rule_set *rules, struct evp_cfi_rows *rows)
{
	uint8_t slot[2 * SLOT];
	short at;
	int rc = s->size < sizeof(slot) ? -EBADMSG
					: evp_unwind_elf_read(e, slot, sizeof(slot), s->offset);

	if (rc)
		return rc == -EBADMSG ? 0 : rc;
	at = pushed_at(slot + SLOT);
	if (!at || memcmp(slot, push_got, sizeof(push_got)) != 0)
		return 0;
	rc = add_sp(rules, rows, s->vaddr, 16);
	if (!rc)
		rc = add_sp(rules, rows, s->vaddr + 6, 24);
	if (!rc)
		rc = add(rules, rows, s->vaddr + SLOT,
			 (struct evp_unwind_rule){
				 .cfa = EVP_CFA_PLT, .cfa_off = 8, .cfa_add = at });
	return rc ? rc : add(rules, rows, s->vaddr + s->size, (struct evp_unwind_rule){ 0 });
}

/* Slots that only jump. */
static int add_jumps(const struct evp_unwind_elf_section *s, struct evp_rule_set *rules,
		     struct evp_cfi_rows *rows)
{
	int rc = add_sp(rules, rows, s->vaddr, 8);

	return rc ? rc : add(rules, rows, s->vaddr + s->size, (struct evp_unwind_rule){ 0 });
}

static int by_vaddr(const void *va, const void *vb)
{
	const struct evp_unwind_elf_section *a = *(void *const *)va, *b = *(void *const *)vb;

	return (a->vaddr > b->vaddr) - (a->vaddr < b->vaddr);
}

static bool is_code(const struct evp_unwind_elf *e, const struct evp_unwind_elf_section *s)
{
	size_t i;

	for (i = 0; i < e->nloads; i++) {
		const struct evp_unwind_elf_load *l = &e->load[i];

		if (l->exec && s->vaddr >= l->vaddr && s->vaddr - l->vaddr < l->filesz)
			return s->size <= l->filesz - (s->vaddr - l->vaddr);
	}
	return false;
}

size_t evp_plt_sections(const struct evp_unwind_elf *e,
			const struct evp_unwind_elf_section *ret[EVP_PLT_SECTIONS])
{
	static const char *const name[EVP_PLT_SECTIONS] = { ".plt", ".plt.got", ".plt.sec" };
	size_t n = 0, i;

	for (i = 0; i < EVP_PLT_SECTIONS && e->machine == EM_X86_64; i++) {
		ret[n] = evp_unwind_elf_find(e, name[i]);
		n += ret[n] && is_code(e, ret[n]);
	}
	qsort(ret, n, sizeof(ret[0]), by_vaddr);
	return n;
}

int evp_plt_rows(const struct evp_unwind_elf *e, struct evp_rule_set *rules,
		 struct evp_cfi_rows *rows)
{
	const struct evp_unwind_elf_section *s[EVP_PLT_SECTIONS];
	const struct evp_unwind_elf_section *lazy = evp_unwind_elf_find(e, ".plt");
	size_t n = evp_plt_sections(e, s), i;
	uint64_t end = 0;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		if (s[i]->vaddr < end)
			break; /* overlapping: not a linker's work */
		end = s[i]->vaddr + s[i]->size;
		rc = s[i] == lazy ? add_lazy(e, lazy, rules, rows) : add_jumps(s[i], rules, rows);
	}
	return rc;
}
