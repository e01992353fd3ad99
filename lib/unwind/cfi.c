// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/cfi.h"

#include <stdlib.h>
#include <string.h>

#include "unwind/cfi_job.h"

/* Shorter holes between functions are alignment; nobody samples there. */
#define PADDING 15

static const struct evp_cfi_fde *fde_at(const struct evp_cfi_job *c, size_t i)
{
	return &c->fdes[c->order ? (uint32_t)c->order[i] : i];
}

static int compile_all(struct evp_cfi_job *c)
{
	uint64_t covered = 0;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < c->nfdes; i++) {
		const struct evp_cfi_fde *f = fde_at(c, i);
		uint64_t limit = f->start + f->size;

		/* Where two overlap the later start wins from there on, as a debugger's search would. */
		if (i + 1 < c->nfdes && fde_at(c, i + 1)->start < limit) {
			limit = fde_at(c, i + 1)->start;
			c->rows->overlapping_fdes++;
		}
		if (limit <= f->start)
			continue;
		if (f->start > covered + PADDING && c->rows->n)
			rc = evp_cfi_add_row(c->rows, covered, c->none);
		if (!rc)
			rc = evp_cfi_run_fde(c, f, limit);
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
	free(c.order);
	free(c.early);
	evp_map_release(&c.cie_ids);
	if (rc)
		return evp_fail_errno(err, -rc, "cannot compile call frame information");
	if (!rows->n && rows->bad_fdes)
		return evp_fail(err, EBADMSG, "no entry of the call frame information makes sense");
	return 0;
}

size_t evp_cfi_rows_below(const struct evp_cfi_rows *rows, uint64_t vaddr)
{
	size_t from = 0, to = rows->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (rows->row[middle].vaddr < vaddr)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct part { /* of rows, and the rule that holds before and then */
	const struct evp_cfi_row *row, *end;
	uint32_t rule;
};

static uint64_t next_vaddr(const struct part *p)
{
	return p->row < p->end ? p->row->vaddr : UINT64_MAX;
}

static void pass(struct part *p, uint64_t vaddr)
{
	if (next_vaddr(p) == vaddr)
		p->rule = p->row++->rule;
}

/* Both together, where `a` has a rule by it. How many rows that makes. */
static size_t merge(struct evp_cfi_row *out, struct part a, struct part b)
{
	uint32_t now, last = a.rule;
	size_t n = 0;

	while (a.row < a.end || b.row < b.end) {
		uint64_t x = next_vaddr(&a), y = next_vaddr(&b), at = x < y ? x : y;

		pass(&a, at);
		pass(&b, at);
		now = a.rule ? a.rule : b.rule;
		if (now != last) {
			out[n].vaddr = at & EVP_CFI_MAX_VADDR;
			out[n++].rule = (uint16_t)now;
		}
		last = now;
	}
	return n;
}

int evp_cfi_rows_fill(struct evp_cfi_rows *rows, struct evp_cfi_rows *more)
{
	size_t from, to, n, rest;
	struct evp_cfi_row *out, *last;
	int rc = -ENOMEM;

	if (!more->n)
		return 0;
	if (!rows->n) {
		evp_cfi_rows_release(rows);
		*rows = *more;
		*more = (struct evp_cfi_rows){ 0 };
		return 0;
	}
	from = evp_cfi_rows_below(rows, more->row[0].vaddr);
	last = &more->row[more->n - 1];
	to = last->rule ? rows->n : evp_cfi_rows_below(rows, last->vaddr + 1ULL);
	rest = rows->n - to;
	out = malloc((to - from + more->n) * sizeof(*out));
	if (!out)
		return -ENOMEM;
	n = merge(out,
		  (struct part){ rows->row + from, rows->row + to,
				 from ? rows->row[from - 1].rule : 0 },
		  (struct part){ more->row, more->row + more->n, 0 });
	if (from + n + rest <= EVP_CFI_MAX_ROWS &&
	    !evp_grow(&rows->row, &rows->cap, from + n + rest, sizeof(*rows->row))) {
		memmove(rows->row + from + n, rows->row + to, rest * sizeof(*out));
		memcpy(rows->row + from, out, n * sizeof(*out));
		rows->n = from + n + rest;
		rows->fdes += more->fdes;
		rows->bad_fdes += more->bad_fdes;
		rows->overlapping_fdes += more->overlapping_fdes;
		rc = 0;
	}
	free(out);
	return rc;
}

void evp_cfi_rows_release(struct evp_cfi_rows *rows)
{
	free(rows->row);
	*rows = (struct evp_cfi_rows){ 0 };
}
