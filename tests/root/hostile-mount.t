#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A mount whose server does not answer any more: whoever opens a file there waits for ever. Programs
# run on from what they have in memory, and a recorder of the whole machine must, too.
. "${0%/*}/../lib.sh"
needs root gcc bindfs
[ -c /dev/fuse ] || { skip 'a mount that does not answer' 'no /dev/fuse'; done_testing; exit; }
cd "$T" || exit 1
mkdir src mnt
gcc -O2 -g -fomit-frame-pointer -I"$TOP/tests/root/cases" -o src/deep "$TOP/tests/root/cases/deep.c"
cp src/deep alive
bg bindfs -f src mnt
server=$pid
waits 5 test -x mnt/deep
bg mnt/deep
there=$pid
bg ./alive
here=$pid
sleep 0.2

# share PATTERN FILE: of its samples how many in a thousand match
share() { awk -v w="$1" '{ all += $NF } $0 ~ w { n += $NF } END { print all ? int(1000 * n / all) : 0 }' "$2"; }

for b in bpf perf; do
	record="evp-record -q --backend $b -F 199 --duration 1500ms -o r.evp"
	$record -p "$there"
	evp-fold -q r.evp >there.folded
	ok "$b: whole stacks where the server answers" test "$(share 'cut:' there.folded)" -le 50 -a -s there.folded
	kill -STOP "$server"
	begin=$(date +%s)
	status "$b: the whole machine, and a server that does not" 0 timeout 30 $record -a
	ok "$b: nothing waits for it ($(($(date +%s) - begin)) s)" test "$(($(date +%s) - begin))" -le 8
	evp-fold -q -L pid r.evp | grep "^$here;" >alive.folded
	evp-fold -q -L pid r.evp | grep "^$there;" >there.folded
	ok "$b: others are whole" test "$(share 'cut:' alive.folded)" -le 50 -a -s alive.folded
	ok "$b: its own samples are there" test -s there.folded
	timeout 30 evp-record --backend $b -F 199 --duration 500ms -p "$there" -o r.evp 2>err
	ok "$b: and it is said" grep -q 'does not answer' err
	kill -CONT "$server"
done
kill "$there" "$here"
umount -l mnt
done_testing
