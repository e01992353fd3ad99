/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the file systems that mapped files lie on answer.
 *
 * What is asked of a file over a network, or of FUSE, waits for a server; for ever, and beyond the
 * reach of signals, where that is gone. A recorder of the whole machine must not. So a file on such a
 * device is touched by a child first, which is not waited for long: until it comes back, and it does
 * when the server does, the device is silent and nothing on it is opened.
 */
#ifndef EVP_RECORD_DEVICE_H
#define EVP_RECORD_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define EVP_DEVICE_MS 100 /* how long a child is waited for, with the rings filling up meanwhile */

struct evp_device { /* all but its numbers zero: not looked at yet */
	uint32_t major, minor;
	bool local; /* nothing on it waits for anybody */
	pid_t child;
};

/*
 * `touch` does in the child what shall be done next; `pid` is a process that has the device mounted.
 * False: it does not answer.
 */
bool evp_device_answers(struct evp_device *d, pid_t pid, void (*touch)(void *arg), void *arg);

#endif
