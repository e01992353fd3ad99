/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a stream says about a mapped file: its build ID and its executable segments, from the ELF
 * header, the program headers and the notes. Nothing else of the file is read, nothing is mapped.
 *
 * Sources: gabi "ELF Header", "Program Header", "Note Section"; NT_GNU_BUILD_ID is note type 3 of
 * owner "GNU". Both classes, little-endian only (what this machine can run). Files are hostile:
 * every count and size is bounded.
 */
#ifndef EVP_RECORD_ELF_IDENTITY_H
#define EVP_RECORD_ELF_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "stream/stream.h"

struct evp_elf_identity { /* a zeroed struct is empty */
	uint8_t build_id[EVP_MAX_BUILD_ID];
	uint32_t build_id_len;	      /* 0: none */
	struct evp_segment *segments; /* malloc'ed; PT_LOAD with PF_X */
	uint32_t nsegments;
};

/* 0; -ENOEXEC: no ELF file that this machine could run; -EBADMSG: a broken one; -EIO, -ENOMEM. */
int evp_elf_identity_of_fd(struct evp_elf_identity *ret, int fd);
/* Of an image in memory, `len` bytes (the vdso). */
int evp_elf_identity_of_image(struct evp_elf_identity *ret, const void *image, size_t len);
void evp_elf_identity_release(struct evp_elf_identity *id);

#endif
