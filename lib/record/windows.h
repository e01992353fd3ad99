/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Samples added up: one record a (window, process, labels, stack) instead of one a tick. Process
 * and label set are named together by a number of their own, here called who.
 *
 * Samples come in order of time, so one window is open at a time; it is written when the first
 * sample of a later one comes or evp_windows_advance says that none earlier can. Windows start at
 * UTC multiples of their length. A clock that steps back does not take windows back with it.
 */
#ifndef EVP_RECORD_WINDOWS_H
#define EVP_RECORD_WINDOWS_H

#include "stream/writer.h"

struct evp_windows { /* a zeroed struct with w, event and len_ns set is empty */
	struct evp_writer *w;
	uint32_t event;
	int64_t len_ns;
	int64_t start_ns;     /* of the open window, unix; 0 before the first */
	struct evp_map index; /* who << 32 | stack -> entry number + 1 */
	struct evp_window_entry {
		uint32_t who, stack;
		int64_t samples, value;
	} * entry;
	size_t n, cap;
	struct evp_map who_index; /* process << 32 | labels -> who + 1 */
	struct evp_window_who {
		uint32_t process, labels;
	} * who;
	size_t nwho, cwho;
	int64_t samples; /* of all windows */
};

/* The number of this process and label set, good until evp_windows_epoch. 0 or -ENOMEM. */
int evp_windows_who(struct evp_windows *ws, uint32_t process, uint32_t labels, uint32_t *ret_who);
int evp_windows_add(struct evp_windows *ws, int64_t unix_ns, uint32_t who, uint32_t stack,
		    int64_t value);
int evp_windows_loss(struct evp_windows *ws, int64_t unix_ns, const char *reason, uint64_t samples);
/* One that a rule dropped. */
int evp_windows_dropped(struct evp_windows *ws, int64_t unix_ns);
/* No sample older than this will come: writes what is complete. *ret_open: the open window's start. */
int evp_windows_advance(struct evp_windows *ws, int64_t unix_ns, int64_t *ret_open);
/* Writes the open window as far as it is; more of it may follow. */
int evp_windows_write(struct evp_windows *ws);
/* The writer begins a new epoch: writes the open window and forgets every id. */
int evp_windows_epoch(struct evp_windows *ws);
void evp_windows_release(struct evp_windows *ws);

#endif
