#!/bin/sh
# The golden streams, written from evp-stream(5) alone by tests/golden/stream/make.py.
. "${0%/*}/lib.sh"
G=tests/golden/stream

python3 $G/make.py "$T/made"
for f in "$T"/made/*/*.evp; do
	cmp -s "$f" "$G/${f#"$T"/made/}" || echo "$f"
done >"$T/differ"
is 'the golden files are what make.py writes' "$(cat "$T/differ")" ''

for f in $G/good/*.evp; do
	run evp-fold -L '' "$f"
	echo "$(basename "$f" .evp) $rc $(tr '\n' '|' <"$T/out")$(cat "$T/err")"
done >"$T/good"
expect 'good streams are read whole' $G/good.txt "$T/good"

for f in $G/bad/*.evp; do
	run evp-fold -L '' "$f"
	echo "$(basename "$f" .evp) $rc $(tr '\n' '|' <"$T/out")"
	sed 's/^/    /' "$T/err"
done >"$T/bad"
expect 'bad streams: status, what is delivered, what is said' $G/bad.txt "$T/bad"

status 'check: whole' 0 evp-stream check $G/good/plain.evp
status 'check: cut short' 3 evp-stream check $G/bad/no-end.evp
status 'check: no stream' 2 evp-stream check $G/bad/text.evp
like 'check --json' "$(evp-stream check --json $G/good/plain.evp)" '"whole":true'

run evp-stream cat --no-prov $G/good/epochs.evp $G/good/two-streams.evp
cp "$T/out" "$T/cat.evp"
is 'cat keeps every sample' "$(evp-fold -L '' "$T/cat.evp" | tail -n 1)" 'main;work;leaf 12'
status 'cat gives a whole stream' 0 evp-stream check "$T/cat.evp"
evp-stream cat --no-prov "$T/cat.evp" | evp-stream dump >"$T/again"
evp-stream dump "$T/cat.evp" >"$T/once"
same 'cat of a cat is the same' "$T/once" "$T/again"
# Going back behind the first stream's watermark takes another epoch.
evp-stream cat $G/good/plain.evp $G/good/exact-time.evp >"$T/back.evp"
is 'cat keeps what watermarks say' "$(evp-stream stat "$T/back.evp" | grep -o '[0-9]* epochs')" '2 epochs'
is 'cat --to leaves later windows out' "$(evp-stream cat --to @1760000000 $G/good/plain.evp | evp-fold)" ''
is 'cat --from keeps them' "$(evp-stream cat --from @1760000000 $G/good/plain.evp | evp-fold -L '' | head -n 1)" 'main 1'
refused 'cat --from nonsense' 'is no time' evp-stream cat --from nonsense $G/good/plain.evp
refused 'a day that is none' 'is no time' evp-stream cat --from 2026-02-30 $G/good/plain.evp
refused 'a second without its end' 'is no time' evp-stream cat --from 2026-02-28T10:00:00. $G/good/plain.evp
refused 'a time for check' 'of cat' evp-stream check --from now $G/good/plain.evp
refused 'a verb it has not' 'unknown verb' evp-stream frob $G/good/plain.evp

is 'dump prints a record once a sample' "$(evp-stream dump $G/good/plain.evp | grep -c 'cpu:$')" 6
like 'dump: header' "$(evp-stream dump $G/good/plain.evp)" '^busy 42 1760000000\.000000: +10101010 cpu:$'
for to in '' '-o -' "-o $T/never"; do
	# shellcheck disable=SC2086 # no option, or two words
	status "one input of two cannot be read, dump $to" 2 evp-stream dump $to $G/good/plain.evp /nonexistent
	is 'what is read of the other' "$(grep -c 'cpu:$' "$T/out")" "$([ "$to" = "-o $T/never" ] && echo 0 || echo 6)"
done
no 'a file is not left behind' test -e "$T/never"
like 'stat' "$(evp-stream stat $G/good/plain.evp)" '^event: +cpu: 6 samples in 3 records'

# Any chunking of a pipe gives the same.
python3 -c 'import sys
for b in open(sys.argv[1], "rb").read(): sys.stdout.buffer.write(bytes([b])); sys.stdout.flush()' $G/good/blocks.evp |
	evp-fold -L '' >"$T/slow"
is 'one byte at a time through a pipe' "$(cat "$T/slow")" "$(evp-fold -L '' $G/good/blocks.evp)"
done_testing
