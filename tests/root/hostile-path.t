#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Ways to a server that does not answer which the mapped file's device does not tell of: its path, seen
# from elsewhere, leads there; an overlay, which anybody may make, lies upon it.
. "${0%/*}/../lib.sh"
needs root gcc bindfs nsenter
[ -c /dev/fuse ] || { skip 'a way to a server' 'no /dev/fuse'; done_testing; exit; }
cd "$T" || exit 1
mkdir src mnt over none
gcc -O2 -g -I"$TOP/tests/root/cases" -o src/deep "$TOP/tests/root/cases/deep.c"
cat >burn.c <<'E'
#include <time.h>
int main(void) { while (clock() < CLOCKS_PER_SEC / 50); }
E
gcc -O2 -o mnt/burn burn.c
bg unshare -m sleep 100 # where mnt/burn is a file of this disk
holder=$pid
waits 5 test "$(readlink /proc/$holder/ns/mnt)" != "$(readlink /proc/self/ns/mnt)"
bg bindfs -o nonempty -f src mnt
server=$pid
waits 5 test -x mnt/deep
# Gone before anybody looks, and its parent is of our mounts.
bg sh -c "while :; do nsenter --mount=/proc/$holder/ns/mnt '$T/mnt/burn'; done"
bg unshare -Urm sh -c 'mount -t overlay -o lowerdir=mnt:none overlay over && exec over/deep'
upon=$pid
waits 5 grep -q over/deep "/proc/$upon/maps"
kill -STOP "$server"
for b in bpf perf; do
	begin=$(date +%s)
	status "$b: the whole machine" 0 timeout -k 1 20 evp-record -q --backend $b -a -F 499 --duration 1500ms -o r.evp
	ok "$b: nothing waits ($(($(date +%s) - begin)) s)" test "$(($(date +%s) - begin))" -le 8
	evp-fold -q -L comm r.evp >folded
	ok "$b: samples of both are there" sh -c 'grep -q "^burn" folded && grep -q "^deep" folded'
done
kill -CONT "$server"
kill "$upon" "$holder"
umount -l mnt
done_testing
