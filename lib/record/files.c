// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "record/mounts.h"

#define MAX_TRIES      64	/* of processes that were gone, or files that were not there */
#define CLOCK_GRAIN_NS 20000000 /* file times are those of the last tick */
#define VDSO_NAME      "[vdso]"
#define VDSO_BYTES     4096 /* enough for headers and notes, and always mapped */
#define DELETED	       " (deleted)"

bool evp_files_is_memory(const char *name)
{
	if (name[0] != '/')
		return strcmp(name, VDSO_NAME) != 0;
	return !strncmp(name, "//", 2) || !strncmp(name, "/SYSV", 5) ||
	       (!strncmp(name, "/dev/", 5) && strncmp(name, "/dev/shm/", 9) != 0) ||
	       !strncmp(name, "/anon_hugepage", 14);
}

static size_t path_len(const char *path)
{
	size_t len = strlen(path), tail = sizeof(DELETED) - 1;

	if (len > tail && !strcmp(path + len - tail, DELETED))
		len -= tail;
	return len < EVP_MAX_NAME ? len : EVP_MAX_NAME;
}

static struct evp_device *get_device(struct evp_files *fs, const struct evp_file_key *key)
{
	uint64_t *place = evp_map_at(&fs->devices, (uint64_t)key->dev_major << 32 | key->dev_minor,
				     NULL);
	struct evp_device *d = (void *)(uintptr_t)(place ? *place : 0);

	if (place && !d) {
		d = calloc(1, sizeof(*d));
		*place = (uint64_t)(uintptr_t)d;
	}
	return d;
}

static struct evp_mapped_file *new_file(struct evp_files *fs, const struct evp_file_key *key,
					size_t len, int64_t mapped_ns)
{
	struct evp_device *device = get_device(fs, key);
	struct evp_mapped_file *file = device ? calloc(1, sizeof(*file) + len + 1) : NULL;
	char *path;

	if (!file)
		return NULL;
	file->device = device;
	path = (char *)(file + 1);
	memcpy(path, key->path, len);
	file->path = path;
	file->dev_major = key->dev_major;
	file->dev_minor = key->dev_minor;
	file->inode = key->inode;
	file->mapped_ns = mapped_ns;
	if (!strcmp(path, VDSO_NAME))
		file->kind = EVP_MAPPED_VDSO;
	else if (!evp_files_is_memory(path))
		file->kind = EVP_MAPPED_ELF;
	return file;
}

static void free_file(struct evp_mapped_file *file)
{
	evp_elf_identity_release(&file->id);
	free(file);
}

int evp_files_get(struct evp_files *fs, const struct evp_file_key *key, int64_t mapped_ns,
		  struct evp_mapped_file **ret_file)
{
	size_t len = path_len(key->path);
	uint64_t by_inode[3] = { (uint64_t)key->dev_major << 32 | key->dev_minor, key->inode,
				 key->inode_generation };
	uint32_t id;
	int rc;

	evp_str_clear(&fs->text);
	evp_str_add(&fs->text, by_inode, sizeof(by_inode));
	evp_str_add(&fs->text, key->path, len);
	rc = fs->text.oom ? -ENOMEM : evp_intern(&fs->keys, fs->text.buf, fs->text.len, &id);
	if (rc)
		return rc;
	if (id == fs->n) {
		struct evp_mapped_file *file;

		if (evp_grow(&fs->file, &fs->cap, fs->n + 1, sizeof(struct evp_mapped_file *)))
			return -ENOMEM;
		file = new_file(fs, key, len, mapped_ns);
		if (!file)
			return -ENOMEM;
		fs->file[fs->n++] = file;
	} else if (id > fs->n) {
		return -ENOMEM; /* an earlier one failed half way */
	}
	*ret_file = fs->file[id];
	if (mapped_ns > (*ret_file)->mapped_ns) {
		(*ret_file)->mapped_ns = mapped_ns;
		(*ret_file)->mapped_again = true;
	}
	return 0;
}

/* Opens only regular files: looking at a device or a FIFO may have effects. The fd or -errno. */
static int open_regular(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC), real = -ENOENT;
	char self[64];
	struct stat st;

	if (fd < 0)
		return -errno;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
		real = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (real < 0)
			real = -errno;
	}
	close(fd);
	return real;
}

