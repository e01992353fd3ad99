// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <ctype.h>
#include <libiberty/demangle.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/symbol.h"

/* libiberty's demanglers recurse; a name longer than this is not worth a stack. */
#define MAX_MANGLED 8192

/* Length of the name without what the compiler hung behind it: "f.isra.0.cold" -> "f". Rust's
 * legacy names may hold dots themselves ("..") and end in E. */
static size_t stem_len(const char *name, size_t len)
{
	static const char *const marks[] = { ".part.",	 ".isra.",	".constprop.",
					     ".cold",	 ".llvm.",	".lto_priv.",
					     ".clone.",	 ".localalias", ".resolver",
					     ".default", ".arch_",	".avx" };
	size_t stem = len;

	if (!memchr(name, '.', len))
		return len;
	for (size_t i = 0; i < EVP_ARRAY_SIZE(marks); i++) {
		const char *p = memmem(name, stem, marks[i], strlen(marks[i]));

		if (p && p != name)
			stem = (size_t)(p - name);
	}
	return stem;
}

/* Appends what came behind the stem, without ".llvm.<digits>". */
static void add_suffix(struct evp_str *out, const char *p, size_t len)
{
	const char *llvm = memmem(p, len, ".llvm.", 6), *end = p + len, *q;

	if (!llvm) {
		evp_str_add(out, p, len);
		return;
	}
	for (q = llvm + 6; q < end && isalnum((unsigned char)*q); q++)
		;
	evp_str_add(out, p, (size_t)(llvm - p));
	evp_str_add(out, q, (size_t)(end - q));
}

static char *demangle(const char *name, enum evp_demangle how)
{
	int flags = how == EVP_DEMANGLE_FULL ? DMGL_PARAMS | DMGL_ANSI : DMGL_ANSI;

	if (!strncmp(name, "_Z", 2) || !strncmp(name, "_R", 2))
		return cplus_demangle(name, flags | DMGL_AUTO);
	if (!strncmp(name, "_D", 2))
		return cplus_demangle(name, flags | DMGL_DLANG);
	return NULL;
}

void evp_demangle(struct evp_str *out, const char *name, enum evp_demangle how)
{
	size_t len = strlen(name), stem = stem_len(name, len);
	char *copy = NULL, *text = NULL;

	if (how == EVP_DEMANGLE_NONE) {
		evp_str_add(out, name, len);
		return;
	}
	if (stem > 2 && stem <= MAX_MANGLED && *name == '_') {
		copy = strndup(name, stem);
		if (copy)
			text = demangle(copy, how);
	}
	if (text)
		evp_str_puts(out, text);
	else
		evp_str_add(out, name, stem);
	add_suffix(out, name + stem, len - stem);
	free(text);
	free(copy);
}
