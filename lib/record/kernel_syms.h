/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of the running kernel's own addresses: the kernel image, its modules, its BPF programs.
 * Only the host itself can tell, so the recorder does (DESIGN, "What only its host can name").
 *
 * Sources: /proc/kallsyms and /proc/modules, build IDs from /sys/kernel/notes and
 * /sys/module/M/notes, a module's .text from /sys/module/M/sections, and for BPF programs that
 * come later the side band's ksymbol events. Everything is read at the first lookup, not before;
 * an address in no known module makes it read once more, at most every 10 s.
 *
 * Never a wrong name: where the kernel shows zeros for addresses (kernel.kptr_restrict) the answer
 * is kind EVP_LOC_UNKNOWN with a reason. Only text symbols count, so per-CPU offsets, absolute
 * symbols and data are no candidates, and nothing outside [_text, _etext) is called kernel.
 */
#ifndef EVP_RECORD_KERNEL_SYMS_H
#define EVP_RECORD_KERNEL_SYMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "stream/stream.h"

struct evp_kernel_syms;

/* An image that locations lie in: the kernel ("[kernel]") or a module ("[ext4]"). */
struct evp_kernel_image {
	const char *name; /* with brackets */
	uint8_t build_id[EVP_MAX_BUILD_ID];
	uint32_t build_id_len; /* 0: unknown */
};

struct evp_kernel_place {
	enum evp_location_kind kind; /* EVP_LOC_KERNEL, MODULE, BPF or UNKNOWN */
	/* From _text; from the module's .text; from the program's start; unknown: the address. */
	uint64_t offset;
	const char *name;		      /* NULL: none */
	uint64_t symbol_start;		      /* address of the symbol named */
	const struct evp_kernel_image *image; /* kernel and module, else NULL */
	/* Unknown: "kptr-restrict", "no-kallsyms", "no-symbol", "no-module-text" (it has a name). */
	const char *reason;
};

/* `root` is put before every path ("" for the running system; tests bring a tree of their own). */
int evp_kernel_syms_new(struct evp_kernel_syms **ret, const char *root);
void evp_kernel_syms_free(struct evp_kernel_syms *ks);

/*
 * Where a kernel address lies. Names and images live as long as `ks`. The address is looked up as
 * it is: for a return address pass address - 1.
 */
void evp_kernel_syms_lookup(struct evp_kernel_syms *ks, uint64_t address,
			    struct evp_kernel_place *ret_place);

/* Why there are no names ("kptr-restrict", "no-kallsyms"), or NULL. Loads if need be. */
const char *evp_kernel_syms_reason(struct evp_kernel_syms *ks);

/*
 * A BPF program came (or went): what a ksymbol event says. The names of programs that went stay
 * until others take their place, for samples that are still on their way. At most 64 Ki are kept.
 */
int evp_kernel_syms_ksymbol(struct evp_kernel_syms *ks, uint64_t addr, uint64_t len,
			    const char *name, bool is_bpf, bool is_unregister);

#endif
