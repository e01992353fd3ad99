// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/compile.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unwind/cfi_job.h"
#include "unwind/gopclntab.h"
#include "unwind/init_code.h"
#include "unwind/plt.h"

/* Start code without call frame information is short; behind it comes what has some. */
#define ENTRY_BYTES 64

#ifdef __aarch64__
static const struct evp_cfi_arch *const arch = &evp_cfi_aarch64;
static const uint16_t machine = EM_AARCH64;
#else
static const struct evp_cfi_arch *const arch = &evp_cfi_x86_64;
static const uint16_t machine = EM_X86_64;
#endif

struct job {
	const struct evp_unwind_elf *e;
	struct evp_cfi_range code[EVP_UNWIND_ELF_MAX_LOADS];
	size_t ncode;
	struct evp_rule_set rules;
	struct evp_cfi_rows rows;
	bool damaged; /* some source was */
};

static void find_code(struct job *j)
{
	size_t i;

	for (i = 0; i < j->e->nloads; i++) {
		const struct evp_unwind_elf_load *l = &j->e->load[i];

		if (l->exec && l->filesz)
			j->code[j->ncode++] = (struct evp_cfi_range){ l->vaddr,
								      l->vaddr + l->filesz };
	}
}

static uint64_t code_bytes(const struct job *j)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < j->ncode; i++)
		n += j->code[i].end - j->code[i].start;
	return n;
}

static uint64_t covered_bytes(const struct job *j)
{
	const struct evp_cfi_row *row = j->rows.row;
	uint64_t n = 0;
	size_t i;

	for (i = 0; i + 1 < j->rows.n; i++)
		n += row[i].rule ? row[i + 1].vaddr - row[i].vaddr : 0;
	return n;
}

/* What a source adds to the rows. One that is damaged adds nothing and does not spoil the others. */
static int add_section(struct job *j, struct evp_cfi_section *section, struct evp_err *err)
{
	struct evp_cfi_rows rows = { 0 };
	struct evp_err why;
	int rc;

	section->big_pointers = true;
	section->code = j->code;
	section->ncode = j->ncode;
	rc = evp_cfi_compile(section, arch, &j->rules, &rows, &why);
	if (!rc)
		rc = evp_cfi_rows_fill(&j->rows, &rows);
	evp_cfi_rows_release(&rows);
	if (rc == -ENOMEM)
		return evp_fail_oom(err);
	j->damaged |= rc != 0;
	return 0;
}

/* Bytes that came with this result; `data` is freed. Those that are damaged are left out. */
static int add_bytes(struct job *j, int rc, struct evp_cfi_section *s, uint8_t *data,
		     struct evp_err *err)
{
	if (rc == -EIO || rc == -ENOMEM)
		return rc;
	if (rc) {
		j->damaged |= rc != -ENODATA;
		return 0;
	}
	s->data = data;
	rc = add_section(j, s, err);
	free(data);
	return rc;
}

static int add_eh_frame(struct job *j, struct evp_err *err)
{
	struct evp_cfi_section s = { 0 };
	uint8_t *data = NULL;
	int rc = evp_unwind_elf_eh_frame(j->e, &data, &s.len, &s.vaddr, err);

	return add_bytes(j, rc, &s, data, err);
}

static int add_debug_frame(struct job *j, const struct evp_unwind_elf *e, struct evp_err *err)
{
	const struct evp_unwind_elf_section *at = evp_unwind_elf_find(e, ".debug_frame");
	struct evp_cfi_section s = { .debug_frame = true };
	uint8_t *data = NULL;
	int rc = at ? evp_unwind_elf_section_data(e, at, &data, &s.len, err) : -ENODATA;

	return add_bytes(j, rc, &s, data, err);
}

/*
 * Reads Go's function table, and of .text what tells where Go's part of it begins. Before
 * .debug_frame, which Go writes from that table, but without frame pointers and changes of stacks.
 */
static int read_gopclntab(const struct job *j, struct evp_gopclntab *ret, struct evp_err *err)
{
	const struct evp_unwind_elf_section *at = evp_unwind_elf_find(j->e, ".gopclntab"),
					    *text = evp_unwind_elf_find(j->e, ".text");
	struct evp_gopclntab in = { 0 };
	uint8_t *data, *code;
	int rc;

	if (!at)
		at = evp_unwind_elf_find(j->e, ".data.rel.ro.gopclntab");
	if (!at || !text || text->size > EVP_CFI_MAX_VADDR ||
	    text->vaddr > EVP_CFI_MAX_VADDR - text->size)
		return -ENODATA;
	rc = evp_unwind_elf_section_data(j->e, at, &data, &in.len, err);
	if (rc)
		return rc;
	in.text_vaddr = text->vaddr;
	in.text_end = text->vaddr + text->size;
	in.text_len = text->size < EVP_GOPCLNTAB_TEXT ? text->size : EVP_GOPCLNTAB_TEXT;
	code = malloc(in.text_len + 1);
	rc = code ? evp_unwind_elf_read(j->e, code, in.text_len, text->offset) : -ENOMEM;
	if (rc) {
		free(code);
		free(data);
		return rc == -ENOMEM ? evp_fail_oom(err)
		       : rc == -EIO  ? evp_fail(err, EIO, "the file was cut while it was read")
				     : rc;
	}
	in.data = data;
	in.text = code;
	*ret = in;
	return 0;
}

