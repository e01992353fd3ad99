#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# How soon the first sample comes, and what it does not need: locked memory, tracefs, debugfs.
. "${0%/*}/../lib.sh"
needs root bpf
cd "$T" || exit 1

from_ns() { evp-stream stat --json "$1" | sed 's/.*"from_ns":\([0-9]*\).*/\1/'; }
bg sh -c 'while :; do :; done'
for backend in bpf perf; do
	best=999
	for _ in 1 2 3 4 5; do
		start=$(date +%s%N)
		evp-record -q --backend $backend -a -F 999 --window 1ms --duration 0.1 -o s.evp
		ms=$((($(from_ns s.evp) - start) / 1000000))
		[ $ms -ge $best ] || best=$ms
	done
	echo "# $backend: $best ms from exec to the first sample, the best of five"
	ok "$backend: which is soon, on a busy machine too" test $best -le 500
done

# unshare hides the file systems that tracing tools need; without CAP_IPC_LOCK a limit of no locked
# memory holds, and what perf_event_mlock_kb grants is a user's own, so it is one without others.
caps=+bpf,+perfmon,+syslog,+sys_ptrace
chmod 777 .
for backend in bpf perf; do
	# shellcheck disable=SC2016 # the inner shell expands
	status "$backend: no locked memory, no tracefs" 0 unshare -m \
		sh -c 'for d in tracing debug; do mount -t tmpfs none /sys/kernel/$d 2>/dev/null; done; ulimit -l 0
		exec setpriv --reuid 64999 --regid 64999 --clear-groups --inh-caps '$caps' --ambient-caps '$caps' \
		evp-record --backend '$backend' -a -F 99 --duration 0.5 -o l.evp'
	unlike "$backend: nobody is told to raise a limit" "$(cat "$T/err")" 'locked memory|ulimit|mlock|tracefs|debugfs'
	ok "$backend: and samples" test "$(evp-fold -q l.evp | wc -l)" -gt 0
done

# Memory: what it has resident, and its maps as the kernel counts them.
bg evp-record -a -F 99 -i 0.5 -o m.evp
waits 10 test -s m.evp
rss=$(awk '/^VmRSS/ { print $2 }' /proc/$pid/status)
maps=$(cat /proc/$pid/fdinfo/* 2>/dev/null | awk '/^memlock/ { n += $2 } END { print int(n / 1024) }')
echo "# $((rss / 1024)) MB resident, $((maps / 1024)) MiB in maps"
ok 'its maps are bounded: 24 MiB' test "$maps" -gt 0 -a "$maps" -le 24576
# A fork's peak is its parent's, and survives the exec that follows.
run python3 -c 'import subprocess
x = bytearray(300 << 20)
subprocess.run(["evp-record", "-q", "-a", "--duration", "0.2", "-o", "own.evp"])'
peak=$(evp-stream stat own.evp | sed -n 's/.* peak \([0-9]*\)[0-9.]* MB.*/\1/p')
ok "its own peak memory, not its parent's: $peak MB" test "${peak:-999}" -lt 280
done_testing
