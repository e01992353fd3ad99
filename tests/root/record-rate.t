#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# How often samples are taken, and what each stands for.
. "${0%/*}/../lib.sh"
needs root bpf python3
cd "$T" || exit 1
PATH=$BIN:/usr/bin:$PATH # not a python3 that is a script

# total NAME STREAM: the sum of one of its values.
total() { evp-fold -q --value "$1" "$2" | awk '{ n += $NF } END { printf "%.0f", n }'; }
bg sh -c 'while :; do :; done'
for backend in bpf perf; do
	evp-record --backend $backend -p $pid -c 2500000 --duration 1.5 -o c.evp
	is "$backend: -c is each sample's weight" "$(total cpu c.evp)" "$(($(total samples c.evp) * 2500000))"
	ok "$backend: and the distance of samples" test "$(total samples c.evp)" -gt 50 -a "$(total samples c.evp)" -le 620
	evp-record --backend $backend -p $pid -F 99 --duration 0.5 -o f.evp
	is "$backend: so is a rate's period" "$(total cpu f.evp)" "$(($(total samples f.evp) * 10101010))"

	# A budget that cannot be held: the rate falls, and what is recorded still is the CPU time
	# (within what chance does to so few samples).
	run evp-record -v --backend $backend -F 999 --max-overhead 0.01 -o o.evp -- python3 -c '
import time; start = time.monotonic()
while time.monotonic() - start < 5: pass
print(int(time.process_time() * 1e9))'
	due=$(cat "$T/out") got=$(total cpu o.evp)
	said "$backend: a budget: the rate falls" 'changed [1-9] times and is [1-9][0-9.]* Hz'
	like "$backend: the stream tells how often" "$(evp-stream stat o.evp)" '^rate: +changed [1-9][0-9]* times'
	ok "$backend: fewer samples" test "$(total samples o.evp)" -lt 3500
	ok "$backend: of the same time: $got of $due ns" test "$got" -gt $((due - 500000000)) -a "$got" -lt $((due + 500000000))
done
refused 'a budget of nothing' 'is not within' evp-record --max-overhead 0 -a
done_testing
