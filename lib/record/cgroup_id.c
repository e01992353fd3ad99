// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/cgroup_id.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILEID_KERNFS 0xfe /* linux/exportfs.h: the handle is the 64-bit id */

static int find_mount(struct evp_cgroup_ids *c)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;

	while (f && !c->open && (m = getmntent(f))) {
		if (strcmp(m->mnt_type, "cgroup2") != 0 || strlen(m->mnt_dir) >= sizeof(c->mount))
			continue;
		c->fd = open(m->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		c->open = c->fd >= 0;
		snprintf(c->mount, sizeof(c->mount), "%s", m->mnt_dir);
	}
	if (f)
		endmntent(f);
	c->refused = !c->open;
	return c->open ? 0 : -ENOENT;
}

int evp_cgroup_path_of_id(struct evp_cgroup_ids *c, uint64_t id, struct evp_str *out)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(id)];
	} h = { .handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	char link[64], path[4096];
	size_t head;
	ssize_t n;
	int fd;

	if (c->refused || (!c->open && find_mount(c)))
		return -ENOENT;
	memcpy(h.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(c->fd, &h.handle, O_PATH | O_CLOEXEC);
	if (fd < 0) {
		c->refused = errno != ESTALE && errno != EMFILE && errno != ENFILE &&
			     errno != ENOMEM;
		return -errno;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	close(fd);
	head = strlen(c->mount);
	if (n < 0 || n == sizeof(path) || (size_t)n < head || memcmp(path, c->mount, head) != 0)
		return -ENOENT;
	if ((size_t)n == head)
		evp_str_putc(out, '/');
	else
		evp_str_add(out, path + head, (size_t)n - head);
	return 0;
}

void evp_cgroup_ids_release(struct evp_cgroup_ids *c)
{
	if (c->open)
		close(c->fd);
	*c = (struct evp_cgroup_ids){ 0 };
}
