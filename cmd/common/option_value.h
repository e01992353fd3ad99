/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an option's argument says, put where the option's row in the table wants it. */
#ifndef EVP_CMD_COMMON_OPTION_VALUE_H
#define EVP_CMD_COMMON_OPTION_VALUE_H

#include "cmd/common/cmd.h"

/*
 * arg: NULL where the option takes none. 0; -ENOMEM; -EINVAL with what is wrong with the argument,
 * to stand behind it: "is not a number".
 */
int evp_opt_set(const struct evp_opt *o, const char *arg, struct evp_err *err);

#endif
