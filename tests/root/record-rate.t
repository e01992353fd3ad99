#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# How often samples are taken, and what each stands for.
. "${0%/*}/../lib.sh"
needs root bpf
cd "$T" || exit 1

# total NAME STREAM: the sum of one of its values.
total() { evp-fold -q --value "$1" "$2" | awk '{ n += $NF } END { printf "%d", n }'; }
bg sh -c 'while :; do :; done'
for backend in bpf perf; do
	evp-record --backend $backend -p $pid -c 2500000 --duration 1.5 -o c.evp
	is "$backend: -c is each sample's weight" "$(total cpu c.evp)" "$(($(total samples c.evp) * 2500000))"
	ok "$backend: and the distance of samples" test "$(total samples c.evp)" -gt 150 -a "$(total samples c.evp)" -le 620
	evp-record --backend $backend -p $pid -F 99 --duration 0.5 -o f.evp
	is "$backend: so is a rate's period" "$(total cpu f.evp)" "$(($(total samples f.evp) * 10101010))"
done
done_testing
