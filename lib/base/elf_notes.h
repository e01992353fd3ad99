/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF notes, of a file, the kernel or a module: the build ID among them, which is note type 3 of
 * owner "GNU" (gabi "Note Section"). Little-endian; the bytes may be hostile.
 */
#ifndef EVP_BASE_ELF_NOTES_H
#define EVP_BASE_ELF_NOTES_H

#include <stddef.h>
#include <stdint.h>

#define EVP_NOTES_MAX_BYTES (64u << 10) /* notes that are longer are not worth reading */

/*
 * The length of the first build ID of 1 to `max` bytes, copied to `id`; 0: there is none. The parts
 * of a note are padded to `align`: 8 where the segment is aligned so, else 4.
 */
uint32_t evp_notes_build_id(const void *notes, size_t len, size_t align, uint8_t *id, size_t max);

#endif
