// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "base/table.h"
#include "view/nameless.h"

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

static int join_frame(void *arg, struct evp_profile *to, const struct evp_profile *from,
		      uint32_t frame, struct evp_frame *ret_f)
{
	const struct evp_frame *f = &from->frames[frame];
	struct evp_bytes module = module_of(from, f);
	int rc = evp_profile_move_frame(arg, to, from, frame, ret_f);

	/* Where nobody knows modules, one that a name gave away stays in the name. */
	if (!rc && module.len) {
		ret_f->nameless = 1;
		if (ret_f->module)
			rc = evp_profile_string(to, module.ptr, module.len, &ret_f->module);
		return rc ? rc : module_string(to, module, &ret_f->name);
	}
	if (f->kind != EVP_FRAME_LABEL && is_placeholder(evp_profile_text(from, f->name)))
		ret_f->nameless = 1;
	return rc;
}

int evp_profile_join_nameless(struct evp_profile **ret_p, const struct evp_profile *p,
			      struct evp_err *err)
{
	return evp_profile_regroup(ret_p, p, join_frame, NULL, err);
}
