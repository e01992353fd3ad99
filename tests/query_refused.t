#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What evp-query does not take: stores that are none, matchers with errors, damaged segments.
. "${0%/*}/lib.sh"
cd "$T" || exit 1
awk 'BEGIN { print "ts\tcomm\tsamples\tstack"
	for (i = 0; i < 720; i++) printf "%d\tc%d\t1\tmain;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;f%d\n", 1760054400 + 10 * i, i % 3, i % 50 }' >rows.tsv
evp-import -q -f tsv --period 10000000 rows.tsv | evp-store add --every 1h s >/dev/null 2>&1

refused 'a store that is missing' "'nowhere'" evp-query -s nowhere
refused 'a store that is a file' "'rows.tsv'" evp-query -s rows.tsv
mkdir foreign && : >foreign/x
refused 'a directory that is none' 'foreign' evp-query -s foreign
refused 'no regular expression' '^ +\^' evp-query -s s 'cpu{comm=~"a(b"}'
is 'a caret under the place' "$(sed -n 2,3p "$T/err")" '  cpu{comm=~"a(b"}
                ^'
refused 'no quotes' 'value in quotes' evp-query -s s 'cpu{comm=nginx}'
refused '--function with an error' '^ +\^' evp-query -s s --function '*x'
refused 'a pattern that explodes' 'gave up' evp-query -s s --stack '^(([a-z;0-9]+)+)+[A-Z]$'
refused 'a time that is none' '[-]-from' evp-query -s s --from noon
refused 'times the wrong way round' 'not before' evp-query -s s --from now --to -1h
refused 'two matchers' 'unexpected operand' evp-query -s s cpu alloc
refused 'values of nothing' 'which label' evp-query -s s values
refused '--raw --by' '[-]-raw' evp-query -s s --raw --by comm
refused '--not at the end' '[-]-not' evp-query -s s --not
refused 'a step of nothing whole' 'milliseconds' evp-query -s s --step 1us
refused '--json of a stream' '[-]-json' evp-query -s s --json
status 'a full disk' 2 sh -c 'evp-query -s s >/dev/full'

evp-query -s s --from @1760054400 --to @1760058000 | evp-fold >good
bad=$(find s -name '0-20251010T010000Z-*.parquet' | head -n 1)
ok 'two segments' test -n "$bad"
cp "$bad" keep
for at in 4 5000 $(($(stat -c %s keep) / 2)) $(($(stat -c %s keep) - 20)); do
	cp keep "$bad"
	chmod u+w "$bad"
	[ "$at" -lt "$(stat -c %s keep)" ] || continue
	printf '\377\376\375\374' | dd of="$bad" bs=1 seek="$at" conv=notrunc 2>/dev/null
	run sh -c 'evp-query -s s | evp-fold'
	evp-query -s s >q.evp 2>said
	rc=$?
	[ $rc = 0 ] && cmp -s keep "$bad" && continue
	case $rc in
	3) same "damage at $at: the good one answers" "$T/out" good ;;
	*) is "damage at $at touches nothing that is read" "$rc" 0 ;;
	esac
done
head -c 3000 keep >"$bad"
status 'a cut segment' 3 sh -c 'evp-query -s s >q.evp'
said 'is named' "left out '.*$(basename "$bad")"
evp-fold q.evp >got
same 'the good one answers' got good
status 'values, of the good ones' 3 evp-query -s s values comm
status '--raw, of the good ones' 3 sh -c 'evp-query -s s --raw >raw.evp'
status 'which is whole' 0 evp-stream check raw.evp
done_testing
