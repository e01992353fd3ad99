/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One compilation of call frame information, in three steps: entries (cfi_entries.c: CIEs and FDEs,
 * sorted by address), their instructions (cfi_machine.c), rows (cfi.c). Private to this room.
 */
#ifndef EVP_UNWIND_CFI_JOB_H
#define EVP_UNWIND_CFI_JOB_H

#include <errno.h>

#include "base/mem.h"
#include "base/varint.h"
#include "unwind/cfi_arch.h"

struct evp_cfi_cie {
	uint64_t offset; /* in the section: its key */
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra_reg;
	uint8_t fde_encoding, lsda_encoding;
	bool augmented; /* 'z': FDEs carry a length of augmentation data */
	bool signal_frame;
	bool valid;
	struct evp_cfi_state initial;
};

struct evp_cfi_fde {
	uint64_t start; /* virtual address */
	uint32_t size;	/* of its code; no table reaches over 4 GiB */
	uint32_t cie;
	uint32_t offset, len; /* instructions, within the section */
};

struct evp_cfi_early {
	uint64_t cie; /* section offset */
	struct evp_cursor in;
};

/* A state in two words, where it fits, and its rule: there are many rows and few rules. */
struct evp_cfi_memo {
	uint64_t a, b;
	uint32_t rule; /* + 1 */
};

#define EVP_CFI_MEMOS 256

struct evp_cfi_job {
	const struct evp_cfi_section *section;
	const struct evp_cfi_arch *arch;
	struct evp_rule_set *rules;
	struct evp_cfi_rows *rows;
	struct evp_cfi_cie *cies;
	size_t ncies, cies_cap;
	struct evp_map cie_ids; /* section offset -> index */
	uint32_t last_cie;
	struct evp_cfi_early *early; /* FDEs before their CIE */
	size_t nearly, early_cap;
	struct evp_cfi_fde *fdes; /* as they stand in the section */
	size_t nfdes, fdes_cap;
	uint64_t *order; /* their numbers by start, in the low 32 bits; NULL: as they stand */
	uint32_t none;	 /* rule id */
	uint64_t limit;	 /* end of the current FDE */
	struct evp_cfi_cie *cie; /* of it */
	struct evp_cfi_memo memo[EVP_CFI_MEMOS];
};

/* Reads all entries and their order. 0, -ENOMEM or -E2BIG. */
int evp_cfi_entries(struct evp_cfi_job *c);

/* An encoded pointer (LSB 5, "DWARF Exception Header Encoding"). */
uint64_t evp_cfi_pointer(const struct evp_cfi_job *c, struct evp_cursor *in, uint8_t encoding);

/* Runs a CIE's own instructions, for cie->initial and cie->valid. */
void evp_cfi_run_cie(struct evp_cfi_job *c, struct evp_cfi_cie *cie, struct evp_cursor in);
/* Runs an FDE's instructions, for its rows up to `limit`. 0 or -ENOMEM. */
int evp_cfi_run_fde(struct evp_cfi_job *c, const struct evp_cfi_fde *f, uint64_t limit);

#define EVP_CFI_MAX_ROWS (1u << 26)

/* From this address, not below the last row's, on this rule holds. 0, -ENOMEM or -E2BIG. */
static inline int evp_cfi_add_row(struct evp_cfi_rows *r, uint64_t vaddr, uint32_t rule)
{
	if (rule > EVP_UNWIND_MAX_RULES)
		rule = EVP_UNWIND_MAX_RULES;
	if (r->n && r->row[r->n - 1].vaddr == vaddr)
		r->n--; /* nothing lies between: the later one holds */
	if (r->n && r->row[r->n - 1].rule == rule)
		return 0;
	if (r->n >= EVP_CFI_MAX_ROWS || vaddr > EVP_CFI_MAX_VADDR)
		return -E2BIG;
	if (evp_grow(&r->row, &r->cap, r->n + 1, sizeof(*r->row)))
		return -ENOMEM;
	r->row[r->n].vaddr = vaddr & EVP_CFI_MAX_VADDR;
	r->row[r->n++].rule = (uint16_t)rule;
	return 0;
}

#endif
