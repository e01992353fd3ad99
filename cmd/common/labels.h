/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --by says: a list of labels. */
#ifndef EVP_CMD_COMMON_LABELS_H
#define EVP_CMD_COMMON_LABELS_H

#include <stddef.h>

/* "a,b" in parts; lives as long as the program. */
struct evp_label_list {
	const char **name;
	size_t n;
};

/* 0, or EVP_TROUBLE (said) for what is no label's name. NULL and "" give an empty list. */
int evp_labels_split(struct evp_label_list *l, const char *option, const char *text);

#endif
