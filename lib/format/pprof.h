/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof's profile.proto, gzip'ed: https://github.com/google/pprof/blob/main/proto/profile.proto
 *
 * Where a location is. A pprof address is meant to be looked up through its mapping: file offset =
 * address - memory_start + file_offset. Ours are normalized: they are the ELF's own addresses.
 *	native, segments known: one mapping a segment, memory_start = its vaddr and file_offset = its
 *		offset, both rounded down to a page, so that address = vaddr
 *	native, unknown: the whole file as if mapped at 0x10000000 (0 would confuse pprof about
 *		executables of fixed address)
 *	kernel: "[kernel.kallsyms]" at _text's link-time address (that of the file's first segment,
 *		else 0xffffffff81000000)
 *	module, vdso, BPF, JIT: mapping at 0, address = the offset; the last three are named "[vdso]",
 *		"[bpf]" and "[jit]"
 *	the rest: no mapping; what has no name and cannot get one later is given evp_location_text()
 * On the way in the same names lead back to the same kinds; addresses are taken as they are.
 *
 * Times and the process: time_nanos and duration_nanos are what the samples span; every label, the
 * process record's too, is a label of the sample. Samples of equal stack and labels are one.
 */
#ifndef EVP_FORMAT_PPROF_H
#define EVP_FORMAT_PPROF_H

#include "stream/reader.h"

struct evp_pprof;

struct evp_pprof_opts {
	const char *type;      /* event; NULL: the first one with a sample */
	const char *const *by; /* only these labels are kept */
	size_t nby;
	bool all_labels; /* by is not looked at */
	bool comments;	 /* provenance and loss as comments */
};

int evp_pprof_new(struct evp_pprof **ret_p, const struct evp_pprof_opts *opts, struct evp_err *err);
void evp_pprof_free(struct evp_pprof *p);
/* Everything up to the reader's end; several readers add up. Their types must agree (EINVAL). */
int evp_pprof_add(struct evp_pprof *p, struct evp_reader *r, struct evp_err *err);
/* The profile, gzip'ed. The same bytes for the same samples in the same order. */
int evp_pprof_finish(struct evp_pprof *p, struct evp_str *out, struct evp_err *err);

const char *evp_pprof_event(const struct evp_pprof *p); /* NULL: no sample yet */
uint64_t evp_pprof_left_out(const struct evp_pprof *p); /* sample records of other events */

#endif
