/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is in a store, as tables (base/table.h): what evp-store ls and stat print, evp-store(1).
 *
 * Each fills an empty table and sets its columns. Segments that cannot be read are left out and
 * added to the catalogue's bad ones. 0 or -errno.
 */
#ifndef EVP_STORE_REPORT_H
#define EVP_STORE_REPORT_H

#include "base/table.h"
#include "store/catalog.h"

int evp_report_segments(struct evp_catalog *c, struct evp_table *t, struct evp_err *err);
int evp_report_types(struct evp_catalog *c, struct evp_table *t, struct evp_err *err);
int evp_report_labels(struct evp_catalog *c, struct evp_table *t, struct evp_err *err);

#endif
