#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The recorder beside perf, bpftrace and a floor of its own, in one run on one machine; a
# peer's figure from elsewhere is marked "noted". Wants root and a machine that does nothing else;
# takes about a quarter of an hour, with EVP_BENCH_SHORT=1 a third of that. One part by hand, from the source tree:
#
#	scripts/bench recorder stacks [qsort static thread signal vdso recursion100 recursion300
#	                       recursion500 exceptions rust go python node java]
#	                                 samples whose stack reaches its root
#	scripts/bench recorder bpf       BPF time a sample; slowdown, derived from it
#	scripts/bench recorder own       own CPU, memory, BPF maps at 99 Hz
#	scripts/bench recorder first     exec to the first sample
#	scripts/bench recorder new       a new process to its first whole stack
#	scripts/bench recorder due       samples delivered of those due
#	scripts/bench recorder short     600 processes of 20 ms
#	scripts/bench recorder slowdown  20 pairs with and without, at 99 and 999 Hz
#	scripts/bench recorder size      bytes a sample
#
# The rows of unwind tables are a bench of their own: scripts/bench unwind.
# What it runs is said on stderr. Programs and recordings stay in build/bench/recorder.
. "${0%/*}/lib.sh"

scripts/peers runtimes >&2
exec /usr/bin/python3 tests/bench/recorder "$@"
