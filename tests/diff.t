#!/bin/sh
# evp-diff: verdicts and status, matching, invariances, formats.
. "${0%/*}/lib.sh"

evp() { evp-import -q -f folded -o "$T/$1.evp"; }
# Twelve functions of 250 samples below main;work; f3 takes $1 times as long, all run $2 times as long.
work() { awk -v h="$1" -v k="$2" 'BEGIN { for (i = 0; i < 12; i++) printf "main;work;f%d %d\n", i, 250 * k * (i == 3 ? h : 1) + i }'; }
rows() { awk -F '\t' -v w="$1" '$1 == w { print $NF }' "$T/out"; }

work 1 1 | evp a
work 3 1 | evp b
work 3 0.86 | evp same_time
status 'a profile and itself: 0' 0 evp-diff "$T/a.evp" "$T/a.evp"
is 'and nothing changed' "$(grep -c '^no change' "$T/out")" 12
for new in b same_time; do
	status "three times as slow ($new): 1" 1 evp-diff --tsv "$T/a.evp" "$T/$new.evp"
	is 'it is named, and nothing else' "$(rows regression)" f3
	is 'nor is anything improved' "$(rows improvement)" ''
	is 'callers are callers' "$(rows 'caller up' | sort | tr '\n' ' ')" 'main work '
done
status 'the other way round: no regression' 0 evp-diff --tsv "$T/b.evp" "$T/a.evp"
is 'an improvement' "$(rows improvement)" f3
run evp-diff "$T/a.evp" "$T/b.evp"
like 'the text says how it compared' "$(cat "$T/out")" 'normalised by the 11 functions.* agree'
like 'and what it assumed' "$(cat "$T/out")" 'dispersion 4 \(assumed\)'

printf 'm;f 30\nm;g 30\n' | evp few
printf 'm;f 30\nm;g 45\n' | evp few2
status 'too few samples: 125' 125 evp-diff "$T/few.evp" "$T/few2.evp"
like 'and how many would do' "$(tail -n 1 "$T/out")" 'g may be a regression .*times the samples'
: | evp none
for sides in 'none a' 'a none' 'none none'; do
	set -- $sides
	status "$1 against $2: a side without samples is no regression" 125 \
		evp-diff --allow-partial "$T/$1.evp" "$T/$2.evp"
	like 'and said so' "$(tail -n 1 "$T/out")" 'a side has no samples'
done
head -c 400 "$T/b.evp" >"$T/cut.evp"
status 'a cut input: 125' 125 evp-diff "$T/a.evp" "$T/cut.evp"

# Another build: other names for the same, and no directory or address matters.
work 1 1 | sed 's/f5 /f5.isra.0 /; s/f6 /f6::h0123456789abcdef /' | evp marks
evp-diff --tsv "$T/a.evp" "$T/marks.evp" >"$T/out"
is 'marks of compilers do not count' "$(awk -F '\t' 'NR > 1 && $2 != $3' "$T/out")" ''

# A burst of interrupts on one side is nobody's regression.
{ work 1 1; echo 'main;work;f1;asm_common_interrupt;blk_done_softirq 90'; } | evp irq
status 'a burst of interrupts' 0 evp-diff "$T/a.evp" "$T/irq.evp"
like 'is counted' "$(cat "$T/out")" 'left out in interrupts: base 0 samples, new 90 samples'
status 'or judged, if asked for' 1 evp-diff --interrupts "$T/a.evp" "$T/irq.evp"

# Order, parts and sides.
work 1 1 | head -n 5 | evp p1
work 1 1 | tail -n 7 | evp p2
cat "$T/p2.evp" "$T/p1.evp" >"$T/parts.evp"
evp-diff --tsv "$T/a.evp" "$T/b.evp" >"$T/whole.tsv"
evp-diff --tsv "$T/parts.evp" "$T/b.evp" >"$T/parts.tsv"
same 'parts in any order give the same' "$T/whole.tsv" "$T/parts.tsv"
evp-diff --tsv - "$T/b.evp" <"$T/a.evp" >"$T/stdin.tsv"
same 'so does standard input' "$T/whole.tsv" "$T/stdin.tsv"
ok 'swapping the sides mirrors it' python3 - "$T" <<'PY'
import subprocess, sys, json
t = sys.argv[1]
def diff(a, b):
    out = subprocess.run(['evp-diff', '--json', f'{t}/{a}.evp', f'{t}/{b}.evp'], capture_output=True).stdout
    return {f['function']: f['flat'] for f in json.loads(out)['functions'] if f['flat']['base']}
x, y = diff('a', 'b'), diff('b', 'a')
for f in x:
    assert abs(x[f]['ratio'] * y[f]['ratio'] - 1) < 1e-6, f
    assert abs(x[f]['low'] * y[f]['high'] - 1) < 1e-6, f
    assert abs(x[f]['q'] - y[f]['q']) < 1e-6, f
PY

# The same from a store.
at() { evp-import -q -f folded --time "$1" --duration 60s | evp-store add "$T/prof.d"; }
work 1 1 | at 2026-11-20T10:00Z
work 3 1 | at 2026-11-20T12:00Z
status 'two times of a store' 1 evp-diff --tsv -s "$T/prof.d" --base ..2026-11-20T11:00Z --new 2026-11-20T11:00Z..
is 'name the same' "$(rows regression)" f3
status 'two matchers' 0 evp-diff -s "$T/prof.d" cpu 'cpu{pid=""}'
refused 'half a pair' '--base and --new' evp-diff -s "$T/prof.d" --base ..now
refused 'no range' 'no range FROM..TO' evp-diff -s "$T/prof.d" --base now --new ..
status 'a time without samples: 125' 125 evp-diff -s "$T/prof.d" --base ..now --new 2030-01-01..

is 'folded: two counts' "$(evp-diff --fold -L '' "$T/a.evp" "$T/b.evp" | sed -n 6p)" 'main;work;f3 253 753'
refused 'one stream is not enough' 'BASE and NEW' evp-diff "$T/a.evp"
refused 'a dispersion below 1' 'not within' evp-diff --dispersion 0.5 "$T/a.evp" "$T/a.evp"
refused 'a missing file' "cannot open '/nonexistent'" evp-diff "$T/a.evp" /nonexistent
done_testing
