#!/bin/sh
# Every reader against every bad stream: the same status as evp-stream check, words on stderr, never
# a crash, nothing half-written. Binary to a terminal is refused.
. "${0%/*}/lib.sh"
G=tests/golden/stream

reads() { # NAME, EXPRESSION: a shell command that reads "$f" and writes to "$o"
	for f in $G/bad/*.evp; do
		o=$T/written
		export f o
		rm -rf "$o"
		evp-stream check "$f" >/dev/null 2>&1
		want=$?
		[ "$1:$want" = evp-diff:3 ] && want=125
		[ "$1:$f" = evp-flame:$G/bad/text.evp ] && continue # folded text, which it reads
		timeout 20 sh -c "$2" >"$T/out" 2>"$T/err"
		got=$?
		[ $got = $want ] || echo "$f: status $got, not $want: $(head -n 1 "$T/err")"
		[ -s "$T/err" ] || echo "$f: nothing on stderr"
		[ $want = 3 ] || [ ! -e "$o" ] || [ -d "$o" ] || echo "$f: status $want, but a file was written"
	done >"$T/wrong"
	is "$1 and damaged streams" "$(head -n 5 "$T/wrong")" ''
}
# shellcheck disable=SC2016 # the shell of each command expands
{
	reads evp-fold 'evp-fold -o "$o" "$f"'
	reads evp-top 'evp-top -o "$o" "$f"'
	reads evp-flame 'evp-flame -o "$o" "$f"'
	reads evp-export 'evp-export -f pprof -o "$o" "$f"'
	reads evp-symbolize 'evp-symbolize -o "$o" "$f"'
	reads 'evp-stream cat' 'evp-stream cat -o "$o" "$f"'
	reads 'evp-store add' 'evp-store add "$o" "$f"'
	reads evp-diff 'evp-diff "$f" "$f"'
}

full() { sh -c "$* >/dev/full"; }
for c in evp-fold evp-top evp-flame 'evp-export -f pprof' 'evp-export -f folded' evp-symbolize 'evp-stream cat' \
	'evp-stream dump' 'evp-stream stat'; do
	status "$c to a full disk" 2 full "$c $G/good/plain.evp"
	said 'says so' 'No space left on device'
done

# script(1) gives the command a terminal; what it printed there is in $T/tty.
terminal() { script -qec "$1" "$T/tty" </dev/null >/dev/null 2>&1; }
printf 'a;b 1\n' >"$T/a.folded"
evp-import -q -f folded "$T/a.folded" | evp-store add "$T/prof.d"
for c in "evp-import -f folded $T/a.folded" "evp-symbolize $G/good/plain.evp" "evp-stream cat $G/good/plain.evp" \
	"evp-export -f pprof $G/good/plain.evp" 'evp-record -F 99 -- true' "evp-query -s $T/prof.d cpu"; do
	terminal "$c"
	is "binary to a terminal: ${c%% *}" "$? $(grep -ac "a terminal" "$T/tty")" '2 1'
done
for c in evp-fold "evp-diff - $G/good/plain.evp"; do
	terminal "$c"
	is "a stream from a terminal: ${c%% *}" "$? $(grep -ac "a terminal" "$T/tty")" '2 1'
done
done_testing