static int add_gopclntab(struct job *j, struct evp_err *err)
{
	struct evp_gopclntab in;
	struct evp_cfi_rows rows = { 0 };
	int rc = read_gopclntab(j, &in, err);

	if (!rc) {
		rc = evp_gopclntab_compile(&in, &j->rules, &rows, err);
		if (!rc && evp_cfi_rows_fill(&j->rows, &rows))
			rc = evp_fail_oom(err);
		evp_cfi_rows_release(&rows);
		free((void *)in.data);
		free((void *)in.text);
	}
	if (rc == -EIO || rc == -ENOMEM)
		return rc;
	j->damaged |= rc && rc != -ENODATA;
	return 0;
}

static int add_init_code(struct job *j, const char *name, struct evp_err *err)
{
	const struct evp_unwind_elf_section *at = evp_unwind_elf_find(j->e, name);
	struct evp_cfi_rows rows = { 0 };
	uint8_t code[128];
	int rc = 0;

	if (!at || at->size > sizeof(code))
		return 0;
	rc = evp_unwind_elf_read(j->e, code, at->size, at->offset);
	if (rc)
		return rc == -EIO ? evp_fail(err, EIO, "the file was cut while it was read") : 0;
	if (evp_init_code_compile(code, at->size, at->vaddr, &j->rules, &rows) ||
	    evp_cfi_rows_fill(&j->rows, &rows))
		rc = evp_fail_oom(err);
	evp_cfi_rows_release(&rows);
	return rc;
}

static bool same_build(const struct evp_unwind_elf *a, const struct evp_unwind_elf *b)
{
	return a->build_id_len && a->build_id_len == b->build_id_len &&
	       !memcmp(a->build_id, b->build_id, a->build_id_len);
}

/* Another build's file would unwind wrongly; without a build ID nobody can tell. */
static int add_debug_file(struct job *j, int fd, struct evp_err *err)
{
	struct evp_unwind_elf e;
	int rc = evp_unwind_elf_open_fd(&e, fd, err);

	if (rc)
		return rc == -EIO || rc == -ENOMEM ? rc : 0;
	rc = same_build(j->e, &e) ? add_debug_frame(j, &e, err) : 0;
	evp_unwind_elf_close(&e);
	return rc;
}

static bool is_covered(const struct evp_cfi_rows *rows, uint64_t vaddr)
{
	size_t n = evp_cfi_rows_below(rows, vaddr + 1);

	return n && rows->row[n - 1].rule;
}

/* Only where call frame information does not say it, as it mostly does. */
static int add_plt(struct job *j, struct evp_err *err)
{
	const struct evp_unwind_elf_section *s[EVP_PLT_SECTIONS];
	size_t n = evp_plt_sections(j->e, s), i;
	struct evp_cfi_rows rows = { 0 };
	int rc = 0;

	for (i = 0; i < n && is_covered(&j->rows, s[i]->vaddr); i++)
		;
	if (i < n)
		rc = evp_plt_rows(j->e, &j->rules, &rows);
	if (!rc)
		rc = evp_cfi_rows_fill(&j->rows, &rows);
	evp_cfi_rows_release(&rows);
	if (rc == -EIO)
		return evp_fail(err, EIO, "the file was cut while it was read");
	return rc ? evp_fail_oom(err) : 0;
}

/* Linkers put something there for libraries too: 0, or where .text begins. */
static bool has_entry(const struct evp_unwind_elf *e)
{
	const struct evp_unwind_elf_section *text = evp_unwind_elf_find(e, ".text");

	return e->entry && (e->interpreted || e->fixed || !text || text->vaddr != e->entry);
}

