// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbol/find.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/varint.h"

#define SYSTEM_DEBUG_DIR    "/usr/lib/debug"
#define MINI_MEMORY_BYTES   (64ULL << 20)
#define MINI_INFLATED_BYTES ((size_t)256 << 20)

/* `root` as for evp_open_below. NULL unless it is an ELF file of build ID `id`. */
static struct evp_elf *open_by_id(const char *root, const char *path, const struct evp_build_id *id)
{
	int fd = evp_open_below(root, path);
	struct evp_elf *e;

	if (fd < 0 || evp_elf_open_fd(&e, fd, path, NULL))
		return NULL;
	if (id->len && evp_build_id_equal(&e->build_id, id))
		return e;
	evp_elf_close(e);
	return NULL;
}

/*
 * Tries DIR/<path> for each debug directory: those of the options as they are, the system's first
 * below the root, then as it is (a debug package serves a foreign root as well).
 */
static struct evp_elf *open_in_dirs(const struct evp_symbol_opts *opts, const char *path,
				    const struct evp_build_id *id)
{
	struct evp_elf *e = NULL;
	struct evp_str s = { 0 };

	for (size_t i = 0; !e && i < opts->ndebug_dirs; i++) {
		evp_str_clear(&s);
		evp_str_printf(&s, "%s/%s", opts->debug_dirs[i], path);
		if (!s.oom)
			e = open_by_id(NULL, s.buf, id);
	}
	evp_str_clear(&s);
	evp_str_printf(&s, SYSTEM_DEBUG_DIR "/%s", path);
	if (!e && opts->root && !s.oom)
		e = open_by_id(opts->root, s.buf, id);
	if (!e && !s.oom)
		e = open_by_id(NULL, s.buf, id);
	evp_str_release(&s);
	return e;
}

static struct evp_elf *open_build_id(const struct evp_symbol_opts *opts,
				     const struct evp_build_id *id, const char *suffix)
{
	struct evp_str path = { 0 };
	struct evp_elf *e = NULL;

	if (id->len < 2)
		return NULL;
	evp_str_puts(&path, ".build-id/");
	for (uint32_t i = 0; i < id->len; i++)
		evp_str_printf(&path, i == 1 ? "/%02x" : "%02x", id->bytes[i]);
	evp_str_puts(&path, suffix);
	if (!path.oom)
		e = open_in_dirs(opts, path.buf, id);
	evp_str_release(&path);
	return e;
}

struct evp_elf *evp_find_executable(const struct evp_symbol_opts *opts,
				    const struct evp_build_id *id)
{
	return open_build_id(opts, id, "");
}

struct evp_elf *evp_find_debug(const struct evp_symbol_opts *opts, const struct evp_build_id *id)
{
	return open_build_id(opts, id, ".debug");
}

/* Length of the directory part of a path with its slash, 0: none. */
static int dir_len(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? (int)(slash + 1 - path) : 0;
}

static bool crc_matches(int fd, uint32_t want)
{
	static const size_t chunk = 1 << 16;
	unsigned char *buf = malloc(chunk);
	uLong crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	if (!buf)
		return false;
	while ((n = pread(fd, buf, chunk, at)) > 0) {
		crc = crc32(crc, buf, (uInt)n);
		at += n;
	}
	free(buf);
	return !n && crc == want;
}

/* By build ID where the object has one: a checksum over a gigabyte takes its time. */
static struct evp_elf *open_linked(const char *root, const char *path, const struct evp_elf *e,
				   uint32_t crc)
{
	struct evp_elf *linked = NULL;
	int fd;

	if (e->build_id.len)
		return open_by_id(root, path, &e->build_id);
	fd = evp_open_below(root, path);
	if (fd < 0)
		return NULL;
	if (!crc_matches(fd, crc)) {
		close(fd);
		return NULL;
	}
	return evp_elf_open_fd(&linked, fd, path, NULL) ? NULL : linked;
}

