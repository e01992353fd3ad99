// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/elf_notes.h"

#include <elf.h>
#include <string.h>

#include "base/varint.h"

static size_t align_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

uint32_t evp_notes_build_id(const void *notes, size_t len, size_t align, uint8_t *id, size_t max)
{
	const uint8_t *p = notes;

	align = align == 8 ? 8 : 4;
	while (len >= sizeof(Elf64_Nhdr)) {
		size_t namesz = evp_le32(p), descsz = evp_le32(p + 4), desc, next;

		if (namesz > len || descsz > len)
			return 0;
		desc = align_up(sizeof(Elf64_Nhdr) + namesz, align);
		next = align_up(desc + descsz, align);
		if (desc + descsz > len)
			return 0;
		if (evp_le32(p + 8) == NT_GNU_BUILD_ID && namesz == 4 &&
		    !memcmp(p + sizeof(Elf64_Nhdr), "GNU", 4) && descsz && descsz <= max) {
			memcpy(id, p + desc, descsz);
			return (uint32_t)descsz;
		}
		if (next >= len)
			return 0;
		p += next;
		len -= next;
	}
	return 0;
}
