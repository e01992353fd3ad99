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

int main(void)
{
	struct evp_unwind_table t = { 0 };

	cut_while_read("/lib/x86_64-linux-gnu/libc.so.6", &t);
	without_sections("/lib/x86_64-linux-gnu/libm.so.6", &t);
	other_files(&t);
	evp_unwind_table_release(&t);
	return done_testing();
}