/* The root of a program whose start code says nothing of itself. */
static int add_entry(struct job *j, struct evp_err *err)
{
	const struct evp_unwind_rule rule = { .cfa = EVP_CFA_END };
	uint64_t entry = j->e->entry;
	uint64_t end = entry + ENTRY_BYTES;
	struct evp_cfi_rows rows = { 0 };
	uint32_t id;
	size_t i;
	int rc;

	for (i = 0; i < j->ncode; i++)
		if (entry >= j->code[i].start && entry < j->code[i].end)
			break;
	if (i == j->ncode || !has_entry(j->e) || is_covered(&j->rows, entry))
		return 0;
	if (end > j->code[i].end)
		end = j->code[i].end;
	rc = evp_rule_set_add(&j->rules, &rule, &id);
	if (!rc)
		rc = evp_cfi_add_row(&rows, entry, id);
	if (!rc)
		rc = evp_cfi_add_row(&rows, end, 0);
	if (!rc)
		rc = evp_cfi_rows_fill(&j->rows, &rows);
	evp_cfi_rows_release(&rows);
	return rc ? evp_fail_oom(err) : 0;
}

static int say_wanted(const struct job *j, struct evp_debug_file *ret, struct evp_err *err)
{
	const struct evp_unwind_elf_section *s = evp_unwind_elf_find(j->e, ".gnu_debuglink");
	struct evp_debug_file f = { .build_id_len = (uint32_t)j->e->build_id_len };
	int rc = 0;

	if (!f.build_id_len || covered_bytes(j) >= code_bytes(j) / 2) {
		*ret = (struct evp_debug_file){ 0 };
		return 0;
	}
	memcpy(f.build_id, j->e->build_id, f.build_id_len);
	if (s)
		rc = evp_unwind_elf_read(j->e, f.link,
					 s->size < sizeof(f.link) ? s->size : sizeof(f.link) - 1,
					 s->offset);
	if (rc == -EIO)
		return evp_fail(err, EIO, "the file was cut while it was read");
	if (rc)
		f.link[0] = '\0';
	*ret = f;
	return 0;
}

static int compile(const struct evp_unwind_elf *e, int debug, struct evp_unwind_table *ret,
		   struct evp_debug_file *ret_wanted, struct evp_err *err)
{
	struct job j = { .e = e };
	int rc = 0;

	if (e->machine != machine)
		return evp_fail(err, ENOEXEC, "made for another machine");
	find_code(&j);
	rc = add_eh_frame(&j, err);
	if (!rc)
		rc = add_gopclntab(&j, err);
	if (!rc)
		rc = add_debug_frame(&j, e, err);
	if (!rc && debug >= 0)
		rc = add_debug_file(&j, debug, err);
	if (!rc)
		rc = say_wanted(&j, ret_wanted, err);
	if (rc)
		goto out;
	if (!j.rows.n) {
		rc = j.damaged ? evp_fail(err, EBADMSG, "its call frame information is damaged")
			       : evp_fail(err, ENODATA, "nothing in it says how to unwind");
		goto out;
	}
	rc = add_plt(&j, err);
	if (!rc)
		rc = add_init_code(&j, ".init", err);
	if (!rc)
		rc = add_init_code(&j, ".fini", err);
	if (!rc)
		rc = add_entry(&j, err);
	if (!rc)
		rc = evp_unwind_table_build(ret, &j.rows, &j.rules, err);
out:
	evp_cfi_rows_release(&j.rows);
	evp_rule_set_release(&j.rules);
	return rc;
}

int evp_unwind_compile_with(int fd, int debug, struct evp_unwind_table *ret,
			    struct evp_debug_file *ret_wanted, struct evp_err *err)
{
	struct evp_unwind_elf e;
	int rc = evp_unwind_elf_open_fd(&e, fd, err);

	*ret_wanted = (struct evp_debug_file){ 0 };
	if (rc)
		return rc;
	rc = compile(&e, debug, ret, ret_wanted, err);
	evp_unwind_elf_close(&e);
	return rc;
}

int evp_unwind_compile_fd(int fd, struct evp_unwind_table *ret, struct evp_err *err)
{
	struct evp_unwind_table better;
	struct evp_debug_file wanted;
	int rc = evp_unwind_compile_with(fd, -1, ret, &wanted, err), debug;

	if (!evp_debug_file_wanted(&wanted) || rc == -EIO || rc == -ENOMEM)
		return rc;
	debug = evp_debug_file_open(&wanted, fd);
	if (debug < 0)
		return rc;
	if (!evp_unwind_compile_with(fd, debug, &better, &wanted, NULL)) {
		if (!rc)
			evp_unwind_table_release(ret);
		*ret = better;
		rc = 0;
	}
	close(debug);
	return rc;
}

int evp_unwind_compile_image(const void *image, size_t len, struct evp_unwind_table *ret,
			     struct evp_err *err)
{
	struct evp_debug_file wanted;
	struct evp_unwind_elf e;
	int rc = evp_unwind_elf_open_image(&e, image, len, err);

	if (rc)
		return rc;
	rc = compile(&e, -1, ret, &wanted, err);
	evp_unwind_elf_close(&e);
	return rc;
}
