// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "symbol/elf.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debug info that claims to inflate beyond this is left alone. */
#define MAX_INFLATED_BYTES (8ULL << 30)

static int open_in_root(const char *root, const char *path, int flags)
{
	struct open_how how = { .flags = flags,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd, code;

	if (dir < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	code = errno;
	close(dir);
	return fd < 0 ? -code : fd;
}

int evp_open_below(const char *root, const char *path)
{
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, fd;
	struct stat st;

	if (root) {
		fd = open_in_root(root, path, flags);
	} else {
		fd = open(path, flags);
		if (fd < 0)
			fd = -errno;
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

bool evp_build_id_equal(const struct evp_build_id *a, const struct evp_build_id *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

static void read_build_id(struct evp_elf *e)
{
	const void *bytes = NULL;
	ssize_t len = dwelf_elf_gnu_build_id(e->elf, &bytes);

	if (len <= 0 || len > EVP_MAX_BUILD_ID)
		return;
	memcpy(e->build_id.bytes, bytes, (size_t)len);
	e->build_id.len = (uint32_t)len;
}

static int read_segments(struct evp_elf *e, struct evp_ranges *text)
{
	size_t n = 0;
	GElf_Phdr ph;

	if (elf_getphdrnum(e->elf, &n))
		return 0;
	for (size_t i = 0; i < n && e->nsegments < EVP_MAX_SEGMENTS; i++) {
		if (!gelf_getphdr(e->elf, (int)i, &ph))
			break;
		if (ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
			continue;
		if (evp_grow(&e->segments, &e->csegments, e->nsegments + 1, sizeof(*e->segments)) ||
		    evp_ranges_add(text, ph.p_vaddr, ph.p_vaddr + ph.p_memsz, 0))
			return -ENOMEM;
		e->segments[e->nsegments++] = (struct evp_segment){ ph.p_offset, ph.p_vaddr,
								    ph.p_filesz };
	}
	return 0;
}

static bool is_dwarf(const char *name)
{
	return !strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info");
}

/* Executable sections; whether there is a symbol table and debug info that may be read. */
static int read_sections(struct evp_elf *e, struct evp_ranges *text)
{
	uint64_t inflated = 0;
	size_t names = 0;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Chdr ch;

	if (elf_getshdrstrndx(e->elf, &names))
		return 0;
	while ((scn = elf_nextscn(e->elf, scn)) && gelf_getshdr(scn, &sh)) {
		const char *name = elf_strptr(e->elf, names, sh.sh_name);

		if ((sh.sh_flags & SHF_ALLOC) && (sh.sh_flags & SHF_EXECINSTR) &&
		    evp_ranges_add(text, sh.sh_addr, sh.sh_addr + sh.sh_size, 0))
			return -ENOMEM;
		if (sh.sh_type == SHT_NOBITS || !name)
			continue;
		if ((sh.sh_flags & SHF_COMPRESSED) && gelf_getchdr(scn, &ch))
			inflated += ch.ch_size > MAX_INFLATED_BYTES ? MAX_INFLATED_BYTES
								    : ch.ch_size;
		e->has_symtab |= sh.sh_type == SHT_SYMTAB;
		e->has_dwarf |= is_dwarf(name);
	}
	if (inflated >= MAX_INFLATED_BYTES)
		e->has_dwarf = false;
	return 0;
}

static int read_layout(struct evp_elf *e)
{
	struct evp_ranges segments = { 0 }, sections = { 0 };
	int rc = read_segments(e, &segments);

	if (!rc)
		rc = read_sections(e, &sections);
	if (!rc)
		rc = evp_segs_build(&e->text, sections.n ? &sections : &segments);
	evp_ranges_release(&segments);
	evp_ranges_release(&sections);
	return rc;
}

/* `e` has its fd or memory and is freed on failure. */
static int open_elf(struct evp_elf **ret_e, struct evp_elf *e, size_t len, struct evp_err *err)
{
	const char *name = e->path ? e->path : "image in memory";
	GElf_Ehdr eh;
	int rc;

	elf_version(EV_CURRENT);
	e->elf = e->memory ? elf_memory(e->memory, len) : elf_begin(e->fd, ELF_C_READ_MMAP, NULL);
	if (!e->elf || elf_kind(e->elf) != ELF_K_ELF || !gelf_getehdr(e->elf, &eh)) {
		rc = evp_fail(err, EBADMSG, "'%s' is no ELF file", name);
		goto fail;
	}
	e->linked = eh.e_type == ET_EXEC || eh.e_type == ET_DYN;
	read_build_id(e);
	rc = read_layout(e);
	if (rc) {
		evp_fail_oom(err);
		goto fail;
	}
	*ret_e = e;
	return 0;
fail:
	evp_elf_close(e);
	return rc;
}

int evp_elf_open_fd(struct evp_elf **ret_e, int fd, const char *path, struct evp_err *err)
{
	struct evp_elf *e = calloc(1, sizeof(*e));

	if (e) {
		e->fd = fd;
		e->path = strdup(path);
	}
	if (!e || !e->path) {
		free(e);
		close(fd);
		return evp_fail_oom(err);
	}
	return open_elf(ret_e, e, 0, err);
}

int evp_elf_open_memory(struct evp_elf **ret_e, void *image, size_t len, struct evp_err *err)
{
	struct evp_elf *e = calloc(1, sizeof(*e));

	if (!e) {
		free(image);
		return evp_fail_oom(err);
	}
	e->fd = -1;
	e->memory = image;
	return open_elf(ret_e, e, len, err);
}

int evp_elf_open_empty(struct evp_elf **ret_e)
{
	static const char names[16] = "\0.debug_info\0n";
	struct image {
		Elf64_Ehdr eh;
		Elf64_Shdr sh[3];
		char names[sizeof(names)];
	} *im = calloc(1, sizeof(*im));

	if (!im)
		return -ENOMEM;
	memcpy(im->names, names, sizeof(names));
	memcpy(im->eh.e_ident, ELFMAG, SELFMAG);
	im->eh.e_ident[EI_CLASS] = ELFCLASS64;
	im->eh.e_ident[EI_DATA] = ELFDATA2LSB;
	im->eh.e_ident[EI_VERSION] = EV_CURRENT;
	im->eh.e_type = ET_DYN;
	im->eh.e_version = EV_CURRENT;
	im->eh.e_ehsize = sizeof(im->eh);
	im->eh.e_shoff = offsetof(struct image, sh);
	im->eh.e_shentsize = sizeof(im->sh[0]);
	im->eh.e_shnum = 3;
	im->eh.e_shstrndx = 2;
	for (int i = 1; i < 3; i++)
		im->sh[i] = (Elf64_Shdr){ .sh_name = i == 1 ? 1 : 13,
					  .sh_type = i == 1 ? SHT_PROGBITS : SHT_STRTAB,
					  .sh_offset = offsetof(struct image, names),
					  .sh_size = i == 1 ? 1 : sizeof(names),
					  .sh_addralign = 1 };
	return evp_elf_open_memory(ret_e, im, sizeof(*im), NULL);
}

void evp_elf_close(struct evp_elf *e)
{
	if (!e)
		return;
	elf_end(e->elf);
	if (e->fd >= 0)
		close(e->fd);
	evp_segs_release(&e->text);
	free(e->segments);
	free(e->memory);
	free(e->path);
	free(e);
}

Elf_Data *evp_elf_section(const struct evp_elf *e, const char *name)
{
	size_t names = 0;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	if (elf_getshdrstrndx(e->elf, &names))
		return NULL;
	while ((scn = elf_nextscn(e->elf, scn)) && gelf_getshdr(scn, &sh)) {
		const char *s = elf_strptr(e->elf, names, sh.sh_name);
		Elf_Data *d;

		if (!s || strcmp(s, name) || sh.sh_type == SHT_NOBITS)
			continue;
		d = elf_rawdata(scn, NULL);
		return d && d->d_buf && d->d_size ? d : NULL;
	}
	return NULL;
}
