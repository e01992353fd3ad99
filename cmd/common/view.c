// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>

#include "cmd/common/cmd.h"
#include "cmd/common/input.h"
#include "cmd/common/view.h"

int evp_labels_split(struct evp_labels *l, const char *option, const char *text)
{
	static struct evp_arena arena; /* until exit */
	const char *list = text;
	size_t most = 1;

	for (const char *p = text; p && *p; p++)
		most += *p == ',';
	l->name = evp_arena_alloc(&arena, most * sizeof(*l->name));
	if (!l->name)
		return evp_error("out of memory");
	while (text && *text) {
		size_t len = strcspn(text, ",");
		bool dangling = text[len] == ',' && text[len + 1] == '\0';

		if (dangling || !evp_label_name_valid((struct evp_bytes){ text, len }))
			return evp_error("%s: '%s' is no list of labels", option, list);
		l->name[l->n] = evp_arena_dup(&arena, text, len);
		if (!l->name[l->n++])
			return evp_error("out of memory");
		text += len + (text[len] == ',');
	}
	return EVP_DONE;
}

int evp_origin_add(int fd, const char *name, void *origin)
{
	struct evp_reader *r = NULL;
	struct evp_err err = { 0 };
	int status;

	if (evp_reader_open_fd(&r, fd, name, &err) || evp_origin_read(origin, r, &err))
		status = evp_error_from(&err);
	else
		status = evp_input_verdict(r, name);
	evp_reader_free(r);
	return status;
}
