/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This process's own vdso, which the running kernel gives to all. Internal to the room. */
#ifndef EVP_SYMBOL_VDSO_H
#define EVP_SYMBOL_VDSO_H

#include "symbol/elf.h"

struct evp_elf *evp_vdso_open(void); /* NULL: none, or no memory */

#endif
