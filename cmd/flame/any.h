/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An input that is a stream or folded text: the first bytes tell. */
#ifndef EVP_CMD_FLAME_ANY_H
#define EVP_CMD_FLAME_ANY_H

#include "cmd/common/labels.h"
#include "view/origin.h"

/* An origin whose inputs may be folded text too, its first frames being these labels. */
struct evp_any {
	struct evp_origin origin;
	struct evp_label_list by;
};

/* For evp_each_input, with a struct evp_any: as evp_origin_add, of a stream or of folded text. */
int evp_any_add(int fd, const char *name, void *any);

#endif
