#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Tables in: columns by name, any order of rows, through memory or through files on disk.
. "${0%/*}/lib.sh"

cat >"$T/a.tsv" <<'END'
ts	comm	pid	service	samples	stack
1760000020	web	17	shop	2	main;late
1760000000	web	17	shop	1	main;f;g
2025-10-09T08:53:30Z		0		3	main;f
1760000010.5	db	9	shop	4	main;f;g
END
status 'import' 0 evp-import -o "$T/a.evp" "$T/a.tsv"
said 'says what it takes a sample for' '1/19 s'
said 'and how long a row is' '10 s'
status 'the stream is whole' 0 evp-stream check "$T/a.evp"

is 'rows come out by time' "$(evp-stream dump "$T/a.evp" | sed -n 's/.*17600000\([0-9.]*\): .*/\1/p' | uniq | tr '\n' ' ')" \
	'00.000000 10.000000 10.500000 20.000000 '
printf '%s\n' 'db;main;f;g 4' 'main;f 3' 'web;main;f;g 1' 'web;main;late 2' >"$T/want"
evp-fold "$T/a.evp" >"$T/out"
same 'folded by comm' "$T/out" "$T/want"
is 'pid is a label' "$(evp-fold -L pid,service "$T/a.evp" | grep '^17;shop')" '17;shop;main;f;g 1
17;shop;main;late 2'

printf 'value\tstack\tduration\tts\n-5\ta\t60s\t1\n7\tb\t0\t0\n' >"$T/v.tsv"
status 'values alone' 0 evp-import --type io -o "$T/v.evp" "$T/v.tsv"
is 'no sample is made up' "$(cat "$T/err")" ''
is 'signed values' "$(evp-fold -L '' --value io "$T/v.evp" | tr '\n' ,)" 'a -5,b 7,'

# 3000 rows in reverse order, with so little memory that every few go to disk.
awk 'BEGIN { print "ts\tnode\tsamples\tstack"
	for (i = 3000; i > 0; i--) printf "%d\tn%d\t%d\tmain;f%d;g%d\n", 1760000000 + i, i % 3, 1 + i % 5, i % 7, i % 41 }' >"$T/r.tsv"
evp-import -q -o "$T/r.evp" "$T/r.tsv"
for mem in 1K 64K; do
	status "--mem $mem" 0 evp-import -q --mem $mem -o "$T/m.evp" "$T/r.tsv"
	status 'whole' 0 evp-stream check "$T/m.evp"
	is 'the same samples in the same order' "$(evp-stream dump "$T/m.evp" | md5sum)" "$(evp-stream dump "$T/r.evp" | md5sum)"
done
status 'a full disk' 2 env TMPDIR=/dev/full evp-import --mem 1K "$T/r.tsv"
said 'is said' "temporary file in '/dev/full'"
run sh -c "evp-import -q '$T/a.tsv' '$T/a.tsv' | evp-fold"
is 'two inputs are one stream' "$(grep -c 'late 4' "$T/out")" 1

bad() { # NAME HEADER ROW ERE
	printf '%b\n%b\n' "$2" "$3" >"$T/bad"
	refused "$1" "$4" evp-import -f tsv "$T/bad"
}
H='ts\tstack\tsamples'
bad 'no ts' 'stack\tsamples' 'a\t1' "line 1: .*no column 'ts'"
bad 'no stack' 'ts\tsamples' '1\t1' "line 1: .*no column 'stack'"
bad 'no number' 'ts\tstack' '1\ta' 'neither'
bad 'a column twice' "$H\tts" '1' "'ts' is there twice"
bad 'a label twice' "$H\tx\tx" '1' "'x' is there twice"
bad 'no label name' "$H\tx-y" '1' "'x-y' is no label name"
bad 'a field too few' "$H" '1\ta' 'line 2: fewer fields'
bad 'a field too many' "$H" '1\ta\t1\t2' 'line 2: more fields'
bad 'a bad time' "$H" 'noon\ta\t1' "line 2: ts 'noon'"
bad 'a time without zone' "$H" '2025-10-09T08:53:30\ta\t1' 'neither unix seconds nor RFC 3339'
bad 'milliseconds for seconds' "$H" '17600000000000\ta\t1' 'line 2: ts'
bad 'negative samples' "$H" '1\ta\t-1' "line 2: samples '-1'"
bad 'too many samples' "$H" '1\ta\t9223372036854775808' 'beyond 2\^63'
bad 'a bad duration' "$H\tduration" '1\ta\t1\tlong' "line 2: 'long' is no duration"
bad 'an endless row' "$H\tduration" '9000000000\ta\t1\t9000000000' 'pass the year'
printf 'ts\tstack\tvalue\n1\ta\t1\n' >"$T/other.tsv"
refused 'inputs that differ' 'other columns' evp-import "$T/a.tsv" "$T/other.tsv"
refused 'a missing file' "cannot open '$T/none'" evp-import "$T/a.tsv" "$T/none"
{ printf '%b\n1\t' "$H"; head -c 17000000 /dev/zero | tr '\0' x; } >"$T/bad"
refused 'an endless line' 'line 2: longer than 16 MiB' evp-import "$T/bad"
{ printf '%b\n1\t' "$H"; head -c 3000000 /dev/zero | tr '\0' ';'; printf '\t1\n'; } >"$T/bad"
refused 'a bottomless stack' 'line 2: .*deeper' evp-import "$T/bad"
done_testing
