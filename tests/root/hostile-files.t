#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Programs whose files are gone, others by now, or never had a name: their stacks are whole.
. "${0%/*}/../lib.sh"
needs root bpf gcc
src=$TOP/tests/root/hostile
cd "$T" || exit 1
gcc -O2 -fomit-frame-pointer -DNAME=first -o one "$src/work.c"
gcc -O2 -fomit-frame-pointer -DNAME=second -DPAD=50 -o two "$src/work.c"
gcc -O2 -static -DNAME=only_a -DROOM=64 -o a "$src/turns.c"
gcc -O2 -static -DNAME=only_b -DROOM=4000 -DPAD -o b "$src/turns.c"
gcc -O2 -o memory "$src/memory.c"

# A stream's samples with a matching frame, and of them those whose stack is whole.
matching() { evp-symbolize -q "$2" | evp-fold -q >folded; awk -v w="$1" '$0 ~ w { n += $NF } END { print n + 0 }' folded; }
# whole NAME STREAM: its samples in user code reach the root.
whole() {
	evp-fold -q "$2" >folded
	all=$(awk '!/cut:exec|cut:exiting/ { n += $NF } END { print n + 0 }' folded)
	cut=$(awk '!/cut:exec|cut:exiting/ && /cut:/ { n += $NF } END { print n + 0 }' folded)
	ok "$1: $((all - cut)) of $all are whole" test "$all" -gt 10 -a $((cut * 50)) -le "$all"
}
for b in bpf perf; do
	record="evp-record -q --backend $b -F 499"
	cp one prog
	bg ./prog 2
	waits 5 test "/proc/$pid/exe" -ef prog
	rm prog
	$record -p "$pid" --duration 0.5 -o d.evp
	whole "$b: a deleted program" d.evp
	cp two prog
	$record -p "$pid" --duration 0.5 -o d.evp
	whole "$b: another one in its place" d.evp
	kill "$pid"
	$record -o d.evp -- ./memory ./one 0.3
	whole "$b: a program without a name" d.evp

	# In place, same inode: the next process is another program.
	cp one same
	$record -o d.evp -- sh -c './same 0.3; cat two >same; ./same 0.3'
	whole "$b: written over between two runs" d.evp
	cp two same
	ok "$b: and the second one is known" test "$(matching second d.evp)" -gt 10
	$record -o d.evp -- sh -c './a 20 ./b'
	ok "$b: two programs at the same addresses" test "$(matching only_ d.evp)" -gt 20
	no "$b: are never mixed" grep -qE 'only_a.*only_b|only_b.*only_a|^a;.*only_b|^b;.*only_a' folded
	if unshare -m true 2>/dev/null; then
		# shellcheck disable=SC2016 # the inner shell expands
		run $record -o d.evp -- unshare -m --propagation private sh -c '
			mkdir -p m; mount -t tmpfs none m; cp one m/; m/one 0.4 &
			while kill -0 $! && ! test /proc/$!/exe -ef m/one; do :; done; umount -l m; wait'
		whole "$b: on a mount that is gone" d.evp
	fi
done
done_testing
