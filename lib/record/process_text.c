// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/process_text.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"

#define MAX_ENVIRON (256u << 10)
#define MAX_CMDLINE 4096

/* The first `limit` bytes of /proc/PID/NAME. */
static void read_start(pid_t pid, const char *name, size_t limit, struct evp_str *out)
{
	char path[64], *to = evp_str_reserve(out, limit);
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = to ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	n = evp_read_full(fd, to, limit);
	if (n > 0)
		out->len += (size_t)n;
	close(fd);
}

static void take_variable(const char *line, struct evp_bytes name, struct evp_labels *ret)
{
	struct evp_str meta = { 0 };
	struct evp_bytes label;

	if (strncmp(line, name.ptr, name.len) != 0 || line[name.len] != '=')
		return;
	evp_str_puts(&meta, EVP_ENV_META);
	evp_str_add(&meta, name.ptr, name.len);
	label = (struct evp_bytes){ meta.buf, meta.len };
	if (!meta.oom && !evp_labels_get(ret, label).len)
		evp_labels_set(ret, label, evp_text(line + name.len + 1));
	evp_str_release(&meta);
}

void evp_process_parse_env(struct evp_bytes environ, const struct evp_bytes *name, size_t n,
			   struct evp_labels *ret)
{
	const char *at = environ.ptr, *stop = at + environ.len, *end;

	/* What has no end was cut off, or is no variable. */
	for (; at < stop && (end = memchr(at, 0, (size_t)(stop - at))); at = end + 1)
		for (size_t i = 0; i < n; i++)
			take_variable(at, name[i], ret);
}

void evp_process_read_env(pid_t pid, const struct evp_bytes *name, size_t n, struct evp_labels *ret)
{
	struct evp_str text = { 0 };

	read_start(pid, "environ", MAX_ENVIRON, &text);
	if (text.len)
		evp_process_parse_env((struct evp_bytes){ text.buf, text.len }, name, n, ret);
	evp_str_release(&text);
}

void evp_process_read_cmdline(pid_t pid, struct evp_labels *ret)
{
	struct evp_str text = { 0 };

	read_start(pid, "cmdline", MAX_CMDLINE, &text);
	while (text.len && !text.buf[text.len - 1])
		text.len--;
	for (size_t i = 0; i < text.len; i++)
		if (!text.buf[i])
			text.buf[i] = ' ';
	if (text.len)
		evp_labels_set(ret, evp_text(EVP_CMDLINE_META),
			       (struct evp_bytes){ text.buf, text.len });
	evp_str_release(&text);
}
