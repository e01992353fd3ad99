// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/elf.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/elf_notes.h"
#include "base/varint.h"
#include "unwind/cfi.h"

#define MAX_PROGRAM_HEADERS 4096
#define MAX_SECTIONS	    (1u << 20)
#define MAX_NAMES	    (64u << 20)
#define COMPRESS_ZSTD	    2 /* ELFCOMPRESS_ZSTD: newer than this elf.h */

int evp_unwind_elf_read(const struct evp_unwind_elf *e, void *buf, size_t len, uint64_t offset)
{
	uint8_t *to = buf;
	ssize_t n;

	if (offset > e->len || len > e->len - offset)
		return -EBADMSG;
	if (e->image) {
		memcpy(buf, e->image + offset, len);
		return 0;
	}
	while (len) {
		n = pread(e->fd, to, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		to += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

/* `n` elements of `size` bytes; malloc'ed with a zero byte behind. */
static int read_array(const struct evp_unwind_elf *e, uint64_t offset, uint64_t n, size_t size,
		      uint8_t **ret)
{
	uint64_t len = n * size;
	uint8_t *buf;
	int rc;

	/* Before memory is asked for: so nobody pays for lengths that the file does not have. */
	if (offset > e->len || len > e->len - offset)
		return -EBADMSG;
	buf = malloc(len + 1);
	if (!buf)
		return -ENOMEM;
	buf[len] = 0;
	rc = evp_unwind_elf_read(e, buf, len, offset);
	if (rc)
		free(buf);
	else
		*ret = buf;
	return rc;
}

/* ---- headers ---- */

static int read_notes(struct evp_unwind_elf *e, const uint8_t *ph)
{
	uint64_t len = evp_le64(ph + offsetof(Elf64_Phdr, p_filesz));
	uint8_t *notes;
	int rc;

	if (e->build_id_len || len > EVP_NOTES_MAX_BYTES)
		return 0;
	rc = read_array(e, evp_le64(ph + offsetof(Elf64_Phdr, p_offset)), len, 1, &notes);
	if (rc)
		return rc == -EBADMSG ? 0 : rc; /* separate debug files have none */
	e->build_id_len = evp_notes_build_id(notes, len,
					     evp_le64(ph + offsetof(Elf64_Phdr, p_align)),
					     e->build_id, sizeof(e->build_id));
	free(notes);
	return 0;
}

static int add_segment(struct evp_unwind_elf *e, const uint8_t *ph)
{
	uint64_t vaddr = evp_le64(ph + offsetof(Elf64_Phdr, p_vaddr));
	uint64_t filesz = evp_le64(ph + offsetof(Elf64_Phdr, p_filesz));

	switch (evp_le32(ph + offsetof(Elf64_Phdr, p_type))) {
	case PT_LOAD:
		if (e->nloads == EVP_UNWIND_ELF_MAX_LOADS || vaddr > EVP_CFI_MAX_VADDR ||
		    filesz > EVP_CFI_MAX_VADDR - vaddr)
			return -EBADMSG;
		e->load[e->nloads++] = (struct evp_unwind_elf_load){
			.vaddr = vaddr,
			.filesz = filesz,
			.offset = evp_le64(ph + offsetof(Elf64_Phdr, p_offset)),
			.exec = evp_le32(ph + offsetof(Elf64_Phdr, p_flags)) & PF_X,
		};
		return 0;
	case PT_GNU_EH_FRAME:
		e->eh_frame_hdr = vaddr;
		e->eh_frame_hdr_len = filesz;
		return 0;
	case PT_INTERP:
		e->interpreted = true;
		return 0;
	case PT_NOTE:
		return read_notes(e, ph);
	default:
		return 0;
	}
}

static int read_segments(struct evp_unwind_elf *e, const uint8_t *header)
{
	size_t n = evp_le16(header + offsetof(Elf64_Ehdr, e_phnum)), i;
	uint8_t *table;
	int rc;

	if (!n)
		return 0;
	if (n > MAX_PROGRAM_HEADERS ||
	    evp_le16(header + offsetof(Elf64_Ehdr, e_phentsize)) != sizeof(Elf64_Phdr))
		return -EBADMSG;
	rc = read_array(e, evp_le64(header + offsetof(Elf64_Ehdr, e_phoff)), n, sizeof(Elf64_Phdr),
			&table);
	if (rc)
		return rc;
	for (i = 0; !rc && i < n; i++)
		rc = add_segment(e, table + i * sizeof(Elf64_Phdr));
	free(table);
	return rc;
}

static struct evp_unwind_elf_section section_of(const uint8_t *p)
{
	return (struct evp_unwind_elf_section){
		.vaddr = evp_le64(p + offsetof(Elf64_Shdr, sh_addr)),
		.offset = evp_le64(p + offsetof(Elf64_Shdr, sh_offset)),
		.size = evp_le64(p + offsetof(Elf64_Shdr, sh_size)),
		.flags = evp_le64(p + offsetof(Elf64_Shdr, sh_flags)),
		.name = evp_le32(p + offsetof(Elf64_Shdr, sh_name)),
		.type = evp_le32(p + offsetof(Elf64_Shdr, sh_type)),
		.link = evp_le32(p + offsetof(Elf64_Shdr, sh_link)),
	};
}

static int read_names(struct evp_unwind_elf *e, uint64_t index)
{
	uint8_t *names;
	int rc;

	if (index >= e->nsections || e->section[index].type != SHT_STRTAB ||
	    e->section[index].size > MAX_NAMES)
		return -EBADMSG;
	rc = read_array(e, e->section[index].offset, e->section[index].size, 1, &names);
	if (rc)
		return rc;
	e->names = (char *)names;
	e->names_len = e->section[index].size;
	return 0;
}

/* Counts that do not fit in the header are in section 0. */
static int read_section_headers(struct evp_unwind_elf *e, const uint8_t *header)
{
	uint64_t offset = evp_le64(header + offsetof(Elf64_Ehdr, e_shoff));
	uint64_t n = evp_le16(header + offsetof(Elf64_Ehdr, e_shnum)), i;
	uint64_t names = evp_le16(header + offsetof(Elf64_Ehdr, e_shstrndx));
	uint8_t *table, zero[sizeof(Elf64_Shdr)];
	int rc;

	if (!offset || evp_le16(header + offsetof(Elf64_Ehdr, e_shentsize)) != sizeof(Elf64_Shdr))
		return -EBADMSG;
	rc = evp_unwind_elf_read(e, zero, sizeof(zero), offset);
	if (rc)
		return rc;
	if (!n)
		n = section_of(zero).size;
	if (names == SHN_XINDEX)
		names = section_of(zero).link;
	if (n > MAX_SECTIONS)
		return -EBADMSG;
	rc = read_array(e, offset, n, sizeof(Elf64_Shdr), &table);
	if (rc)
		return rc;
	e->section = calloc(n + 1, sizeof(*e->section));
	for (i = 0; e->section && i < n; i++)
		e->section[i] = section_of(table + i * sizeof(Elf64_Shdr));
	free(table);
	if (!e->section)
		return -ENOMEM;
	e->nsections = n;
	return read_names(e, names);
}

/* A file without section headers, or with broken ones, still runs and can be unwound. */
static int read_sections(struct evp_unwind_elf *e, const uint8_t *header)
{
	int rc = read_section_headers(e, header);

	if (rc != -EBADMSG)
		return rc;
	free(e->section);
	e->section = NULL;
	e->nsections = 0;
	return 0;
}

static int open_elf(struct evp_unwind_elf *e, struct evp_err *err)
{
	uint8_t h[sizeof(Elf64_Ehdr)];
	uint16_t type;
	int rc = evp_unwind_elf_read(e, h, sizeof(h), 0);

	if (rc == -EIO)
		return evp_fail(err, EIO, "the file cannot be read");
	type = rc ? ET_NONE : evp_le16(h + offsetof(Elf64_Ehdr, e_type));
	if (rc || memcmp(h, ELFMAG, SELFMAG) != 0 || h[EI_CLASS] != ELFCLASS64 ||
	    h[EI_DATA] != ELFDATA2LSB || (type != ET_EXEC && type != ET_DYN))
		return evp_fail(err, ENOEXEC, "not a 64-bit ELF program or library");
	e->machine = evp_le16(h + offsetof(Elf64_Ehdr, e_machine));
	e->entry = evp_le64(h + offsetof(Elf64_Ehdr, e_entry));
	e->fixed = type == ET_EXEC;
	rc = read_segments(e, h);
	if (!rc)
		rc = read_sections(e, h);
	if (!rc)
		return 0;
	evp_unwind_elf_close(e);
	if (rc == -EIO)
		return evp_fail(err, EIO, "the file was cut while it was read");
	return rc == -ENOMEM ? evp_fail_oom(err)
			     : evp_fail(err, -rc, "its ELF headers are damaged");
}

int evp_unwind_elf_open_fd(struct evp_unwind_elf *ret, int fd, struct evp_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return evp_fail_errno(err, errno, "the file cannot be read");
	if (!S_ISREG(st.st_mode))
		return evp_fail(err, ENOEXEC, "not a regular file");
	*ret = (struct evp_unwind_elf){ .fd = fd, .len = (uint64_t)st.st_size };
	return open_elf(ret, err);
}

int evp_unwind_elf_open_image(struct evp_unwind_elf *ret, const void *image, size_t len,
			      struct evp_err *err)
{
	*ret = (struct evp_unwind_elf){ .fd = -1, .image = image, .len = len };
	return open_elf(ret, err);
}

void evp_unwind_elf_close(struct evp_unwind_elf *e)
{
	free(e->section);
	free(e->names);
	*e = (struct evp_unwind_elf){ .fd = -1 };
}

/* ---- sections ---- */

const struct evp_unwind_elf_section *evp_unwind_elf_find(const struct evp_unwind_elf *e,
							 const char *name)
{
	size_t i;

	for (i = 0; i < e->nsections; i++) {
		const struct evp_unwind_elf_section *s = &e->section[i];

		if (s->name < e->names_len && s->type != SHT_NOBITS && s->size &&
		    !strcmp(e->names + s->name, name))
			return s;
	}
	return NULL;
}

static int inflate_section(const uint8_t *in, size_t in_len, uint8_t **ret_data, size_t *ret_len,
			   struct evp_err *err)
{
	uint32_t type;
	uint64_t size;
	uLongf got;
	uint8_t *out;
	bool ok;

	if (in_len < sizeof(Elf64_Chdr))
		return evp_fail(err, EBADMSG, "a compressed section without its header");
	type = evp_le32(in + offsetof(Elf64_Chdr, ch_type));
	size = evp_le64(in + offsetof(Elf64_Chdr, ch_size));
	if (size > EVP_UNWIND_ELF_MAX_SECTION)
		return evp_fail(err, E2BIG, "a compressed section of more than %llu MiB",
				(unsigned long long)(EVP_UNWIND_ELF_MAX_SECTION >> 20));
	out = malloc(size + 1);
	if (!out)
		return evp_fail_oom(err);
	in += sizeof(Elf64_Chdr);
	in_len -= sizeof(Elf64_Chdr);
	got = size;
	if (type == ELFCOMPRESS_ZLIB)
		ok = uncompress(out, &got, in, in_len) == Z_OK && got == size;
	else
		ok = type == COMPRESS_ZSTD && ZSTD_decompress(out, size, in, in_len) == size;
	if (!ok) {
		free(out);
		return evp_fail(err, EBADMSG, "a compressed section cannot be inflated");
	}
	out[size] = 0;
	*ret_data = out;
	*ret_len = size;
	return 0;
}

static int fail_reading(int rc, struct evp_err *err)
{
	if (rc == -ENOMEM)
		return evp_fail_oom(err);
	return evp_fail(err, -rc,
			rc == -EIO ? "the file was cut while it was read"
				   : "a section lies outside the file");
}

int evp_unwind_elf_section_data(const struct evp_unwind_elf *e,
				const struct evp_unwind_elf_section *s, uint8_t **ret_data,
				size_t *ret_len, struct evp_err *err)
{
	uint8_t *data;
	int rc;

	if (s->size > EVP_UNWIND_ELF_MAX_SECTION)
		return evp_fail(err, E2BIG, "a section of more than %llu MiB",
				(unsigned long long)(EVP_UNWIND_ELF_MAX_SECTION >> 20));
	rc = read_array(e, s->offset, s->size, 1, &data);
	if (rc)
		return fail_reading(rc, err);
	if (s->flags & SHF_COMPRESSED) {
		rc = inflate_section(data, s->size, ret_data, ret_len, err);
		free(data);
		return rc;
	}
	*ret_data = data;
	*ret_len = s->size;
	return 0;
}

/* ---- .eh_frame ---- */

/* The file's bytes from this virtual address to the end of their segment. */
static bool bytes_at(const struct evp_unwind_elf *e, uint64_t vaddr, uint64_t *ret_offset,
		     uint64_t *ret_len)
{
	size_t i;

	for (i = 0; i < e->nloads; i++) {
		const struct evp_unwind_elf_load *l = &e->load[i];

		if (vaddr >= l->vaddr && vaddr - l->vaddr < l->filesz) {
			*ret_offset = l->offset + (vaddr - l->vaddr);
			*ret_len = l->filesz - (vaddr - l->vaddr);
			return true;
		}
	}
	return false;
}

/* Its header's second field, as every linker writes it: pc-relative, 4 bytes. */
static int eh_frame_vaddr(const struct evp_unwind_elf *e, uint64_t *ret)
{
	uint64_t offset, len;
	uint8_t h[8];
	int rc;

	if (!bytes_at(e, e->eh_frame_hdr, &offset, &len) || len < sizeof(h))
		return -EBADMSG;
	rc = evp_unwind_elf_read(e, h, sizeof(h), offset);
	if (rc)
		return rc;
	if (h[0] != 1 || h[1] != 0x1b)
		return -EBADMSG;
	*ret = e->eh_frame_hdr + 4 + (uint64_t)(int64_t)(int32_t)evp_le32(h + 4);
	return 0;
}

int evp_unwind_elf_eh_frame(const struct evp_unwind_elf *e, uint8_t **ret_data, size_t *ret_len,
			    uint64_t *ret_vaddr, struct evp_err *err)
{
	const struct evp_unwind_elf_section *s = evp_unwind_elf_find(e, ".eh_frame");
	uint64_t vaddr, offset, len;
	int rc;

	if (s) {
		*ret_vaddr = s->vaddr;
		return evp_unwind_elf_section_data(e, s, ret_data, ret_len, err);
	}
	if (!e->eh_frame_hdr)
		return -ENODATA;
	rc = eh_frame_vaddr(e, &vaddr);
	if (!rc && !bytes_at(e, vaddr, &offset, &len))
		rc = -EBADMSG;
	if (!rc && len > EVP_UNWIND_ELF_MAX_SECTION)
		rc = -E2BIG;
	if (!rc)
		rc = read_array(e, offset, len, 1, ret_data);
	if (rc)
		return rc == -EBADMSG ? -ENODATA : fail_reading(rc, err);
	*ret_len = len;
	*ret_vaddr = vaddr;
	return 0;
}
