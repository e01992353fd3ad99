// SPDX-License-Identifier: GPL-2.0-or-later
#include "cmd/common/labels.h"

#include <string.h>

#include "cmd/common/cmd.h"
#include "stream/stream.h"

int evp_labels_split(struct evp_label_list *l, const char *option, const char *text)
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