static int64_t changed_ns(const struct stat *st)
{
	return st->st_ctim.tv_sec * EVP_NSEC + st->st_ctim.tv_nsec;
}

/* A path may lead to another file by now, one that got the same inode even: then it is newer. */
static bool is_the_one(const struct evp_mapped_file *file, int fd)
{
	struct stat st;

	if (fstat(fd, &st) || st.st_ino != file->inode)
		return false;
	return changed_ns(&st) <= file->mapped_ns + CLOCK_GRAIN_NS;
}

/*
 * Who executed another program meanwhile may have that one at the same addresses. Where inodes are
 * made up for the occasion (overlayfs) the name has to do.
 */
static bool is_still_mapped(const struct evp_mapped_file *file, int fd, const char *link)
{
	char name[EVP_MAX_NAME + sizeof(DELETED)];
	struct statfs fs;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return false;
	if (st.st_ino == file->inode)
		return true;
	n = readlink(link, name, sizeof(name) - 1);
	if (n < 0 || fstatfs(fd, &fs) || fs.f_type != OVERLAYFS_SUPER_MAGIC)
		return false;
	name[n] = '\0';
	name[path_len(name)] = '\0';
	return !strcmp(name, file->path);
}

/* The file at this path, or behind this link of map_files, if it is the right one, open; else -1. */
static int open_right(struct evp_mapped_file *file, const char *path, bool link)
{
	int fd = open_regular(path);

	file->refused = file->refused || fd == -EACCES || fd == -EPERM;
	if (fd >= 0 && !(link ? is_still_mapped(file, fd, path) : is_the_one(file, fd))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void resolve_vdso(struct evp_mapped_file *file, uint64_t start)
{
	const void *image = (const void *)getauxval(
		AT_SYSINFO_EHDR); // NOLINT(performance-no-int-to-ptr)

	/* A 32-bit process has another image, which is not ours to read. */
	if (image && start > UINT32_MAX)
		evp_elf_identity_of_image(&file->id, image, VDSO_BYTES);
}

struct mapped { /* who had it where */
	struct evp_mapped_file *file;
	pid_t pid;
	const pid_t *kin;
	uint64_t start, end;
	bool wait;    /* for servers, too ... */
	bool skipped; /* ... or else not: they were left out */
};

/* Whether to look where a process sees what is local, or not (evp_mounts_path_is_local's answer). */
static bool may_look(struct mapped *m, int local)
{
	m->skipped |= !local;
	return local > 0 || (!local && m->wait);
}

static int open_link(struct mapped *m)
{
	const struct evp_mapped_file *file = m->file;
	char path[96];

	if (!may_look(m, evp_mounts_device_is_local(m->pid, file->dev_major, file->dev_minor)))
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", m->pid,
		 (unsigned long long)m->start, (unsigned long long)m->end);
	return open_right(m->file, path, true);
}

/* A path that leads to the file in one place may lead to a server in another. */
static int open_as_seen_by(struct mapped *m, pid_t pid)
{
	char path[EVP_MAX_NAME + 64];

	if (!may_look(m, evp_mounts_path_is_local(pid, m->file->path)))
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, m->file->path);
	return open_right(m->file, path, false);
}

static int open_mapped(struct mapped *m)
{
	int fd = open_link(m);

	if (fd < 0)
		fd = open_as_seen_by(m, m->pid);
	for (int i = 0; fd < 0 && i < EVP_KIN && m->kin[i]; i++)
		fd = open_as_seen_by(m, m->kin[i]);
	if (fd < 0)
		fd = open_as_seen_by(m, getpid());
	if (fd >= 0)
		m->file->refused = false;
	return fd;
}

/* All that will be asked of the device next, in a child. */
static void touch(void *arg)
{
	struct evp_elf_identity id = { 0 };
	int fd = open_mapped(arg);

	if (fd >= 0)
		evp_elf_identity_of_fd(&id, fd);
}

int evp_files_open(struct evp_mapped_file *file, pid_t pid, const pid_t kin[EVP_KIN],
		   uint64_t start, uint64_t end)
{
	struct mapped m = { .file = file, .pid = pid, .kin = kin, .start = start, .end = end };
	int fd = open_mapped(&m);

	file->silent = false;
	if (fd >= 0 || !m.skipped)
		return fd;
	m.wait = true;
	file->silent = !evp_device_answers(file->device, touch, &m);
	return file->silent ? -1 : open_mapped(&m);
}

