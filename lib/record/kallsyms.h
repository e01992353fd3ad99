/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading what the kernel prints about its symbols and modules: /proc/kallsyms ("address type
 * name[<tab>[module]]", proc(5)) and /proc/modules ("name size uses users state address"). Line
 * by line through a fixed buffer; lines that make no sense, or are longer than any symbol, are
 * skipped.
 */
#ifndef EVP_RECORD_KALLSYMS_H
#define EVP_RECORD_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>

struct evp_kallsym {
	uint64_t addr;
	char type; /* as nm prints it; text is one of tTwW */
	const char *name,
		*module; /* NUL-terminated; module "" for the kernel itself, else without [] */
	size_t name_len;
};

/* Anything but 0 from fn ends the reading and is returned. */
typedef int (*evp_kallsym_fn)(void *arg, const struct evp_kallsym *sym);

/* Calls fn for every symbol of the file. 0, what fn returned, or -errno. */
int evp_kallsyms_read(const char *path, evp_kallsym_fn fn, void *arg);

struct evp_kmodule {
	const char *name;
	uint64_t addr, size; /* of the module's first region, its text; 0: hidden */
};

typedef int (*evp_kmodule_fn)(void *arg, const struct evp_kmodule *module);
int evp_kmodules_read(const char *path, evp_kmodule_fn fn, void *arg);

#endif
