#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Folded text in and out again; what cannot be a count is refused, with its line.
. "${0%/*}/lib.sh"

printf '%s\n' 'main;a b;c 3' 'main;x\;y 5' 'main;new\nline;\xff 1' 'main;a b;c 4' >"$T/in"
status 'import' 0 evp-import -q -o "$T/a.evp" "$T/in"
status 'the stream is whole' 0 evp-stream check "$T/a.evp"
printf '%s\n' 'main;a b;c 7' 'main;new\nline;\xff 1' 'main;x\;y 5' >"$T/want"
evp-fold -L '' "$T/a.evp" >"$T/out"
same 'comes out as it went in, sorted and summed' "$T/out" "$T/want"
evp-export -f folded --by '' "$T/a.evp" >"$T/out"
same 'evp-export folds like evp-fold' "$T/out" "$T/want"

printf 'bash;main;sys_read_[k] 2\nbash;f;g_[i];h_[i];jitted_[j] 1\n' >"$T/in"
evp-import -q --by comm "$T/in" | evp-fold -a >"$T/out"
printf 'bash;f;g_[i];h_[i];jitted_[j] 1\nbash;main;sys_read_[k] 2\n' >"$T/want"
same 'marks and the comm survive' "$T/out" "$T/want"
printf '[cut:too-deep];f 1\n' | evp-import -q >"$T/c.evp"
is 'a cut is a cut again' "$(evp-fold -L '' "$T/c.evp")" '[cut:too-deep];f 1'

run sh -c "cat '$T/in' '$T/in' | evp-import -q >'$T/1.evp'; cat '$T/in' '$T/in' | evp-import -q >'$T/2.evp'"
same 'the same input gives the same bytes' "$T/1.evp" "$T/2.evp"
printf 'a;b 1\r\n\r\na;c 2' | evp-import -q | evp-fold -L '' >"$T/out"
is 'line ends of other systems, no last one' "$(tr '\n' , <"$T/out")" 'a;b 1,a;c 2,'
is 'value is 1/19 s a sample' "$(printf 'a 19\n' | evp-import -q | evp-fold -L '' --value cpu)" 'a 1000000000'
is 'or --period' "$(printf 'a 19\n' | evp-import --period 100 | evp-fold -L '' --value cpu)" 'a 1900'
is 'a fault is no time' "$(printf 'a 19\n' | evp-import --type fault 2>&1 | evp-fold -L '')" 'a 19'

bad() { # NAME LINE ERE
	printf 'good;line 1\n%b\n' "$2" >"$T/bad"
	refused "$1" "line 2: .*$3" evp-import -f folded "$T/bad"
}
bad 'no count' 'a;b' 'no count'
bad 'a word for a count' 'a;b c' 'no count'
bad 'a fraction' 'a;b 1.5' 'no count'
bad 'only a count' '17' 'no count'
bad 'negative' 'a;b -3' 'negative'
bad '2^63' 'a;b 9223372036854775808' 'beyond 2\^63'
bad 'a hundred digits' "a;b $(printf '1%0100d' 0)" 'beyond 2\^63'
printf 'a 9223372036854775807\na 1\n' >"$T/bad"
refused 'a sum of 2^63' 'line 2: .*sum' evp-import --period 1 "$T/bad"
printf 'a 300000000000\n' >"$T/bad"
refused 'values past 2^63' 'line 1: .*sum' evp-import "$T/bad"
refused 'an empty input' 'empty' evp-import /dev/null
status 'an empty folded one is an empty stream' 0 sh -c 'evp-import -qf folded /dev/null | evp-stream check'
refused 'a stream' 'is a stream already' evp-import "$T/a.evp"
refused 'bytes of nothing known' 'cannot tell the format' evp-import "$BIN/evp-import"
refused 'an unknown format' "unknown format 'x'" evp-import -f x "$T/in"
refused 'an alloc without bytes' "needs its value in bytes" evp-import --type alloc "$T/in"
refused 'a bad event name' 'no event name' evp-import --type 'Cpu!' "$T/in"
run evp-import -o "$T/none.evp" -f folded "$T/bad"
no 'nothing is left of a failed import' test -e "$T/none.evp"
done_testing
