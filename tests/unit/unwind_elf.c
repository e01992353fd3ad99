// SPDX-License-Identifier: GPL-2.0-or-later
/* Files: cut while they are read, without section headers, of other kinds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t pread_and_cut(int fd, void *buf, size_t len, off_t offset);

#define pread pread_and_cut
#include "../../lib/unwind/elf.c"
#undef pread
#include "unwind/compile.h"
#include "tap.h"

static int reads_before_cut = -1;

/* The file loses all but its first 64 bytes just before one of the reads. */
static ssize_t pread_and_cut(int fd, void *buf, size_t len, off_t offset)
{
	if (!reads_before_cut-- && ftruncate(fd, 64) < 0)
		return -1;
	return pread(fd, buf, len, offset);
}

/* A copy of the file that may be changed. */
static int copy_of(const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("copy", MFD_CLOEXEC);
	struct stat st;

	if (from < 0 || to < 0 || fstat(from, &st) < 0 ||
	    sendfile(to, from, NULL, (size_t)st.st_size) != st.st_size)
		exit(2);
	close(from);
	return to;
}

static int compile(int fd, struct evp_unwind_table *ret)
{
	evp_unwind_table_release(ret);
	return evp_unwind_compile_fd(fd, ret, NULL);
}

static void cut_while_read(const char *path, struct evp_unwind_table *t)
{
	int i, fd, rc = -EIO, reads = 0;

	for (i = 1; rc == -EIO && i < 100; i++) {
		fd = copy_of(path);
		reads_before_cut = i;
		rc = compile(fd, t);
		reads = i;
		close(fd);
	}
	reads_before_cut = -1;
	printf("# %d reads\n", reads);
	ok(!rc && reads > 4, "cut before any read but the first: -EIO, else the table is whole");
}

/* Every fourth address has the same rule in both, but for the few of .init and .fini. */
static bool nearly_equal(const struct evp_unwind_table *a, const struct evp_unwind_table *b)
{
	uint64_t at = a->first_page << EVP_UNWIND_PAGE_BITS;
	uint64_t end = at + ((uint64_t)a->npages << EVP_UNWIND_PAGE_BITS);
	int differ = 0;

	if (a->first_page != b->first_page || a->npages != b->npages)
		return false;
	for (; at < end; at += 4) {
		const struct evp_unwind_rule *ra = evp_unwind_table_find(a, at);
		const struct evp_unwind_rule *rb = evp_unwind_table_find(b, at);

		differ += !ra != !rb || (ra && memcmp(ra, rb, sizeof(*ra)) != 0);
	}
	return differ < 32;
}

static void without_sections(const char *path, struct evp_unwind_table *t)
{
	struct evp_unwind_table whole = { 0 };
	static const char zero[8];
	int fd = copy_of(path);
	bool done = !compile(fd, &whole);

	done &= pwrite(fd, zero, 8, offsetof(Elf64_Ehdr, e_shoff)) == 8;
	ok(done && !compile(fd, t) && nearly_equal(&whole, t),
	   "without section headers the table is the same");
	evp_unwind_table_release(&whole);
	close(fd);
}

static void other_files(struct evp_unwind_table *t)
{
	static const uint16_t arm = 40, object = ET_REL;
	int fd = copy_of("/bin/true"), dev = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int empty = memfd_create("empty", MFD_CLOEXEC);
	char image[sizeof(Elf64_Ehdr)];

	ok(compile(dev, t) == -ENOEXEC && compile(empty, t) == -ENOEXEC, "no ELF file");
	ok(pwrite(fd, &arm, 2, offsetof(Elf64_Ehdr, e_machine)) == 2 && compile(fd, t) == -ENOEXEC,
	   "another machine's");
	ok(pwrite(fd, &object, 2, offsetof(Elf64_Ehdr, e_type)) == 2 && compile(fd, t) == -ENOEXEC,
	   "an object file");
	close(fd);
	fd = copy_of("/bin/true");
	ok(pread(fd, image, sizeof(image), 0) == sizeof(image) &&
		   evp_unwind_compile_image(image, sizeof(image), t, NULL) == -EBADMSG,
	   "nothing but a header");
	ok(!ftruncate(fd, 10000) && compile(fd, t) < 0, "cut before it was opened");
	close(fd);
	close(dev);
	close(empty);
}

