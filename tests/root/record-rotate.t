#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# --rotate: several files, each a whole stream, and no sample in two of them or in none.
. "${0%/*}/../lib.sh"
needs root bpf
cd "$T" || exit 1

count() { evp-fold -q "$@" | awk '{ n += $NF } END { print n + 0 }'; }
recorded() { sed -n 's/.*evp-record: \([0-9]*\) samples in .*/\1/p' "$T/err"; }
bg sh -c 'while :; do :; done'
spinner=$pid

status 'by time' 0 evp-record -v -p $spinner -F 499 --duration 3.5 -i 0.5 --rotate 1s -o 'at-%s.evp'
files=$(ls at-*)
ok "a file a second: $(echo "$files" | wc -l)" test "$(echo "$files" | wc -l)" -ge 4
is 'each whole' "$(for f in $files; do evp-stream check "$f"; done | grep -c ': whole$')" "$(echo "$files" | wc -l)"
is 'none with samples from before its time' "$(for f in $files; do
	name=${f#at-} from=$(evp-stream stat --json "$f" | sed 's/.*"from_ns":\([0-9]*\).\{9\},.*/\1/')
	[ "$from" -ge "${name%.evp}" ] || echo "$f: $from"
done)" ''
# shellcheck disable=SC2086 # words
is 'together everything' "$(count $files)" "$(recorded)"
is 'each with an id of its own' "$(for f in $files; do head -c 64 "$f" | md5sum; done | sort -u | wc -l)" "$(echo "$files" | wc -l)"

echo mine >s.evp.0002
status 'by size' 0 evp-record -v -a -F 999 --duration 2 -i 0.2 --rotate 1K -o s.evp
ok 'numbered' test -s s.evp.0001 -a -s s.evp.0003
is 'what was there stays' "$(cat s.evp.0002)" mine
rm s.evp.0002
is 'together everything' "$(count s.evp.*)" "$(recorded)"
before=$(ls s.evp.* | wc -l)
evp-record -q -p $spinner --duration 0.3 --rotate 1G -o s.evp
is 'a second run goes on behind them' "$(ls s.evp.* | wc -l)" $((before + 1))

bg evp-record -p $spinner -F 499 -i 0.2 --rotate 1s -o k.evp
waits 10 test -s k.evp.0003
kill -KILL $pid
wait $pid 2>/dev/null
is 'killed: the finished are whole' "$(evp-stream check k.evp.0001 k.evp.0002 | grep -c whole)" 2
last=$(ls k.evp.* | tail -n 1)
status 'the last is cut short' 3 evp-stream check "$last"
status 'and can be read' 3 evp-fold -q "$last"

mkdir disk
if mount -t tmpfs -o size=100k tmpfs disk 2>/dev/null; then
	status 'a full disk: the recorder ends' 2 timeout 30 evp-record -a -F 999 -i 0.1 --rotate 20K -o disk/d.evp
	said 'and says which file' "disk/d.evp.0*[0-9]'?: No space left on device"
	status 'what was finished is whole' 0 evp-stream check disk/d.evp.0001
	umount disk
fi
refused 'no place for the first file' 'No such file' evp-record -p $spinner --rotate 1s -o gone/g.evp
mkdir gone kept
bg evp-record -p $spinner -i 0.2 --rotate 1s -o gone/g.evp
waits 5 test -s gone/g.evp.0001
ln gone/* kept
rm -r gone
wait $pid 2>/dev/null
is 'none for a later one' $? 2
status 'all files are whole' 0 evp-stream check kept/*

refused 'without a file' 'needs -o FILE' evp-record -a --rotate 1M
for bad in 100 0K x 1ms -1s ''; do refused "--rotate '$bad'" '^evp-record: --rotate: ' evp-record -a -o no.evp --rotate "$bad"; done
refused 'more often than it writes' 'shorter than the interval' evp-record -a -i 10 --rotate 5s -o no.evp
no 'nothing written' test -e no.evp.0001
done_testing
