// SPDX-License-Identifier: GPL-2.0-or-later
/* Symbol and module lists and ELF notes with anything in them. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../lib/base/elf_notes.c"
#include "../../lib/record/kallsyms.c"
#include "stream/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int on_symbol(void *arg, const struct evp_kallsym *sym)
{
	if (strlen(sym->name) > sym->name_len || !sym->module)
		abort();
	return 0;
}

static int on_module(void *arg, const struct evp_kmodule *module)
{
	return strlen(module->name) == 0 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t id[EVP_MAX_BUILD_ID];
	char path[64];
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (evp_notes_build_id(data, len, len % 2 ? 4 : 8, id, sizeof(id)) > EVP_MAX_BUILD_ID)
		abort();
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		exit(2);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	evp_kallsyms_read(path, on_symbol, NULL);
	evp_kmodules_read(path, on_module, NULL);
	close(fd);
	return 0;
}
