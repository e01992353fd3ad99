// SPDX-License-Identifier: GPL-2.0-or-later
#include "record/labels.h"

#include <stdlib.h>

void evp_labels_clear(struct evp_labels *ls)
{
	ls->n = 0;
	evp_str_clear(&ls->text);
}

void evp_labels_release(struct evp_labels *ls)
{
	free(ls->item);
	evp_str_release(&ls->text);
	*ls = (struct evp_labels){ 0 };
}

struct evp_bytes evp_labels_name(const struct evp_labels *ls, size_t i)
{
	return (struct evp_bytes){ ls->text.buf + ls->item[i].name, ls->item[i].name_len };
}

struct evp_bytes evp_labels_value(const struct evp_labels *ls, size_t i)
{
	return (struct evp_bytes){ ls->text.buf + ls->item[i].value, ls->item[i].value_len };
}

static size_t find(const struct evp_labels *ls, struct evp_bytes name)
{
	size_t i = 0;

	while (i < ls->n && !evp_bytes_equal(evp_labels_name(ls, i), name))
		i++;
	return i;
}

struct evp_bytes evp_labels_get(const struct evp_labels *ls, struct evp_bytes name)
{
	size_t i = find(ls, name);

	return i < ls->n ? evp_labels_value(ls, i) : evp_text("");
}

void evp_labels_remove(struct evp_labels *ls, size_t i)
{
	memmove(ls->item + i, ls->item + i + 1, (--ls->n - i) * sizeof(*ls->item));
}

static size_t keep(struct evp_labels *ls, struct evp_bytes bytes)
{
	size_t place = ls->text.len;

	evp_str_add(&ls->text, bytes.ptr, bytes.len);
	return place;
}

void evp_labels_set(struct evp_labels *ls, struct evp_bytes name, struct evp_bytes value)
{
	size_t i = find(ls, name);

	if (!value.len && i < ls->n)
		evp_labels_remove(ls, i);
	if (!value.len)
		return;
	if (i == ls->n) {
		if (evp_grow(&ls->item, &ls->cap, ls->n + 1, sizeof(*ls->item))) {
			ls->text.oom = true;
			return;
		}
		ls->item[i].name = keep(ls, name);
		ls->item[i].name_len = name.len;
		ls->n++;
	}
	ls->item[i].value = keep(ls, value);
	ls->item[i].value_len = value.len;
	if (ls->text.oom) /* no item may point at what is not there */
		ls->n = 0;
}
