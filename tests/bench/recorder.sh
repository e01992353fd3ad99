#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The recorder beside perf and bpftrace: bytes a sample over the same seconds, own CPU and the time
# to the first sample by turns. Wants root; takes nine minutes, with BENCH_QUICK=1 one.
. "${0%/*}/lib.sh"

declare -A figure=() peak_of=()
measured() { # CASE: fills figure and peak_of by recorder
	local name f p
	figure=() peak_of=()
	while IFS=$'\t' read -r name f p; do figure[$name]=$f peak_of[$name]=$p; done < <(tests/bench/recorders.py "$1")
}
beside() { # CASE UNIT PEER AT_LEAST
	row "$1" "${figure[evp]:--}" "$2" "${peak_of[evp]:--}" "$3" "${figure[$3]:--}" "${peak_of[$3]:--}" "$4"
}

measured bytes
beside 'stream, 99 Hz, whole machine' 'bytes a sample' perf 3x
beside 'stream, 99 Hz, whole machine' 'bytes a sample' 'perf -z' -
measured cpu
beside 'own CPU at 99 Hz' '% of a core' perf '(at most 0.1 %)'
beside 'own CPU at 99 Hz' '% of a core' bpftrace '(at most 0.1 %)'
measured start
beside 'exec to first sample, median' s perf '1x (at most 0.15 s)'
