// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/proc_scan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"

#define MAX_MAPS_BYTES	(64u << 20)
#define MAX_SMALL_BYTES (256u << 10)
#define PF_KTHREAD	0x00200000 /* linux/sched.h; shown as field 9 of stat */
#define DELETED		" (deleted)"

static int read_in(const char *dir, const char *name, size_t limit, struct evp_str *out)
{
	char path[4096];
	int rc;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path))
		return -ENAMETOOLONG;
	rc = evp_read_file(path, limit, out, NULL);
	if (!rc && out->oom)
		rc = -ENOMEM;
	if (!rc && !out->buf)
		rc = -ENODATA;
	return rc;
}

int evp_proc_parse_stat(const char *text, struct evp_proc_stat *ret)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	unsigned int flags, threads;
	unsigned long long start;
	char state;
	int ppid;
	size_t len;

	if (!open || !close || close < open)
		return -EBADMSG;
	/* Fields 3 state, 4 ppid, 5-8, 9 flags, 10-19, 20 threads, 21, 22 starttime. */
	if (sscanf(close + 1,
		   " %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u %*d "
		   "%llu",
		   &state, &ppid, &flags, &threads, &start) != 5)
		return -EBADMSG;
	len = (size_t)(close - open - 1);
	if (len >= sizeof(ret->comm))
		len = sizeof(ret->comm) - 1;
	memcpy(ret->comm, open + 1, len);
	ret->comm[len] = 0;
	ret->ppid = ppid;
	ret->threads = threads;
	ret->state = state;
	ret->kernel_thread = flags & PF_KTHREAD;
	ret->start_ns = (int64_t)start * (EVP_NSEC / sysconf(_SC_CLK_TCK));
	return 0;
}

int evp_proc_read_stat(const char *dir, struct evp_proc_stat *ret)
{
	struct evp_str text = { 0 };
	int rc = read_in(dir, "stat", MAX_SMALL_BYTES, &text);

	if (!rc)
		rc = evp_proc_parse_stat(text.buf, ret);
	evp_str_release(&text);
	return rc;
}

pid_t evp_proc_read_ns_pid(const char *dir)
{
	struct evp_str text = { 0 };
	const char *line, *last;
	pid_t pid = 0;

	if (!read_in(dir, "status", MAX_SMALL_BYTES, &text)) {
		line = strstr(text.buf, "\nNSpid:");
		if (line) {
			size_t len = strcspn(line + 1, "\n") + 1;

			for (last = line + len; last > line && last[-1] != '\t';)
				last--;
			pid = (pid_t)strtol(last, NULL, 10);
		}
	}
	evp_str_release(&text);
	return pid;
}

int evp_proc_read_exe(const char *dir, struct evp_str *out)
{
	size_t tail = sizeof(DELETED) - 1;
	char path[4096], target[4096];
	ssize_t n;

	if ((size_t)snprintf(path, sizeof(path), "%s/exe", dir) >= sizeof(path))
		return -ENAMETOOLONG;
	n = readlink(path, target, sizeof(target));
	if (n < 0)
		return -errno;
	if ((size_t)n > tail && !memcmp(target + n - tail, DELETED, tail))
		n -= (ssize_t)tail;
	evp_str_add(out, target, (size_t)n);
	return 0;
}

void evp_proc_parse_cgroup(const char *text, struct evp_str *out)
{
	const char *v2 = NULL, *v1 = "/";
	size_t v2_len = 0, v1_len = 1, tail = sizeof(DELETED) - 1;

	/* Lines "hierarchy:controllers:path"; hierarchy 0 is v2. */
	while (*text) {
		size_t len = strcspn(text, "\n");
		const char *colon = memchr(text, ':', len);
		const char *path = colon ? memchr(colon + 1, ':', len - (size_t)(colon + 1 - text))
					 : NULL;

		if (path) {
			size_t n = len - (size_t)(++path - text);

			if (n > tail && !memcmp(path + n - tail, DELETED, tail))
				n -= tail; /* the cgroup was removed, its last processes go */
			if (!strncmp(text, "0::", 3)) {
				v2 = path;
				v2_len = n;
			} else if (n > v1_len) {
				v1 = path;
				v1_len = n;
			}
		}
		text += len + (text[len] == '\n');
	}
	if (v2 && v2_len > 1)
		evp_str_add(out, v2, v2_len);
	else
		evp_str_add(out, v1, v1_len);
}

int evp_proc_read_cgroup(const char *dir, struct evp_str *out)
{
	struct evp_str text = { 0 };
	int rc = read_in(dir, "cgroup", MAX_SMALL_BYTES, &text);

	if (!rc)
		evp_proc_parse_cgroup(text.buf, out);
	evp_str_release(&text);
	return rc;
}

static bool parse_hex(char **p, char end, uint64_t *ret)
{
	char *from = *p;

	errno = 0;
	*ret = strtoull(from, p, 16);
	if (*p == from || errno || **p != end)
		return false;
	(*p)++;
	return true;
}

/* "start-end perms pgoff major:minor inode   name" */
int evp_proc_parse_map(char *line, struct evp_proc_map *ret)
{
	uint64_t major, minor;
	char *p = line, *end;
	bool exec;

	if (!parse_hex(&p, '-', &ret->start) || !parse_hex(&p, ' ', &ret->end) ||
	    ret->end <= ret->start || strlen(p) < 5)
		return -EBADMSG;
	exec = p[2] == 'x';
	p += 5;
	if (!parse_hex(&p, ' ', &ret->pgoff) || !parse_hex(&p, ':', &major) ||
	    !parse_hex(&p, ' ', &minor))
		return -EBADMSG;
	ret->dev_major = (uint32_t)major;
	ret->dev_minor = (uint32_t)minor;
	errno = 0;
	ret->inode = strtoull(p, &end, 10);
	if (end == p || errno)
		return -EBADMSG;
	while (*end == ' ')
		end++;
	end[strcspn(end, "\n")] = 0;
	ret->name = end;
	return exec;
}

int evp_proc_read_maps(const char *dir, int (*fn)(void *arg, const struct evp_proc_map *map),
		       void *arg)
{
	struct evp_str text = { 0 };
	struct evp_proc_map map;
	char *line, *next;
	int rc = read_in(dir, "maps", MAX_MAPS_BYTES, &text);

	if (rc == -ENODATA) /* a kernel thread, or a process on its way out */
		rc = 0;
	for (line = text.buf; line && *line && !rc; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (evp_proc_parse_map(line, &map) == 1)
			rc = fn(arg, &map);
	}
	evp_str_release(&text);
	return rc;
}
