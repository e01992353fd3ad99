/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a device answers that asks a server: of files over a network, or of FUSE.
 *
 * Whoever asks waits for that server; for ever, and beyond the reach of signals, where it is gone.
 * A recorder of the whole machine must not. So a child does first what shall be done, and is not
 * waited for long: until it comes back, and it does when the server does, the device is silent and
 * nothing that may lie on it is opened. What is left is a server that goes away just between the
 * child's asking and our own, or, of FUSE, before we close what we opened: that asks, too.
 */
#ifndef EVP_RECORD_DEVICE_H
#define EVP_RECORD_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define EVP_DEVICE_MS 100 /* how long a child is waited for, with the rings filling up meanwhile */

struct evp_device { /* a zeroed one was not asked yet */
	pid_t child;
};

/* `touch` does in the child what shall be done next. False: none came, or not yet to the last one. */
bool evp_device_answers(struct evp_device *d, void (*touch)(void *arg), void *arg);

#endif
