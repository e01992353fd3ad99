// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdlib.h>
#include <string.h>

#include "base/table.h"
#include "view/nameless.h"

static int copy_string(struct evp_profile *to, const struct evp_profile *p, uint32_t id,
		       uint32_t *ret_id)
{
	const struct evp_bytes *b = evp_profile_text(p, id);

	return evp_profile_string(to, b->ptr, b->len, ret_id);
}

/* "[module]" unless it is in brackets already. */
static int module_string(struct evp_profile *to, struct evp_bytes module, uint32_t *ret_id)
{
	struct evp_str s = { 0 };
	int rc;

	if (module.ptr[0] == '[')
		return evp_profile_string(to, module.ptr, module.len, ret_id);
	evp_str_putc(&s, '[');
	evp_str_add(&s, module.ptr, module.len);
	evp_str_putc(&s, ']');
	rc = s.oom ? -ENOMEM : evp_profile_string(to, s.buf, s.len, ret_id);
	evp_str_release(&s);
	return rc;
}

/* The module of code without a symbol, from its frame or from the name that its address got. */
static struct evp_bytes module_of(const struct evp_profile *p, const struct evp_frame *f)
{
	struct evp_bytes module = *evp_profile_text(p, f->module),
			 name = *evp_profile_text(p, f->name);

	if (f->nameless && module.len)
		return module;
	name.len = f->kind == EVP_FRAME_LABEL ? 0 : evp_address_name(name.ptr, name.len);
	return name;
}

/* "[jit]", "[unknown]": what is left of a nameless frame where only text is; not "[cut:reason]". */
static bool is_placeholder(const struct evp_bytes *name)
{
	return name->len > 2 && name->ptr[0] == '[' && name->ptr[name->len - 1] == ']' &&
	       !memchr(name->ptr, ':', name->len);
}

static int copy_frame(struct evp_profile *to, const struct evp_profile *p,
		      const struct evp_frame *f, struct evp_frame *ret_f)
{
	struct evp_bytes module = module_of(p, f);
	int rc = copy_string(to, p, f->file, &ret_f->file);

	if (!rc && module.len) {
		ret_f->nameless = 1;
		rc = evp_profile_string(to, module.ptr, module.len, &ret_f->module);
		return rc ? rc : module_string(to, module, &ret_f->name);
	}
	if (f->kind != EVP_FRAME_LABEL && is_placeholder(evp_profile_text(p, f->name)))
		ret_f->nameless = 1;
	if (!rc)
		rc = copy_string(to, p, f->module, &ret_f->module);
	return rc ? rc : copy_string(to, p, f->name, &ret_f->name);
}

static int copy_nodes(struct evp_profile *to, const struct evp_profile *p, struct evp_frame *frame,
		      uint32_t *node)
{
	int rc = 0;

	for (size_t f = 0; !rc && f < p->nframes; f++) {
		frame[f] = p->frames[f];
		rc = copy_frame(to, p, &p->frames[f], &frame[f]);
	}
	for (size_t v = 0; !rc && v < p->nnodes; v++) {
		if (v)
			rc = evp_profile_child(to, node[p->parent[v]], &frame[p->frame[v]],
					       &node[v]);
		for (size_t k = 0; !rc && k < p->ntypes; k++)
			to->self[node[v] * p->ntypes + k] += p->self[v * p->ntypes + k];
	}
	return rc;
}

static void copy_facts(struct evp_profile *to, const struct evp_profile *p)
{
	to->from_ns = p->from_ns;
	to->to_ns = p->to_ns;
	to->period = p->period;
	to->other_events = p->other_events;
	to->lost_samples = p->lost_samples;
	to->cut_samples = p->cut_samples;
}

int evp_profile_join_nameless(struct evp_profile **ret_p, const struct evp_profile *p,
			      struct evp_err *err)
{
	struct evp_frame *frame = calloc(p->nframes + 1, sizeof(*frame));
	uint32_t *node = calloc(p->nnodes + 1, sizeof(*node));
	struct evp_profile *to = NULL;
	int rc = evp_profile_new(&to, &(struct evp_profile_opts){ 0 }, err);

	if (!rc && (!frame || !node))
		rc = evp_fail_oom(err);
	if (!rc && p->event) {
		rc = evp_profile_declare(to, p->event, p->types, p->ntypes, p->samples_type,
					 p->value_type);
		if (!rc)
			rc = copy_nodes(to, p, frame, node);
		if (rc)
			evp_fail_errno(err, -rc, "cannot join code without symbols");
	}
	free(frame);
	free(node);
	if (rc) {
		evp_profile_free(to);
		return rc;
	}
	copy_facts(to, p);
	*ret_p = to;
	return 0;
}
