/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps what recording costs below a share of one CPU, by its rate.
 *
 * At every look it knows the CPU time spent since the last one. Above the limit the rate falls so
 * far that the same cost a sample would give HEADROOM of the limit, but not below a quarter at once:
 * one look may have seen a costly moment. It rises by half when that would still leave the headroom,
 * up to the rate that was asked for. Between the two it stays, so it does not swing; and since a
 * part of the cost has nothing to do with the rate, several falls may be needed.
 */
#ifndef EVP_RECORD_OVERHEAD_H
#define EVP_RECORD_OVERHEAD_H

#include <stdbool.h>
#include <stdint.h>

#define EVP_OVERHEAD_LOOK_NS	2000000000LL /* between two looks, at least */
#define EVP_OVERHEAD_PERIOD_MAX 1000000000LL /* 1 Hz: lower it does not go */

struct evp_overhead {
	double limit;	   /* of one CPU: 0.01 is 1 %; 0: none */
	int64_t asked_ns;  /* the period that was asked for */
	int64_t period_ns; /* the one that holds */
	int64_t looked_ns; /* any clock */
	int64_t spent_ns;  /* at the last look, CPU time */
	double share;	   /* found by the last look */
	uint32_t nchanges;
};

/* Begins: what was spent until now (starting up) does not count. */
void evp_overhead_begin(struct evp_overhead *o, int64_t now_ns, int64_t spent_ns);

/* Looks, if it is time to. Whether period_ns is a new one now. */
bool evp_overhead_look(struct evp_overhead *o, int64_t now_ns, int64_t spent_ns);

#endif
