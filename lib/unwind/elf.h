/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of an ELF file that say how to unwind it: header, segments, sections by name.
 *
 * Read with pread (or from an image in memory), never mapped, because the file may shrink
 * meanwhile: a read that comes short of what the file had when it was opened is -EIO. All else that
 * makes no sense is -EBADMSG. Every count and size is bounded. 64-bit little-endian only.
 *
 * Sources: gabi chapters 4 and 5; LSB 5 "Exception Frames" for PT_GNU_EH_FRAME.
 */
#ifndef EVP_UNWIND_ELF_H
#define EVP_UNWIND_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define EVP_UNWIND_ELF_MAX_LOADS    64
#define EVP_UNWIND_ELF_MAX_BUILD_ID 64
#define EVP_UNWIND_ELF_MAX_SECTION                                                                 \
	((uint64_t)256 << 20) /* bytes of one section, also when inflated */

struct evp_unwind_elf_load { /* PT_LOAD */
	uint64_t vaddr, offset, filesz;
	bool exec;
};

struct evp_unwind_elf_section {
	uint64_t vaddr, offset, size, flags;
	uint32_t name, type, link;
};

struct evp_unwind_elf { /* a zeroed struct is closed */
	int fd;		/* borrowed; -1: image */
	const uint8_t *image;
	uint64_t len;
	uint16_t machine; /* EM_X86_64 ... */
	uint64_t entry;	  /* virtual address; 0: none */
	bool interpreted; /* PT_INTERP: a program, or a library that can be one */
	bool fixed;	  /* ET_EXEC: a program, at its own addresses */
	struct evp_unwind_elf_load load[EVP_UNWIND_ELF_MAX_LOADS];
	size_t nloads;
	uint64_t eh_frame_hdr, eh_frame_hdr_len; /* virtual address of PT_GNU_EH_FRAME; 0: none */
	uint8_t build_id[EVP_UNWIND_ELF_MAX_BUILD_ID];
	size_t build_id_len;			/* 0: none */
	struct evp_unwind_elf_section *section; /* malloc'ed */
	size_t nsections;
	char *names; /* malloc'ed, NUL-terminated; NULL: none */
	size_t names_len;
};

/* 0; -ENOEXEC: not a 64-bit program or library; -EBADMSG, -EIO, -ENOMEM. */
int evp_unwind_elf_open_fd(struct evp_unwind_elf *ret, int fd, struct evp_err *err);
int evp_unwind_elf_open_image(struct evp_unwind_elf *ret, const void *image, size_t len,
			      struct evp_err *err);
void evp_unwind_elf_close(struct evp_unwind_elf *e);

/* Exactly `len` bytes. 0, -EIO, -EBADMSG (the file never was that long). */
int evp_unwind_elf_read(const struct evp_unwind_elf *e, void *buf, size_t len, uint64_t offset);

/* The first section of that name that has bytes in the file, or NULL. */
const struct evp_unwind_elf_section *evp_unwind_elf_find(const struct evp_unwind_elf *e,
							 const char *name);

/*
 * The bytes of a section, inflated where it is compressed (zlib, zstd); malloc'ed, the caller's,
 * with a NUL behind. 0, -EBADMSG, -E2BIG, -EIO, -ENOMEM.
 */
int evp_unwind_elf_section_data(const struct evp_unwind_elf *e,
				const struct evp_unwind_elf_section *s, uint8_t **ret_data,
				size_t *ret_len, struct evp_err *err);

/*
 * .eh_frame, by its section or, where headers are stripped, from where PT_GNU_EH_FRAME says up to
 * the end of its segment. -ENODATA: there is none; else as above.
 */
int evp_unwind_elf_eh_frame(const struct evp_unwind_elf *e, uint8_t **ret_data, size_t *ret_len,
			    uint64_t *ret_vaddr, struct evp_err *err);

#endif
