// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/cfi.h"

#include <stdlib.h>

#include "unwind/cfi_job.h"

#define MAX_ROWS (1u << 26)
/* Shorter holes between functions are alignment; nobody samples there. */
#define PADDING 15

int evp_cfi_add_row(struct evp_cfi_rows *r, uint64_t vaddr, uint32_t rule)
{
	if (r->n && r->row[r->n - 1].vaddr == vaddr)
		r->n--; /* nothing lies between: the later one holds */
	if (r->n && r->row[r->n - 1].rule == rule)
		return 0;
	if (r->n >= MAX_ROWS || evp_grow(&r->row, &r->cap, r->n + 1, sizeof(*r->row)))
		return -ENOMEM;
	r->row[r->n++] = (struct evp_cfi_row){ vaddr, rule };
	return 0;
}

static int compile_all(struct evp_cfi_job *c)
{
	uint64_t covered = 0;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < c->nfdes; i++) {
		struct evp_cfi_fde f = c->fdes[i];
		uint64_t limit = f.end;

		/* Where two overlap the later start wins from there on, as a debugger's search would. */
		if (i + 1 < c->nfdes && c->fdes[i + 1].start < limit) {
			limit = c->fdes[i + 1].start;
			c->rows->overlapping_fdes++;
		}
		if (limit <= f.start)
			continue;
		if (f.start > covered + PADDING && c->rows->n)
			rc = evp_cfi_add_row(c->rows, covered, c->none);
		if (!rc)
			rc = evp_cfi_run_fde(c, &f, limit);
		covered = limit;
	}
	if (!rc && c->rows->n)
		rc = evp_cfi_add_row(c->rows, covered, c->none);
	return rc;
}

int evp_cfi_compile(const struct evp_cfi_section *section, const struct evp_cfi_arch *arch,
		    struct evp_rule_set *rules, struct evp_cfi_rows *rows, struct evp_err *err)
{
	struct evp_cfi_job c = { .section = section, .arch = arch, .rules = rules, .rows = rows };
	const struct evp_unwind_rule none = { .cfa = EVP_CFA_NONE };
	int rc = section->len > UINT32_MAX ? -EFBIG : 0;

	if (!rc)
		rc = evp_rule_set_add(rules, &none, &c.none);
	if (!rc)
		rc = evp_cfi_entries(&c);
	if (!rc)
		rc = compile_all(&c);
	free(c.cies);
	free(c.fdes);
	free(c.early);
	evp_map_release(&c.cie_ids);
	if (rc)
		return evp_fail_errno(err, -rc, "cannot compile call frame information");
	if (!rows->n && rows->bad_fdes)
		return evp_fail(err, EBADMSG, "no entry of the call frame information makes sense");
	return 0;
}

static uint64_t next_vaddr(const struct evp_cfi_rows *r, size_t i)
{
	return i < r->n ? r->row[i].vaddr : UINT64_MAX;
}

int evp_cfi_rows_fill(struct evp_cfi_rows *rows, struct evp_cfi_rows *more)
{
	uint32_t rule = 0, other = 0, now, last = 0;
	struct evp_cfi_row *out;
	size_t i = 0, j = 0, n = 0, cap = rows->n + more->n;

	if (!more->n)
		return 0;
	if (!rows->n) {
		evp_cfi_rows_release(rows);
		*rows = *more;
		*more = (struct evp_cfi_rows){ 0 };
		return 0;
	}
	out = cap <= MAX_ROWS ? malloc(cap * sizeof(*out)) : NULL;
	if (!out)
		return -ENOMEM;
	while (i < rows->n || j < more->n) {
		uint64_t a = next_vaddr(rows, i), b = next_vaddr(more, j), at = a < b ? a : b;

		if (i < rows->n && a == at)
			rule = rows->row[i++].rule;
		if (j < more->n && b == at)
			other = more->row[j++].rule;
		now = rule ? rule : other;
		if (now != last)
			out[n++] = (struct evp_cfi_row){ at, now };
		last = now;
	}
	free(rows->row);
	rows->row = out;
	rows->n = n;
	rows->cap = cap;
	rows->fdes += more->fdes;
	rows->bad_fdes += more->bad_fdes;
	rows->overlapping_fdes += more->overlapping_fdes;
	return 0;
}

void evp_cfi_rows_release(struct evp_cfi_rows *rows)
{
	free(rows->row);
	*rows = (struct evp_cfi_rows){ 0 };
}
