// SPDX-License-Identifier: GPL-2.0-or-later
/* A whole ELF file -> unwind table. */
#include <stdlib.h>

#include "../../lib/unwind/compile.c"
#include "../../lib/unwind/elf.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct evp_unwind_table t;

	if (evp_unwind_compile_image(data, len, &t, NULL))
		return 0;
	if (evp_unwind_table_check(&t, NULL))
		abort();
	evp_unwind_table_release(&t);
	return 0;
}