static void identify(struct evp_mapped_file *file, int fd)
{
	struct evp_elf_identity id = { 0 };
	int rc = evp_elf_identity_of_fd(&id, fd);
	struct stat st;

	if (!rc)
		file->id = id;
	if (!fstat(fd, &st)) {
		file->size = (uint64_t)st.st_size;
		file->owner = st.st_uid;
		file->changed_ns = changed_ns(&st);
	}
	if (rc == -ENOEXEC)
		file->kind = EVP_MAPPED_ANONYMOUS;
}

/* Whether it is still what it was: a program can be written over once nobody runs it any more. */
static void look_again(struct evp_mapped_file *file, pid_t pid, const pid_t kin[EVP_KIN],
		       uint64_t start, uint64_t end)
{
	struct stat st;
	int fd;

	if (file->kind != EVP_MAPPED_ELF || !file->changed_ns)
		return;
	fd = evp_files_open(file, pid, kin, start, end);
	if (fd >= 0 && !fstat(fd, &st) && changed_ns(&st) != file->changed_ns) {
		evp_elf_identity_release(&file->id);
		file->table = 0;
		file->stream_epoch = 0;
		identify(file, fd);
	}
	if (fd >= 0)
		close(fd);
}

void evp_files_resolve(struct evp_mapped_file *file, pid_t pid, const pid_t kin[EVP_KIN],
		       uint64_t start, uint64_t end)
{
	int fd;

	if (file->resolved && file->mapped_again)
		look_again(file, pid, kin, start, end);
	file->mapped_again = false;
	if (file->resolved)
		return;
	file->resolved = file->kind != EVP_MAPPED_ELF || ++file->tries == MAX_TRIES;
	if (file->kind == EVP_MAPPED_VDSO)
		resolve_vdso(file, start);
	if (file->kind != EVP_MAPPED_ELF)
		return;
	fd = evp_files_open(file, pid, kin, start, end);
	if (file->silent) {
		file->resolved = false; /* it may answer some day */
		file->tries--;
	}
	if (fd < 0)
		return;
	identify(file, fd);
	close(fd);
	file->resolved = true;
	file->stream_epoch = 0; /* more is known than was said */
}

size_t evp_files_refused(const struct evp_files *fs)
{
	size_t n = 0;

	for (size_t i = 0; i < fs->n; i++)
		n += fs->file[i]->refused;
	return n;
}

size_t evp_files_silent(const struct evp_files *fs)
{
	size_t n = 0;

	for (size_t i = 0; i < fs->n; i++)
		n += fs->file[i]->silent;
	return n;
}

void evp_files_unmark(struct evp_files *fs)
{
	for (size_t i = 0; i < fs->n; i++)
		fs->file[i]->marked = false;
}

void evp_files_mark(struct evp_mapped_file *file)
{
	if (file)
		file->marked = true;
}

int evp_files_sweep(struct evp_files *fs)
{
	struct evp_interner keys = { 0 };
	size_t kept = 0;
	uint32_t id;

	for (size_t i = 0; i < fs->n; i++)
		if (fs->file[i]->marked &&
		    evp_intern(&keys, fs->keys.item[i].ptr, fs->keys.item[i].len, &id)) {
			evp_interner_release(&keys);
			return -ENOMEM;
		}
	for (size_t i = 0; i < fs->n; i++) {
		if (fs->file[i]->marked)
			fs->file[kept++] = fs->file[i];
		else
			free_file(fs->file[i]);
	}
	fs->n = kept;
	evp_interner_release(&fs->keys);
	fs->keys = keys;
	return 0;
}

void evp_files_release(struct evp_files *fs)
{
	for (size_t i = 0; i < fs->n; i++)
		free_file(fs->file[i]);
	free(fs->file);
	for (size_t i = 0; i < fs->devices.nslots; i++)
		if (fs->devices.slot[i].used)
			free((void *)(uintptr_t)fs->devices.slot[i].value);
	evp_map_release(&fs->devices);
	evp_interner_release(&fs->keys);
	evp_str_release(&fs->text);
	*fs = (struct evp_files){ 0 };
}
