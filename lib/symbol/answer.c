// SPDX-License-Identifier: GPL-2.0-or-later
/* A list of addresses answered as addr2line -f -i does. */
#include <stdlib.h>
#include <string.h>

#include "symbol/symbol.h"

/* One number and blanks around it. */
static bool parse_address(const char *s, uint64_t *ret_addr)
{
	char *end;

	s += strspn(s, " \t");
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		s += 2;
	if (!*s || strspn(s, "0123456789abcdefABCDEF") != strcspn(s, " \t\r\n"))
		return false;
	errno = 0;
	*ret_addr = strtoull(s, &end, 16);
	return !errno && end != s && !end[strspn(end, " \t\r\n")];
}

static void add_frame(struct evp_str *out, const struct evp_symbol_frame *f, enum evp_demangle how)
{
	if (f->name)
		evp_demangle(out, f->name, how);
	else
		evp_str_puts(out, "??");
	evp_str_putc(out, '\n');
	evp_str_puts(out, f->filename ? f->filename : "??");
	evp_str_putc(out, ':');
	evp_str_i64(out, f->line);
	evp_str_putc(out, '\n');
}

int evp_object_answer_list(struct evp_object *o, const struct evp_symbol_opts *opts, FILE *in,
			   struct evp_out *out, struct evp_err *err)
{
	static const struct evp_symbol_frame unknown = { 0 };
	struct evp_str text = { 0 };
	size_t cap = 0;
	char *line = NULL;
	int rc = 0;

	while (!rc && getline(&line, &cap, in) >= 0) {
		struct evp_symbol_answer a = { 0 };
		struct evp_elf_vaddr addr;

		if (parse_address(line, &addr.at) && evp_object_lookup(o, addr, &a)) {
			rc = evp_fail_oom(err);
			break;
		}
		evp_str_clear(&text);
		for (size_t i = 0; i < a.nframes; i++)
			add_frame(&text, &a.frames[i], opts->demangle);
		if (!a.nframes)
			add_frame(&text, &unknown, opts->demangle);
		if (text.oom)
			rc = evp_fail_oom(err);
		else if (evp_out_write(out, text.buf, text.len))
			rc = evp_fail_errno(err, -out->error, "cannot write");
	}
	if (!rc && ferror(in))
		rc = evp_fail_errno(err, EIO, "cannot read the list of addresses");
	free(line);
	evp_str_release(&text);
	return rc;
}
