#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Whole stacks of everything, walked in BPF.
backend=bpf
. "${0%/*}/stacks.sh"

# early NAME COMMAND...: what is sampled before BPF has tables comes with copies of both its stacks.
early() {
	tap_name="$1, from the first sample on"
	shift
	bg sh -c 'exec "$@" >/dev/null 2>&1' sh "$@"
	sleep 0.3
	evp-record -q -U --backend bpf -F 999 --duration 300ms -p "$pid" -o early.evp
	evp-fold -q early.evp | awk '
		{ all += $NF } /\[cut:/ { cut += $NF; print }
		END { print cut + 0 " of " all + 0 " cut"; exit all < 20 || cut > 2 && cut * 50 > all }' >early.out
	if [ $? = 0 ]; then tap_pass; else tap_fail "$(tail -n 1 early.out)" "$(head -n 5 early.out)"; fi
	kill "$pid"
}
early 'signal handler on its own stack' ./signals alternate
if [ -x goroutines ]; then early 'Go, also on its system stack' ./goroutines
else skip 'Go, from the first sample on' 'no go'; fi
done_testing
