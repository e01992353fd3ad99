// SPDX-License-Identifier: GPL-2.0-or-later
#include "format/script.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Texts are made once a location and epoch; stacks only string them together. */
struct evp_script {
	struct evp_out *out;
	struct evp_arena arena;
	struct evp_bytes *text; /* by location; ptr NULL: not made */
	size_t ntext, cap;
	struct evp_str line;
};

int evp_script_new(struct evp_script **ret_s, struct evp_out *out, struct evp_err *err)
{
	struct evp_script *s = calloc(1, sizeof(*s));

	if (!s)
		return evp_fail_oom(err);
	s->out = out;
	*ret_s = s;
	return 0;
}

void evp_script_free(struct evp_script *s)
{
	if (!s)
		return;
	evp_arena_release(&s->arena);
	evp_str_release(&s->line);
	free(s->text);
	free(s);
}

static void forget(struct evp_script *s)
{
	evp_arena_release(&s->arena);
	if (s->ntext)
		memset(s->text, 0, s->ntext * sizeof(*s->text));
}

/* The escape keeps a name on its line; ';' needs none here. */
static void add_name(struct evp_str *out, const char *bytes, size_t len)
{
	const char *semi;

	while ((semi = len ? memchr(bytes, ';', len) : NULL)) {
		evp_escape(out, bytes, (size_t)(semi - bytes));
		evp_str_putc(out, ';');
		len -= (size_t)(semi + 1 - bytes);
		bytes = semi + 1;
	}
	evp_escape(out, bytes, len);
}

static void add_string(struct evp_str *out, const struct evp_tables *t, uint32_t id)
{
	add_name(out, evp_string(t, id)->ptr, evp_string(t, id)->len);
}

static void add_module(struct evp_str *out, const struct evp_tables *t, uint32_t location)
{
	const struct evp_location *l = &t->locations[location];
	size_t before = out->len;

	evp_str_puts(out, " (");
	if (l->kind == EVP_LOC_KERNEL)
		evp_str_puts(out, "[kernel.kallsyms]");
	else if (l->kind == EVP_LOC_NATIVE)
		add_string(out, t, t->files[l->file].path);
	else
		evp_location_module(t, location, out);
	if (out->len == before + 2)
		evp_str_puts(out, "[unknown]");
	evp_str_puts(out, ")\n");
}

static void render(struct evp_str *out, const struct evp_tables *t, uint32_t location)
{
	const struct evp_location *l = &t->locations[location];
	unsigned long long at = l->offset;
	uint32_t i;

	if (!l->nlines) {
		evp_str_printf(out, "\t%16llx ", at);
		if (l->kind == EVP_LOC_CUT)
			evp_location_text(t, location, out);
		else
			evp_str_puts(out, "[unknown]");
		add_module(out, t, location);
		return;
	}
	for (i = 0; i < l->nlines; i++) {
		const struct evp_function *f = &t->functions[l->lines[i].function];

		evp_str_printf(out, "\t%16llx ", at);
		add_string(out, t, f->name ? f->name : f->system_name);
		if (i + 1 < l->nlines)
			evp_str_puts(out, " (inlined)\n");
		else
			add_module(out, t, location);
	}
}

static const struct evp_bytes *text_of(struct evp_script *s, const struct evp_tables *t,
				       uint32_t location)
{
	size_t before = s->ntext;

	if (location >= s->ntext) {
		if (evp_grow(&s->text, &s->cap, (size_t)location + 1, sizeof(*s->text)))
			return NULL;
		s->ntext = s->cap;
		memset(s->text + before, 0, (s->ntext - before) * sizeof(*s->text));
	}
	if (!s->text[location].ptr) {
		evp_str_clear(&s->line);
		render(&s->line, t, location);
		s->text[location].len = s->line.len;
		s->text[location].ptr = s->line.oom ? NULL
						    : evp_arena_dup(&s->arena, s->line.buf,
								    s->line.len);
		if (!s->text[location].ptr)
			return NULL;
	}
	return &s->text[location];
}

static void header(struct evp_str *out, const struct evp_tables *t, const struct evp_sample *s,
		   int64_t period)
{
	size_t before = out->len;
	int64_t ns = s->window_ns < 0 ? 0 : s->window_ns;

	evp_label_value(t, s->process, s->labels, "comm", 4, out);
	if (out->len == before)
		evp_str_putc(out, ':');
	evp_str_putc(out, ' ');
	before = out->len;
	evp_label_value(t, s->process, s->labels, "pid", 3, out);
	if (out->len == before)
		evp_str_putc(out, '0');
	evp_str_printf(out, " %lld.%06lld: %10lld ", (long long)(ns / EVP_NSEC),
		       (long long)(ns % EVP_NSEC / 1000), (long long)period);
	add_string(out, t, t->events[s->event].name);
	evp_str_puts(out, ":\n");
}

static int print_sample(struct evp_script *s, const struct evp_tables *t,
			const struct evp_sample *sample)
{
	const struct evp_event *e = &t->events[sample->event];
	int64_t n = e->samples_type ? sample->values[e->samples_type - 1] : 1;
	int64_t value = e->value_type ? sample->values[e->value_type - 1] : 0;
	struct evp_str head = { 0 };
	uint32_t at;
	int rc = 0;

	header(&head, t, sample, n > 0 ? value / n : value);
	if (head.oom)
		rc = -ENOMEM;
	for (; !rc && n > 0 && !s->out->error; n--) {
		evp_out_write(s->out, head.buf, head.len);
		for (at = sample->stack; at; at = t->stacks[at].parent) {
			const struct evp_bytes *b = text_of(s, t, t->stacks[at].location);

			if (!b) {
				rc = -ENOMEM;
				break;
			}
			evp_out_write(s->out, b->ptr, b->len);
		}
		evp_out_write(s->out, "\n", 1);
	}
	evp_str_release(&head);
	return rc ? rc : s->out->error;
}

int evp_script_record(struct evp_script *s, const struct evp_tables *t,
		      const struct evp_record *rec)
{
	if (rec->type == EVP_REC_EPOCH)
		forget(s);
	return rec->type == EVP_REC_SAMPLE ? print_sample(s, t, &rec->sample) : 0;
}