/* An ELF header, so many segments, each of them code, and a section's worth of bytes. */
static int with_segments(uint16_t n, uint64_t filesz)
{
	static struct {
		Elf64_Ehdr h;
		Elf64_Phdr p[EVP_UNWIND_ELF_MAX_LOADS + 1];
	} image;
	struct evp_unwind_elf e;
	int rc;

	image.h = (Elf64_Ehdr){ .e_type = ET_DYN,
				.e_machine = EM_X86_64,
				.e_phoff = sizeof(image.h),
				.e_phentsize = sizeof(image.p[0]),
				.e_phnum = n };
	memcpy(image.h.e_ident, ELFMAG "\2\1\1", 7);
	for (size_t i = 0; i < n && i <= EVP_UNWIND_ELF_MAX_LOADS; i++)
		image.p[i] = (Elf64_Phdr){
			.p_type = PT_LOAD, .p_flags = PF_X, .p_vaddr = 4096, .p_filesz = filesz
		};
	rc = evp_unwind_elf_open_image(&e, &image, sizeof(image), NULL);
	if (!rc)
		evp_unwind_elf_close(&e);
	return rc;
}

static void segments(void)
{
	ok(!with_segments(EVP_UNWIND_ELF_MAX_LOADS, 16), "as many segments as may be");
	ok(with_segments(EVP_UNWIND_ELF_MAX_LOADS + 1, 16) == -EBADMSG, "one more");
	ok(with_segments(1, UINT64_MAX - 4095) == -EBADMSG, "one that has no end");
	ok(with_segments(UINT16_MAX, 16) == -EBADMSG, "more than the file has");
}

/* Compressed sections: of a size that is not theirs, that nobody has, in no known way. */
static void compressed(void)
{
	static const uint8_t text[1000];
	struct {
		Elf64_Chdr h;
		uint8_t bytes[200];
	} in = { 0 };
	uLongf n = sizeof(in.bytes);
	struct evp_unwind_elf e = { .fd = -1, .image = (void *)&in, .len = sizeof(in) };
	struct evp_unwind_elf_section s = { .flags = SHF_COMPRESSED };
	uint8_t *data;
	size_t len = 0;

	if (compress(in.bytes, &n, text, sizeof(text)) != Z_OK)
		exit(2);
	s.size = sizeof(in.h) + n;
	in.h = (Elf64_Chdr){ .ch_type = ELFCOMPRESS_ZLIB, .ch_size = sizeof(text) };
	ok(!evp_unwind_elf_section_data(&e, &s, &data, &len, NULL) && len == sizeof(text),
	   "a compressed section");
	free(data);
	in.h.ch_size++;
	ok(evp_unwind_elf_section_data(&e, &s, &data, &len, NULL) == -EBADMSG, "that is shorter");
	in.h.ch_size -= 2;
	ok(evp_unwind_elf_section_data(&e, &s, &data, &len, NULL) == -EBADMSG, "that is longer");
	in.h.ch_size = EVP_UNWIND_ELF_MAX_SECTION + 1;
	ok(evp_unwind_elf_section_data(&e, &s, &data, &len, NULL) == -E2BIG, "that is too large");
	in.h = (Elf64_Chdr){ .ch_type = 3, .ch_size = sizeof(text) };
	ok(evp_unwind_elf_section_data(&e, &s, &data, &len, NULL) == -EBADMSG, "of no known kind");
	s.size = sizeof(in.h) - 1;
	ok(evp_unwind_elf_section_data(&e, &s, &data, &len, NULL) == -EBADMSG, "without a header");
}

int main(void)
{
	struct evp_unwind_table t = { 0 };

	cut_while_read("/lib/x86_64-linux-gnu/libc.so.6", &t);
	without_sections("/lib/x86_64-linux-gnu/libm.so.6", &t);
	other_files(&t);
	segments();
	compressed();
	evp_unwind_table_release(&t);
	return done_testing();
}
