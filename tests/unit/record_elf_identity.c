// SPDX-License-Identifier: GPL-2.0-or-later
/* Build IDs and segments of real files and of broken ones. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/io.h"
#include "record/elf_identity.h"
#include "tap.h"

/* Every cut and some flips of the first page: any answer is fine but a crash. */
static int survives(char *image, size_t len)
{
	struct evp_elf_identity id;
	int refused = 0;

	for (size_t n = 0; n < 1024; n++) {
		id = (struct evp_elf_identity){ 0 };
		refused += evp_elf_identity_of_image(&id, image, n) != 0;
		evp_elf_identity_release(&id);
	}
	for (size_t bit = 0; bit < 1024 * 8; bit++) {
		image[bit / 8] ^= (char)(1 << bit % 8);
		id = (struct evp_elf_identity){ 0 };
		refused += evp_elf_identity_of_image(&id, image, len) != 0;
		evp_elf_identity_release(&id);
		image[bit / 8] ^= (char)(1 << bit % 8);
	}
	return refused > 64;
}

int main(void)
{
	struct evp_elf_identity id = { 0 }, again = { 0 };
	struct evp_str image = { 0 };
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	ok(!evp_elf_identity_of_fd(&id, fd) && id.nsegments >= 1, "our own program");
	ok(id.segments && id.segments[0].size > 0, "its code has a size");
	close(fd);
	ok(!evp_read_file("/proc/self/exe", 64u << 20, &image, NULL) &&
		   !evp_elf_identity_of_image(&again, image.buf, image.len) &&
		   again.build_id_len == id.build_id_len &&
		   !memcmp(again.build_id, id.build_id, id.build_id_len) &&
		   again.nsegments == id.nsegments,
	   "the same from memory");
	evp_elf_identity_release(&id);
	evp_elf_identity_release(&again);

	ok(!evp_elf_identity_of_image(&id, (const void *)getauxval(AT_SYSINFO_EHDR), 4096) &&
		   id.build_id_len == 20 && id.nsegments == 1,
	   "the vdso");
	evp_elf_identity_release(&id);

	ok(survives(image.buf, image.len), "cut and flipped");
	((Elf64_Ehdr *)image.buf)->e_phnum = 0xffff;
	ok(evp_elf_identity_of_image(&id, image.buf, image.len) == -EBADMSG, "absurd counts");
	ok(evp_elf_identity_of_image(&id, "#!/bin/sh\n# no ELF file at all, though long enough\n",
				     52) == -ENOEXEC,
	   "a script");
	ok(!id.segments && !id.build_id_len, "results untouched on failure");
	evp_str_release(&image);
	return done_testing();
}