/* The file name and checksum in .gnu_debuglink. */
static bool read_link(const struct evp_elf *e, const char **ret_name, uint32_t *ret_crc)
{
	Elf_Data *data = evp_elf_section(e, ".gnu_debuglink");
	const char *end = data ? memchr(data->d_buf, 0, data->d_size) : NULL;
	size_t at;

	if (!end || end == data->d_buf || strchr(data->d_buf, '/'))
		return false;
	at = ((size_t)(end - (const char *)data->d_buf) + 4) & ~(size_t)3;
	if (at + 4 > data->d_size)
		return false;
	*ret_name = data->d_buf;
	*ret_crc = evp_le32((const char *)data->d_buf + at);
	return true;
}

struct evp_elf *evp_find_linked(const struct evp_symbol_opts *opts, const struct evp_elf *e)
{
	static const char *const beside[] = { "", ".debug/" };
	int ndir = dir_len(e->path);
	struct evp_elf *linked = NULL;
	struct evp_str path = { 0 };
	const char *name;
	uint32_t crc;

	if (!e->path || !read_link(e, &name, &crc))
		return NULL;
	for (size_t i = 0; !linked && i < EVP_ARRAY_SIZE(beside); i++) {
		evp_str_clear(&path);
		evp_str_printf(&path, "%.*s%s%s", ndir, e->path, beside[i], name);
		if (!path.oom && strcmp(path.buf, e->path))
			linked = open_linked(opts->root, path.buf, e, crc);
	}
	for (size_t i = 0; !linked && i <= opts->ndebug_dirs; i++) {
		evp_str_clear(&path);
		evp_str_printf(&path, "%s/%.*s%s",
			       i < opts->ndebug_dirs ? opts->debug_dirs[i] : SYSTEM_DEBUG_DIR, ndir,
			       e->path, name);
		if (!path.oom)
			linked = open_linked(i < opts->ndebug_dirs ? NULL : opts->root, path.buf, e,
					     crc);
	}
	evp_str_release(&path);
	return linked;
}

struct evp_elf *evp_find_alt(const struct evp_symbol_opts *opts, const struct evp_elf *e,
			     const char *name, const struct evp_build_id *id)
{
	struct evp_elf *alt = evp_find_debug(opts, id);
	struct evp_str path = { 0 };
	const char *base = strrchr(name, '/');

	if (!alt && *name) {
		/* A relative name counts from the file that holds it. */
		evp_str_printf(&path, "%.*s%s", *name == '/' ? 0 : dir_len(e->path),
			       e->path ? e->path : "", name);
		if (!path.oom)
			alt = open_by_id(opts->root, path.buf, id);
		evp_str_clear(&path);
		evp_str_printf(&path, ".dwz/%s", base ? base + 1 : name);
		if (!alt && !path.oom)
			alt = open_in_dirs(opts, path.buf, id);
	}
	evp_str_release(&path);
	return alt;
}

static int inflate_xz(const Elf_Data *data, struct evp_str *out)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	lzma_ret rc;

	if (lzma_stream_decoder(&xz, MINI_MEMORY_BYTES, 0) != LZMA_OK)
		return -ENOMEM;
	xz.next_in = data->d_buf;
	xz.avail_in = data->d_size;
	do {
		char *p = evp_str_reserve(out, 1 << 18);

		if (!p || out->len > MINI_INFLATED_BYTES) {
			rc = LZMA_MEM_ERROR;
			break;
		}
		xz.next_out = (uint8_t *)p;
		xz.avail_out = 1 << 18;
		rc = lzma_code(&xz, LZMA_FINISH);
		out->len += (1 << 18) - xz.avail_out;
	} while (rc == LZMA_OK);
	lzma_end(&xz);
	return rc == LZMA_STREAM_END ? 0 : -EBADMSG;
}

struct evp_elf *evp_find_minidebug(const struct evp_elf *e)
{
	Elf_Data *data = evp_elf_section(e, ".gnu_debugdata");
	struct evp_str image = { 0 };
	struct evp_elf *mini = NULL;

	if (!data || inflate_xz(data, &image)) {
		evp_str_release(&image);
		return NULL;
	}
	/* The image is mini's from here on, also when it is no ELF file. */
	return evp_elf_open_memory(&mini, image.buf, image.len, NULL) ? NULL : mini;
}
