// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include "stream/stream.h"

#include <string.h>

const char *evp_location_kind_name(enum evp_location_kind kind)
{
	static const char *const name[] = { "none", "native", "kernel",	     "module", "vdso",
					    "bpf",  "jit",    "interpreter", "cut",    "unknown" };

	return kind < EVP_LOC_KINDS ? name[kind] : "?";
}

const char *evp_name_source_name(enum evp_name_source source)
{
	static const char *const name[] = { "none", "dynsym",	"symtab", "pclntab",
					    "jit",  "kallsyms", "text",	  "dwarf" };

	return source < EVP_SRC_KINDS ? name[source] : "?";
}

bool evp_label_name_valid(struct evp_bytes name)
{
	size_t i;

	for (i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!(c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (i && c >= '0' && c <= '9')))
			return false;
	}
	return name.len > 0;
}

static void add_string(const struct evp_tables *t, uint32_t id, struct evp_str *out)
{
	evp_str_add(out, evp_string(t, id)->ptr, evp_string(t, id)->len);
}

static bool process_label(const struct evp_tables *t, const struct evp_process *p, const char *key,
			  size_t len, struct evp_str *out)
{
	const struct {
		const char *key;
		uint32_t text;
	} field[] = {
		{ "comm", p->comm }, { "node", p->node }, { "exe", p->exe }, { "cgroup", p->cgroup }
	};
	size_t i;

	if (len == 3 && !memcmp(key, "pid", 3)) {
		if (p->pid)
			evp_str_i64(out, p->pid);
		return p->pid != 0;
	}
	for (i = 0; i < EVP_ARRAY_SIZE(field); i++)
		if (strlen(field[i].key) == len && !memcmp(field[i].key, key, len)) {
			add_string(t, field[i].text, out);
			return field[i].text != 0;
		}
	return false;
}

bool evp_label_value(const struct evp_tables *t, uint32_t process, uint32_t labels, const char *key,
		     size_t key_len, struct evp_str *out)
{
	const struct evp_label_set *set = &t->label_sets[labels];
	uint32_t i;

	for (i = 0; i < set->n; i++) {
		const struct evp_label *l = &set->labels[i];
		const struct evp_bytes *k = evp_string(t, l->key);

		if (k->len != key_len || memcmp(k->ptr, key, key_len))
			continue;
		if (l->is_number)
			evp_str_i64(out, l->number);
		else
			add_string(t, l->text, out);
		return true;
	}
	return process && process_label(t, &t->processes[process], key, key_len, out);
}

static void add_base_name(const struct evp_bytes *path, struct evp_str *out)
{
	const char *slash = path->len ? memrchr(path->ptr, '/', path->len) : NULL;
	const char *base = slash && slash + 1 < path->ptr + path->len ? slash + 1 : path->ptr;

	evp_str_add(out, base, (size_t)(path->ptr + path->len - base));
}

void evp_location_module(const struct evp_tables *t, uint32_t location, struct evp_str *out)
{
	const struct evp_location *l = &t->locations[location];

	switch ((enum evp_location_kind)l->kind) {
	case EVP_LOC_KERNEL:
		evp_str_puts(out, "[kernel]");
		break;
	case EVP_LOC_VDSO:
		evp_str_puts(out, "[vdso]");
		break;
	case EVP_LOC_BPF:
		evp_str_puts(out, "[bpf]");
		break;
	case EVP_LOC_JIT:
		evp_str_puts(out, "[jit]");
		break;
	case EVP_LOC_INTERPRETER:
		evp_str_puts(out, "[");
		add_string(t, l->text, out);
		evp_str_puts(out, "]");
		break;
	default:
		if (l->file)
			add_base_name(evp_string(t, t->files[l->file].path), out);
	}
}

void evp_location_text(const struct evp_tables *t, uint32_t location, struct evp_str *out)
{
	const struct evp_location *l = &t->locations[location];
	size_t before = out->len;

	if (l->kind == EVP_LOC_CUT) {
		evp_str_puts(out, "[cut:");
		add_string(t, l->text, out);
		evp_str_puts(out, "]");
		return;
	}
	/* Addresses of JIT code and of nowhere differ by run: shown, they would only split stacks.
	 */
	if (l->kind == EVP_LOC_JIT) {
		evp_str_puts(out, "[jit]");
		return;
	}
	if (l->kind != EVP_LOC_UNKNOWN)
		evp_location_module(t, location, out);
	if (out->len == before)
		evp_str_puts(out, "[unknown]");
	else if (l->kind != EVP_LOC_INTERPRETER)
		evp_str_printf(out, "+0x%llx", (unsigned long long)l->offset);
}
