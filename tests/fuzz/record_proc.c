// SPDX-License-Identifier: GPL-2.0-or-later
/* What a program can put into its own ELF file, name and mappings, read by the recorder. */
#include <stdlib.h>
#include <string.h>

#include "../../lib/record/cpus.c"
#include "../../lib/record/elf_identity.c"
#include "../../lib/record/proc_scan.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct evp_elf_identity id = { 0 };
	struct evp_cpus cpus = { 0 };
	struct evp_proc_stat stat;
	struct evp_proc_map map;
	struct evp_str out = { 0 };
	char *text = malloc(len + 1);

	if (!text)
		return 0;
	memcpy(text, data, len);
	text[len] = 0;
	if (!evp_elf_identity_of_image(&id, data, len) && id.build_id_len > EVP_MAX_BUILD_ID)
		abort();
	evp_elf_identity_release(&id);
	evp_proc_parse_stat(text, &stat);
	evp_proc_parse_cgroup(text, &out);
	evp_cpus_parse(&cpus, text);
	if (evp_proc_parse_map(text, &map) >= 0 && map.end <= map.start)
		abort();
	evp_cpus_release(&cpus);
	evp_str_release(&out);
	free(text);
	return 0;
}
