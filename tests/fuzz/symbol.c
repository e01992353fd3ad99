// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as an ELF file with DWARF, asked about addresses all over its code. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/hash.h"
#include "symbol/symbol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct evp_symbol_opts opts = { .cache_bytes = 1 << 20 };
	struct evp_symbol_answer a;
	struct evp_object *o = NULL;
	struct evp_str name = { 0 };
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!evp_object_open(&o, path, &opts, NULL)) {
		for (uint64_t at = 0; at < 0x8000; at += 7) {
			if (evp_object_lookup(o, (struct evp_elf_vaddr){ at }, &a))
				abort();
			if (at % 128 == 0 && a.nframes && a.frames[0].name) {
				evp_str_clear(&name);
				evp_demangle(&name, a.frames[0].name, EVP_DEMANGLE_FULL);
			}
		}
		evp_object_close(o);
	}
	evp_str_release(&name);
	close(fd);
	return 0;
}
