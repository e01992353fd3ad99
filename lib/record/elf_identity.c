// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/elf_identity.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/elf_notes.h"
#include "base/mem.h"
#include "base/varint.h"

#define MAX_PROGRAM_HEADERS 4096
#define MAX_SECTIONS	    256 /* looked at; Go has some 25 */

struct elf_file {
	/* Up to `len` bytes at `offset`, as pread does. */
	ssize_t (*read)(void *arg, void *buf, size_t len, uint64_t offset);
	void *arg;
	bool is64;
	uint64_t phoff, shoff;
	uint32_t phnum, phentsize, shnum, shentsize;
};

struct program_header {
	uint32_t type, flags;
	uint64_t offset, vaddr, filesz, align;
};

static int read_exactly(const struct elf_file *f, void *buf, size_t len, uint64_t offset)
{
	ssize_t n = f->read(f->arg, buf, len, offset);

	if (n < 0)
		return -EIO;
	return (size_t)n == len ? 0 : -EBADMSG;
}

static int read_header(struct elf_file *f)
{
	unsigned char h[sizeof(Elf64_Ehdr)] = { 0 };
	ssize_t n = f->read(f->arg, h, sizeof(h), 0);

	if (n < 0)
		return -EIO;
	if (n < (ssize_t)sizeof(Elf32_Ehdr) || memcmp(h, ELFMAG, SELFMAG) ||
	    h[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	f->is64 = h[EI_CLASS] == ELFCLASS64;
	if (!f->is64 && h[EI_CLASS] != ELFCLASS32)
		return -ENOEXEC;
	if (f->is64) {
		f->phoff = evp_le64(h + offsetof(Elf64_Ehdr, e_phoff));
		f->phentsize = evp_le16(h + offsetof(Elf64_Ehdr, e_phentsize));
		f->phnum = evp_le16(h + offsetof(Elf64_Ehdr, e_phnum));
		f->shoff = evp_le64(h + offsetof(Elf64_Ehdr, e_shoff));
		f->shentsize = evp_le16(h + offsetof(Elf64_Ehdr, e_shentsize));
		f->shnum = evp_le16(h + offsetof(Elf64_Ehdr, e_shnum));
	} else {
		f->phoff = evp_le32(h + offsetof(Elf32_Ehdr, e_phoff));
		f->phentsize = evp_le16(h + offsetof(Elf32_Ehdr, e_phentsize));
		f->phnum = evp_le16(h + offsetof(Elf32_Ehdr, e_phnum));
	}
	if (f->phnum > MAX_PROGRAM_HEADERS ||
	    f->phentsize != (f->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return -EBADMSG;
	return 0;
}

static struct program_header program_header(const struct elf_file *f, const uint8_t *p)
{
	if (f->is64)
		return (struct program_header){
			.type = evp_le32(p + offsetof(Elf64_Phdr, p_type)),
			.flags = evp_le32(p + offsetof(Elf64_Phdr, p_flags)),
			.offset = evp_le64(p + offsetof(Elf64_Phdr, p_offset)),
			.vaddr = evp_le64(p + offsetof(Elf64_Phdr, p_vaddr)),
			.filesz = evp_le64(p + offsetof(Elf64_Phdr, p_filesz)),
			.align = evp_le64(p + offsetof(Elf64_Phdr, p_align)),
		};
	return (struct program_header){
		.type = evp_le32(p + offsetof(Elf32_Phdr, p_type)),
		.flags = evp_le32(p + offsetof(Elf32_Phdr, p_flags)),
		.offset = evp_le32(p + offsetof(Elf32_Phdr, p_offset)),
		.vaddr = evp_le32(p + offsetof(Elf32_Phdr, p_vaddr)),
		.filesz = evp_le32(p + offsetof(Elf32_Phdr, p_filesz)),
		.align = evp_le32(p + offsetof(Elf32_Phdr, p_align)),
	};
}

static int read_notes(struct evp_elf_identity *id, const struct elf_file *f,
		      const struct program_header *ph)
{
	uint8_t small[512], *notes = small;
	int rc;

	if (!ph->filesz || ph->filesz > EVP_NOTES_MAX_BYTES)
		return 0;
	if (ph->filesz > sizeof(small)) {
		notes = malloc(ph->filesz);
		if (!notes)
			return -ENOMEM;
	}
	rc = read_exactly(f, notes, ph->filesz, ph->offset);
	if (!rc)
		id->build_id_len = evp_notes_build_id(notes, ph->filesz, ph->align, id->build_id,
						      sizeof(id->build_id));
	if (notes != small)
		free(notes);
	return rc;
}

/*
 * Go's linker lets the note segment end behind its own note, before GNU's: the sections tell. What
 * is wrong with them is no error, they are not needed to run a program.
 */
static int read_note_sections(struct evp_elf_identity *id, const struct elf_file *f)
{
	int rc = 0;

	if (f->shentsize != sizeof(Elf64_Shdr) || f->shnum > MAX_SECTIONS)
		return 0;
	for (uint32_t i = 0; i < f->shnum && !id->build_id_len && !rc; i++) {
		uint8_t s[sizeof(Elf64_Shdr)];
		struct program_header notes = { .align = 4 };

		if (read_exactly(f, s, sizeof(s), f->shoff + (uint64_t)i * sizeof(s)))
			break;
		notes.offset = evp_le64(s + offsetof(Elf64_Shdr, sh_offset));
		notes.filesz = evp_le64(s + offsetof(Elf64_Shdr, sh_size));
		if (evp_le32(s + offsetof(Elf64_Shdr, sh_type)) == SHT_NOTE)
			rc = read_notes(id, f, &notes);
	}
	return rc == -ENOMEM ? rc : 0;
}

static int add_segment(struct evp_elf_identity *id, size_t *cap, const struct program_header *ph)
{
	if (id->nsegments == EVP_MAX_SEGMENTS)
		return 0;
	if (evp_grow(&id->segments, cap, id->nsegments + 1, sizeof(*id->segments)))
		return -ENOMEM;
	id->segments[id->nsegments++] = (struct evp_segment){ .offset = ph->offset,
							      .vaddr = ph->vaddr,
							      .size = ph->filesz };
	return 0;
}

static int walk_headers(struct evp_elf_identity *id, const struct elf_file *f, const uint8_t *table)
{
	bool notes = false;
	size_t cap = 0;
	int rc = 0;

	for (uint32_t i = 0; i < f->phnum && !rc; i++) {
		struct program_header ph = program_header(f, table + (size_t)i * f->phentsize);

		if (ph.type == PT_LOAD && (ph.flags & PF_X))
			rc = add_segment(id, &cap, &ph);
		else if (ph.type == PT_NOTE && !id->build_id_len)
			rc = read_notes(id, f, &ph);
		notes |= ph.type == PT_NOTE;
	}
	return !rc && notes && !id->build_id_len ? read_note_sections(id, f) : rc;
}

static int read_identity(struct evp_elf_identity *ret, struct elf_file f)
{
	struct evp_elf_identity id = { 0 };
	uint8_t *table = NULL;
	int rc = read_header(&f);

	if (rc)
		return rc;
	if (f.phnum) {
		table = malloc((size_t)f.phnum * f.phentsize);
		if (!table)
			return -ENOMEM;
		rc = read_exactly(&f, table, (size_t)f.phnum * f.phentsize, f.phoff);
		if (!rc)
			rc = walk_headers(&id, &f, table);
		free(table);
	}
	if (rc)
		evp_elf_identity_release(&id);
	else
		*ret = id;
	return rc;
}

static ssize_t read_fd(void *arg, void *buf, size_t len, uint64_t offset)
{
	if (offset > INT64_MAX)
		return 0;
	return pread(*(int *)arg, buf, len, (off_t)offset);
}

int evp_elf_identity_of_fd(struct evp_elf_identity *ret, int fd)
{
	return read_identity(ret, (struct elf_file){ .read = read_fd, .arg = &fd });
}

struct image {
	const uint8_t *bytes;
	size_t len;
};

static ssize_t read_image(void *arg, void *buf, size_t len, uint64_t offset)
{
	const struct image *image = arg;

	if (offset >= image->len)
		return 0;
	if (len > image->len - offset)
		len = image->len - (size_t)offset;
	memcpy(buf, image->bytes + offset, len);
	return (ssize_t)len;
}

int evp_elf_identity_of_image(struct evp_elf_identity *ret, const void *image, size_t len)
{
	struct image bytes = { image, len };

	return read_identity(ret, (struct elf_file){ .read = read_image, .arg = &bytes });
}

void evp_elf_identity_release(struct evp_elf_identity *id)
{
	free(id->segments);
	*id = (struct evp_elf_identity){ 0 };
}
