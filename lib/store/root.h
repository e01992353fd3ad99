/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store's directory and the file in it that says so, evp-store(5), "LAYOUT"; and how a file
 * becomes part of it: whole, durable, and never in place of another.
 */
#ifndef EVP_STORE_ROOT_H
#define EVP_STORE_ROOT_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define EVP_STORE_FILE	 "_evp_store.json"
#define EVP_STORE_FORMAT 1

/*
 * Opens an existing store. ENOENT, ENOTDIR, EACCES ...; EINVAL: a directory without store file;
 * EBADMSG: a damaged one; EPROTONOSUPPORT: made by a later major version, and *ret_fd is open.
 */
int evp_store_root_open(const char *dir, int *ret_fd, struct evp_err *err);
/* The same; a missing or empty directory becomes a store. A later version is refused. */
int evp_store_root_create(const char *dir, int *ret_fd, struct evp_err *err);

/* EVP_STORE, else the XDG data directory, for root /var/lib/evprofiler. The caller's; NULL: no memory. */
char *evp_store_default_dir(void);

/*
 * A file on its way into `path` (below dirfd). Write to fd; commit syncs it and gives it its name,
 * or finds that the name is taken: -EEXIST, without a message. Whatever happens in between, nobody
 * ever sees a part of it. Directories in between are made, and synced.
 */
struct evp_publish {
	int dirfd, fd;
	char tmp[340];	  /* "": O_TMPFILE, it has no name */
	const char *path; /* borrowed */
};

int evp_publish_begin(struct evp_publish *p, int dirfd, const char *path, struct evp_err *err);
int evp_publish_commit(struct evp_publish *p, struct evp_err *err); /* p is done with, either way */
void evp_publish_drop(struct evp_publish *p);

#endif
