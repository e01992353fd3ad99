#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# When samples are taken, and when they are written.
. "${0%/*}/../lib.sh"
needs root bpf python3
cd "$T" || exit 1
PATH=$BIN:/usr/bin:$PATH # not a python3 that is a script

from_ns() { evp-stream stat --json "$1" | sed 's/.*"from_ns":\([0-9]*\).*/\1/'; }

# A command that has children in its first 0.5 s, which work later.
cat >family.py <<'EOF'
import os, time
start = time.time()
pids = []
for i in range(5):
    time.sleep(0.08)
    pids.append(os.fork())
    if not pids[-1]: break
end = start + 1.5
while time.time() < end or time.process_time() < 0.2: pass
EOF
for backend in bpf perf; do
	start=$(date +%s%N)
	run evp-record --backend $backend -F 499 -D 700 --window 1ms -o d.evp -- python3 family.py
	first=$(($(from_ns d.evp) - start))
	ok "$backend: -D: the first sample after $((first / 1000000)) ms" test $first -ge 699000000
	is "$backend: children born before are sampled" "$(evp-fold -L pid d.evp | cut -d\; -f1 | sort -u | wc -l)" 6
done
bg sh -c 'while :; do :; done'
evp-record -p $pid -D 500 --duration 0.5 -o d.evp
like '--duration is of sampling' "$(evp-stream stat d.evp)" 'over 0\.[56] s'
evp-record -p $pid --duration 1 -o s.evp
like 'all of which is within the time told' "$(evp-stream stat s.evp)" \
	'over 1\.[0-3] s'
bg timeout 1.2 sh -c 'while :; do :; done'
status 'who ends during the delay' 0 timeout 10 evp-record -p $pid -D 3600000 -o e.evp
status 'leaves a whole stream' 0 evp-stream check e.evp
for bad in -1 1.5 x; do refused "-D $bad" 'whole number' evp-record -D $bad -a; done

# Without --jitter all four write at the same moment of an even second.
recorders=
for i in 1 2 3 4; do
	bg timeout -s KILL 2.6 evp-record -a -F 1 -i 2 --jitter 2s -o j$i.evp
	recorders="$recorders $pid"
done
# shellcheck disable=SC2086 # words
wait $recorders 2>/dev/null
ok '--jitter: four recorders write at different times' test \
	"$(stat -c %.2Y j?.evp | sort -u | wc -l)" -ge 3
refused 'longer than the interval' 'longer than the interval' evp-record -a -i 1 --jitter 2
done_testing
