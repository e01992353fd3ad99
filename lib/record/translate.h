/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what a sampler saw (a process, run-time addresses) to what a stream says (ids of processes,
 * locations, stacks in the writer's current epoch).
 *
 * A user address becomes an offset in the file mapped there, a kernel address an offset in the
 * kernel, a module or a BPF program with its name, because only this host can name it. Addresses of
 * callers lie inside their calls.
 *
 * A user half that was not walked to its root begins with a cut mark that says why.
 */
#ifndef EVP_RECORD_TRANSLATE_H
#define EVP_RECORD_TRANSLATE_H

#include "record/kernel_syms.h"
#include "record/process_table.h"
#include "record/sampler.h"
#include "record/unwinder.h"
#include "stream/writer.h"

struct evp_translator {
	struct evp_writer *w;
	struct evp_kernel_syms *ks;
	const char *node, *boot_id;
	struct evp_unwinder
		*unwinder; /* for stacks that come as copies; the owner's; NULL: none come */
	uint64_t epoch;	   /* 1, 2, ...: ids kept anywhere belong to the one named beside them */
	struct evp_map stacks; /* (process serial, stack hash) -> stack id + 1 */
	struct evp_map kernel; /* address -> location id + 1 */
	struct evp_map images; /* struct evp_kernel_image * -> file id + 1 */
};

/* Nothing is owned but the tables; the strings must live as long. */
void evp_translator_init(struct evp_translator *t, struct evp_writer *w, struct evp_kernel_syms *ks,
			 const char *node, const char *boot_id);
void evp_translator_release(struct evp_translator *t);

/* Another stream begins: every id is forgotten. */
void evp_translator_stream(struct evp_translator *t, struct evp_writer *w);

/* The writer starts a new epoch and every id is forgotten. */
int evp_translator_epoch(struct evp_translator *t);

/* Kernel text changed: names are looked up anew. */
void evp_translator_forget(struct evp_translator *t);

int evp_translate_process(struct evp_translator *t, struct evp_proc *p, uint32_t *ret_id);

/* Whether this process's stack was translated before: then *ret_id is its id. */
bool evp_translate_known(struct evp_translator *t, const struct evp_proc *p, uint64_t hash,
			 uint32_t *ret_id);
int evp_translate_stack(struct evp_translator *t, struct evp_proc *p,
			const struct evp_raw_stack *raw, uint32_t *ret_id);

#endif
