// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#define BUF_BYTES (64u << 10)

/* A line without its newline, NUL-terminated; may be written to. */
typedef int (*line_fn)(void *arg, char *line, size_t len);

/* Calls fn for each whole line in buf[0, *len); keeps the rest at the front. */
static int split(char *buf, size_t *len, line_fn fn, void *arg)
{
	char *at = buf, *end = buf + *len, *newline;
	int rc = 0;

	while (!rc && (newline = memchr(at, '\n', (size_t)(end - at)))) {
		*newline = '\0';
		rc = fn(arg, at, (size_t)(newline - at));
		at = newline + 1;
	}
	*len = (size_t)(end - at);
	memmove(buf, at, *len);
	if (*len == BUF_BYTES) /* no line is that long: forget it */
		*len = 0;
	return rc;
}

static int each_line(const char *path, line_fn fn, void *arg)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	char *buf = malloc(BUF_BYTES);
	size_t len = 0;
	ssize_t n;

	if (fd < 0 || !buf) {
		rc = fd < 0 ? -errno : -ENOMEM;
		goto out;
	}
	while (!rc && (n = read(fd, buf + len, BUF_BYTES - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = -errno;
			break;
		}
		len += (size_t)n;
		rc = split(buf, &len, fn, arg);
	}
out:
	if (fd >= 0)
		close(fd);
	free(buf);
	return rc;
}

/* At least one and at most sixteen digits, then a blank. Behind the blank, or NULL. */
static char *take_address(char *p, uint64_t *ret)
{
	uint64_t v = 0;
	int n, digit;

	for (n = 0; n < 16 && (digit = evp_hex_digit(p[n])) >= 0; n++)
		v = v << 4 | (unsigned int)digit;
	*ret = v;
	return n && p[n] == ' ' ? p + n + 1 : NULL;
}

struct kallsyms_sink {
	evp_kallsym_fn fn;
	void *arg;
};

static int kallsyms_line(void *arg, char *line, size_t len)
{
	const struct kallsyms_sink *sink = arg;
	struct evp_kallsym sym = { .module = "" };
	char *end = line + len, *p = take_address(line, &sym.addr), *tab;

	if (!p || end - p < 3 || p[1] != ' ')
		return 0;
	sym.type = p[0];
	sym.name = p + 2;
	tab = memchr(sym.name, '\t', (size_t)(end - sym.name));
	if (tab && tab[1] == '[' && end[-1] == ']') {
		*tab = end[-1] = '\0';
		sym.module = tab + 2;
		end = tab;
	}
	sym.name_len = (size_t)(end - sym.name);
	return sym.name_len ? sink->fn(sink->arg, &sym) : 0;
}

int evp_kallsyms_read(const char *path, evp_kallsym_fn fn, void *arg)
{
	struct kallsyms_sink sink = { fn, arg };

	return each_line(path, kallsyms_line, &sink);
}

struct kmodules_sink {
	evp_kmodule_fn fn;
	void *arg;
};

/* "ext4 1003520 1 - Live 0xffffffffc0a00000 (E)" */
static int kmodules_line(void *arg, char *line, size_t len)
{
	const struct kmodules_sink *sink = arg;
	char *save, *word = strtok_r(line, " ", &save), *address = NULL;
	struct evp_kmodule m = { .name = word };
	int field;

	for (field = 1; word && field < 6; field++) {
		word = strtok_r(NULL, " ", &save);
		if (field == 1 && word)
			m.size = strtoull(word, NULL, 10);
		address = word;
	}
	if (!address || strncmp(address, "0x", 2) != 0)
		return 0;
	m.addr = strtoull(address, NULL, 16);
	return sink->fn(sink->arg, &m);
}

int evp_kmodules_read(const char *path, evp_kmodule_fn fn, void *arg)
{
	struct kmodules_sink sink = { fn, arg };

	return each_line(path, kmodules_line, &sink);
}
