#!/bin/sh
# evp-fold: order, labels, escapes, sums.
. "${0%/*}/lib.sh"
G=tests/golden/stream

fold() { printf '%s\n' "$@" | evp-import -f folded | evp-fold -L ''; }

is 'adds equal stacks up' "$(fold 'a;b 1' 'a;b 2')" 'a;b 3'
# "b 5" before "b-c" before "b;d": the order of bytes, though b-c is a sibling of b.
is 'the order is that of LC_ALL=C sort' "$(fold 'a;b;d 2' 'a;b 5' 'a;b-c 1' 'a;b<x 1' 'a;b c 1' | LC_ALL=C sort -c && echo yes)" yes
is 'blanks in names' "$(fold 'operator new(unsigned long);f (x) 3')" 'operator new(unsigned long);f (x) 3'
is 'escapes come through' "$(fold 'a\;b;c\nd;\xff\\ 7')" 'a\;b;c\nd;\xff\\ 7'
is 'a deep stack' "$(fold "$(seq -s ';' 1 5000) 1" | md5sum)" "$(echo "$(seq -s ';' 1 5000) 1" | md5sum)"

run evp-fold $G/good/plain.evp
like 'comm leads by default' "$(cat "$T/out")" '^busy;main 1$'
is 'other labels' "$(evp-fold --by pid,comm,none $G/good/plain.evp | head -n 1)" '42;busy;[none];main 1'
is 'another value' "$(evp-fold -L '' --value cpu $G/good/plain.evp | head -n 1)" 'main 10101010'
is 'lines' "$(evp-fold -L '' --lines $G/good/plain.evp | head -n 1)" 'main:3 1'
is 'same text, one line: kernel and module' "$(evp-fold -a -L '' $G/good/same-text.evp | tr '\n' '|')" \
	'main;main 1|main;work 1|main_[k];leaf 1|main_[k];work 1|'
is 'same text, one line: two files' "$(evp-fold --lines -L '' $G/good/same-text.evp | tail -n 1)" 'main:3;work:3 2'
status 'an event it has not: status 1' 1 evp-fold --type x $G/good/plain.evp
said 'and said' "no samples of event 'x', 3 of others"
refused 'a list of labels that is none' "'a,,b' is no list of labels" evp-fold --by a,,b $G/good/plain.evp
refused 'a value it has not' "no value 'x' \(there are samples, cpu\)" evp-fold --value x $G/good/plain.evp

cat $G/good/plain.evp $G/good/epochs.evp >"$T/both.evp"
{ evp-fold $G/good/plain.evp; evp-fold $G/good/epochs.evp; } |
	awk '{ n[$1] += $2 } END { for (k in n) print k, n[k] }' | LC_ALL=C sort >"$T/sum"
evp-fold "$T/both.evp" >"$T/both"
same 'fold(cat a b) = fold a + fold b' "$T/sum" "$T/both"

head -c $(($(stat -c %s "$T/both.evp") / 2)) "$T/both.evp" >"$T/half.evp"
status 'half a stream: status 3' 3 evp-fold "$T/half.evp"
said 'and said' 'cut short'
status 'an empty input too' 3 evp-fold /dev/null
refused 'a file that is not there' "cannot open '/nonexistent': No such file" evp-fold /nonexistent
status 'text' 2 evp-fold -o "$T/never" tests/lib.sh
no 'nothing half-written' test -e "$T/never"
printf 'a 9000000000000000000\n' | evp-import -qf folded --period 1 >"$T/big.evp"
status 'sums past 2^63 are refused' 2 evp-fold "$T/big.evp" "$T/big.evp"
said 'and said so' 'passes 2.63'
for f in $G/huge/*.evp; do
	refused "and in $f" 'passes 2.63' evp-fold "$f"
done
status 'a full disk' 2 sh -c "evp-fold $G/good/plain.evp >/dev/full"
said 'is said' "cannot write 'standard output': No space left"
done_testing
