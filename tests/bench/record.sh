#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The recorder beside perf and bpftrace, all of them over the same seconds: bytes a sample, their own
# CPU, and the time from exec to the first sample. The load is a pinned busy loop a core and a build
# in a loop. EVP_BENCH_SECONDS (60) is how long they run; wants root.
. "${0%/*}/lib.sh"
seconds=${EVP_BENCH_SECONDS:-60}
pids=

started() { pids="$pids $!"; }
# shellcheck disable=SC2086 # a list of pids
stop() { [ -z "$pids" ] || kill $pids 2>/dev/null || :; pids=; wait; }
trap stop EXIT

for cpu in $(seq 0 $(($(nproc) - 1))); do
	taskset -c "$cpu" sh -c 'while :; do :; done' & started
done
(while :; do cc -O2 -g -Ilib -D_FILE_OFFSET_BITS=64 -c lib/stream/reader.c -o /dev/null; done) & started

# Nanoseconds of CPU that a process's threads used so far.
used_ns() { cat /proc/"$1"/task/*/schedstat 2>/dev/null | awk '{ n += $1 } END { printf "%.0f", n }'; }
percent() { awk -v a="$1" -v b="$2" -v s="$3" 'BEGIN { if (b > a) printf "%.3f", (b - a) / s / 1e7; else print "-" }'; }

declare -A pid=() before=() cpu=()
recorder() { # NAME COMMAND...
	local name=$1
	shift
	"$@" >"$W/$name.log" 2>&1 & started
	pid[$name]=$!
}

recorder evp evp-record -a -F 99 --duration "$seconds" -o "$W/rec.evp"
recorder perf perf record -q -F 99 -a -g -o "$W/perf.data" sleep "$seconds"
recorder perfz perf record -q -F 99 -a -g -z -o "$W/perfz.data" sleep "$seconds"
! command -v bpftrace >/dev/null ||
	recorder bpftrace bpftrace -e 'profile:hz:99 { @[kstack, ustack, comm] = count(); }'

sleep $((seconds / 4)) # start-up is over by then
middle=$((seconds / 2))
for name in "${!pid[@]}"; do before[$name]=$(used_ns "${pid[$name]}"); done
sleep $middle
for name in "${!pid[@]}"; do cpu[$name]=$(percent "${before[$name]}" "$(used_ns "${pid[$name]}")" $middle); done
[ -z "${pid[bpftrace]-}" ] || kill -INT "${pid[bpftrace]}" || :
for name in "${!pid[@]}"; do wait "${pid[$name]}" || :; done

bytes_per() { awk -v b="$(stat -c %s "$1")" -v n="$2" 'BEGIN { if (n > 0) printf "%.1f", b / n; else print "-" }'; }
perf_samples() { perf report --stats -i "$1" 2>/dev/null | awk '$1 == "SAMPLE" { n += $3 } END { print n + 0 }'; }
ours=$(bytes_per "$W/rec.evp" "$(evp-fold -L '' "$W/rec.evp" | awk '{ n += $NF } END { print n }')")
for kind in perf perfz; do
	row "recorded, $seconds s, 99 Hz" "$ours" 'bytes a sample' - "$kind" \
		"$(bytes_per "$W/$kind.data" "$(perf_samples "$W/$kind.data")")" - "$([ $kind = perfz ] || echo 3x)"
done
for kind in perf bpftrace; do
	row "own CPU at 99 Hz over $middle s" "${cpu[evp]}" '% of a core' - "$kind" "${cpu[$kind]:--}" - '(at most 0.1 %)'
done
tests/bench/startup 10 "$W" | while IFS=$'\t' read -r evp perf; do
	row 'exec to first sample, median of 10' "$evp" s - 'perf record -a' "$perf" - '1x (at most 0.15 s)'
done
