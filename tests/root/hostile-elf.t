#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs with hostile call frame information, run and sampled: each keeps its samples, with a
# reason, and nobody else is the worse for it.
. "${0%/*}/../lib.sh"
needs root bpf gcc python3
src=$TOP/tests/root/hostile
cd "$T" || exit 1
mkdir bad
most=40 # MB
! sanitized || most=160
gcc -O2 -fomit-frame-pointer -o work "$src/work.c"
python3 "$src/damage.py" work bad
chown 65534 bad/twin
n=$(find bad -type f | wc -l)
for program in bad/*; do echo "$program 0.05"; done >all.sh

# Those of the folded samples on stdin that match: how many. peak: resident, in MB.
count() { awk -v what="$1" '$0 ~ what { n += $NF } END { print n + 0 }'; }
peak() { evp-stream stat "$1" | sed -n 's/.* peak \([0-9]*\)[0-9.]* MB.*/\1/p'; }
for backend in bpf perf; do
	bg ./work 5
	good=$pid
	bg evp-record -q --backend $backend -F 199 -p "$good" -o good.evp --duration 20
	status "$backend: $n programs" 0 evp-record -q --backend $backend -F 199 -o bad.evp -- sh all.sh
	kill "$good"
	wait "$pid"
	status "$backend: a whole stream" 0 evp-stream check bad.evp
	evp-fold -q -L exe bad.evp >folded
	is "$backend: samples of each" "$(sed -n 's,^[^;]*/bad/\([^;]*\);.*,\1,p' folded | sort -u | wc -l)" "$n"
	ok "$backend: those damaged say so" test "$(grep -F /bad/ folded | grep -cF '[cut:')" -gt "$n"
	evp-symbolize -q good.evp | evp-fold -q >folded
	whole=$(count '_start;.*main;middle;innermost' <folded) all=$(count innermost <folded)
	ok "$backend: $whole of $all stacks of another process are whole" \
		test "$all" -gt 20 -a "$whole" -ge $((all * 99 / 100))
	ok "$backend: $(peak bad.evp) MB resident" test "$(peak bad.evp)" -lt $most
	# The twin has the build ID of the program, but another owner.
	printf 'bad/twin 0.5\n./work 0.5\n' >twins.sh
	evp-record -q --backend $backend -F 499 -- sh twins.sh | evp-symbolize -q | evp-fold -q -L exe >folded
	all=$(count '/work;.*innermost' <folded) whole=$(count '/work;_start;.*;main;middle;innermost' <folded)
	ok "$backend: a build ID that another file claims: $whole of $all are whole" \
		test "$all" -gt 5 -a "$whole" -ge $((all * 99 / 100))
done
done_testing
