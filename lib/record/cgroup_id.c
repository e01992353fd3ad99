// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "record/cgroup_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "record/mounts.h"

#define FILEID_KERNFS 0xfe /* linux/exportfs.h: the handle is the 64-bit id */

static int open_mount(void *arg, const char *dir)
{
	struct evp_cgroup_ids *c = arg;

	if (strlen(dir) >= sizeof(c->mount))
		return 0;
	c->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c->open = c->fd >= 0;
	snprintf(c->mount, sizeof(c->mount), "%s", dir);
	return c->open;
}

int evp_cgroup_ids_learn(struct evp_cgroup_ids *c, uint64_t id, const char *path, size_t len)
{
	uint64_t *place;
	uint32_t number;
	int rc;

	if (len < 2)
		return 0;
	rc = evp_intern(&c->paths, path, len, &number);
	if (rc)
		return rc;
	place = evp_map_at(&c->known, id, NULL);
	if (!place)
		return -ENOMEM;
	*place = (uint64_t)number + 1;
	return 0;
}

static void ask(struct evp_cgroup_ids *c, uint64_t id)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(id)];
	} h = { .handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	char link[64], path[4096];
	size_t head;
	ssize_t n;
	int fd;

	if (!c->open && !c->refused)
		c->refused = !evp_mounts_each("cgroup2", open_mount, c);
	if (c->refused)
		return;
	memcpy(h.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(c->fd, &h.handle, O_PATH | O_CLOEXEC);
	if (fd < 0) {
		c->refused = errno != ESTALE && errno != EMFILE && errno != ENFILE &&
			     errno != ENOMEM;
		return;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	close(fd);
	head = strlen(c->mount);
	if (n > 0 && n < (ssize_t)sizeof(path) && (size_t)n > head && !memcmp(path, c->mount, head))
		evp_cgroup_ids_learn(c, id, path + head, (size_t)n - head);
}

const struct evp_bytes *evp_cgroup_ids_path(struct evp_cgroup_ids *c, uint64_t id)
{
	const uint64_t *number = evp_map_find(&c->known, id);

	if (!number && evp_map_at(&c->known, id, NULL)) {
		ask(c, id);
		number = evp_map_find(&c->known, id);
	}
	return number && *number ? &c->paths.item[*number - 1] : NULL;
}

void evp_cgroup_ids_forget(struct evp_cgroup_ids *c)
{
	evp_interner_release(&c->paths);
	evp_map_clear(&c->known);
}

void evp_cgroup_ids_release(struct evp_cgroup_ids *c)
{
	if (c->open)
		close(c->fd);
	evp_interner_release(&c->paths);
	evp_map_release(&c->known);
	*c = (struct evp_cgroup_ids){ 0 };
}
